// Usernames (PROTOCOL 5.1).
import test from 'ava'
import fc from 'fast-check'
import { foldName, isUsername, parseUsername, RESERVED_NAMES } from '../../lib/protocol/names.ts'
import { outcome, runs } from '../helpers/refusals.ts'
import { vectors } from '../helpers/vectors.ts'

for (const v of vectors.names) {
  test(`vector ${v.in}`, (t) => {
    t.is(foldName(v.in), v.folded)
    t.is(isUsername(v.folded), v.valid_after_folding)
    t.is(
      outcome(() => parseUsername(v.in)),
      v.valid_after_folding ? 'accepted' : 'E_FORMAT',
    )
  })
}

test('reserved names are refused in any case', (t) => {
  for (const name of RESERVED_NAMES) {
    t.false(isUsername(name))
    t.is(
      outcome(() => parseUsername(name.toUpperCase())),
      'E_FORMAT',
    )
  }
})

test('what breaks the syntax is refused', (t) => {
  const bad = [
    '',
    'a',
    'ab',
    '.ab',
    '-ab',
    '_ab',
    '1ab',
    'a b',
    'ab\n',
    'ab\u0000',
    'ab/c',
    '../x',
    '@alice',
    'aliсe',
  ] // the last with a Cyrillic letter
  for (const name of bad)
    t.is(
      outcome(() => parseUsername(name)),
      'E_FORMAT',
    )
})

test('only A-Z is folded: no letter of another alphabet becomes an ASCII one', (t) => {
  for (const s of ['\u212a', '\u0130', '\uff21', '\u017f']) t.is(foldName(s), s)
})

test('folding is idempotent, and a valid name folds to itself', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (s) => {
      t.is(foldName(foldName(s)), foldName(s))
      if (isUsername(s)) t.is(foldName(s), s)
    }),
    runs(200),
  )
  fc.assert(
    fc.property(fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_.-]{2,31}$/), (s) => {
      const folded = foldName(s)
      t.is(
        outcome(() => parseUsername(s)),
        RESERVED_NAMES.includes(folded) ? 'E_FORMAT' : 'accepted',
      )
    }),
    runs(200),
  )
})
