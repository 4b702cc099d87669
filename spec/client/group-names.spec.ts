// What a group is called here, whatever its admins called it.
import test from 'ava'

import { localName, typable } from '../../lib/client/groups/local-name.ts'

test('letters that show nothing do not make a second group of the same look', (t) => {
  for (const blank of ['\u115F', '\u1160', '\u3164', '\uFFA0']) {
    t.is(typable(`${blank}te${blank}am${blank}`), 'team')
    t.is(
      localName(`team${blank}`, (name) => name === 'team'),
      'team-2',
    )
    t.is(
      localName(blank, () => false),
      'group',
    )
  }
})
