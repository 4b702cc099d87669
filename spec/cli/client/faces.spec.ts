// How people are told apart: one colour each, wherever their name stands, and a mark for whom one has verified.
import test from 'ava'

import { ScreenFront } from '../../../lib/cli/client/screen-front.ts'
import type { ContactInfo, MessageView } from '../../../lib/client/events.ts'
import { ALICE } from '../../helpers/fake-front.ts'
import { FakeTerminal, type FakeTerminalOptions } from './fake-terminal.ts'
import { FullKit } from './full/full-kit.ts'

const alice = { ...ALICE, acct: '00000003' }
const bob = { ...ALICE, user: 'bob', acct: '00000005' }
const view = (from: ContactInfo, more: Partial<MessageView> = {}): MessageView => ({
  ...{ number: 1, mid: 'aa', conv: 'c0', chat: from.user, from: from.user, acct: from.acct },
  ...{ own: false, ts: 0, at: 0, saidAt: 0, timeDoubtful: false, resent: false },
  ...{ body: { kind: 'text', text: 'hello' }, ...more },
})

function window(options: FakeTerminalOptions = {}): {
  x: FakeTerminal
  front: ScreenFront
  known: ContactInfo[]
} {
  const x = new FakeTerminal({ cols: 70, rows: 12, ...options })
  const prompts = { form: () => Promise.reject(new Error('no form in this test')) }
  const front = new ScreenFront(x.ui, prompts, x.clock)
  const known: ContactInfo[] = []
  front.contacts(() => known)
  return { x, front, known }
}

/** The colour of the first letter of `word` in the row that holds `part`. */
function colourOf(x: FakeTerminal, part: string, word: string): number {
  const rows = x.screen().split('\n')
  const y = rows.findIndex((row) => row.includes(part))
  return x.style(rows[y]?.indexOf(word) ?? 0, y).colour
}

test('a person has one colour: alone, in groups, where one writes to them, in the prompt', async (t) => {
  const { x, front, known } = window()
  known.push(alice, bob)
  front.message(view(alice, { body: { kind: 'text', text: 'one' } }), false)
  front.message(view(alice, { chat: '#team', body: { kind: 'text', text: 'two' } }), false)
  front.message(view(bob, { body: { kind: 'text', text: 'three' } }), false)
  front.message(
    view(alice, { own: true, from: 'me', acct: 'ff', body: { kind: 'text', text: 'four' } }),
    false,
  )
  front.place('me', 'alice')
  await x.settled()
  const colour = colourOf(x, 'one', 'alice')
  t.is(colour, 64)
  t.is(colourOf(x, 'two', 'alice'), colour)
  t.is(colourOf(x, 'four', '@alice'), colour)
  t.is(colourOf(x, 'me @alice >', '@alice'), colour)
  t.is(colourOf(x, 'three', 'bob'), 31)
})

test('without colour the names are there all the same', async (t) => {
  const { x, front, known } = window({
    env: { TERM: 'xterm-256color', LANG: 'C.UTF-8', NO_COLOR: '1' },
  })
  known.push(alice)
  front.message(view(alice), false)
  front.place('me', 'alice')
  await x.settled()
  t.regex(x.screen(), / 1 alice: hello\n/u)
  t.is(colourOf(x, 'hello', 'alice'), -1)
  t.notRegex(x.output.raw, /\[3\dm|\[38;/u)
})

test('whoever is verified has a mark behind the name, nobody else, and none by their own doing', async (t) => {
  for (const [env, mark] of [
    [{ TERM: 'xterm', LANG: 'C.UTF-8' }, '\u2713'],
    [{ TERM: 'linux' }, '+'],
  ] as const) {
    const { x, front, known } = window({ env })
    known.push({ ...alice, trust: 'verified' }, { ...bob, trust: 'changed' })
    front.message(view(alice), false)
    front.message(view(alice, { chat: '#team\u2713' }), false)
    front.message(view(bob), false)
    front.message(view({ ...bob, acct: '00000009' }, { from: 'alice' }), false)
    front.message(view(alice, { own: true, from: 'me' }), false)
    front.place('me', 'alice')
    await x.settled()
    const rows = x
      .screen()
      .split('\n')
      .filter((row) => !row.startsWith('- '))
      .map((row) => row.slice(row.startsWith('me') ? 0 : 9))
    t.deepEqual(rows, [
      `1 alice${mark}: hello`,
      `1 #team\u2713 alice${mark}: hello`,
      '1 bob: hello',
      '1 alice: hello',
      `1 me @alice${mark}: hello`,
      `me @alice${mark} >`,
    ])
  }
})

test('full screen: colour and mark in the list, the title and the prompt follow a verification', async (t) => {
  const kit = await new FullKit(['alice', 'carol']).start()
  await kit.type('!chat alice\r')
  t.regex(kit.x.screen(), /^> 1 alice +\|[^]*bob @alice >/mu)
  t.regex(kit.x.screen(), /- alice, not verified/u)
  await kit.trust('alice', 'verified')
  t.regex(kit.x.screen(), /^> 1 alice\u2713 +\|/mu)
  t.regex(kit.x.screen(), /- alice, verified -/u)
  t.regex(kit.x.screen(), /bob @alice\u2713 >/u)
  await kit.says('alice', 'it is me')
  t.is(colourOf(kit.x, 'it is me', 'alice\u2713:'), colourOf(kit.x, ' 1 alice', 'alice'))
  await kit.trust('alice', 'changed')
  t.regex(kit.x.screen(), /- alice, KEYS CHANGED/u)
  t.regex(kit.x.screen(), /bob @alice >/u)
})
