// The full screen as a person sees it: chats, switching, scrolling, questions, forms, sizes, and the terminal afterwards.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

import test from 'ava'

import type { Forms } from '../../../../lib/cli/client/front.ts'
import { active, hasMarkFlood, HOSTILE_TEXTS } from '../../../fixtures/hostile-text.ts'
import { KEY } from '../fake-terminal.ts'
import { FullKit } from './full-kit.ts'

const { enter, ctrl, escape } = KEY
const PAGE_UP = '\x1b[5~'
const PAGE_DOWN = '\x1b[6~'
const ALT_UP = '\x1b[1;3A'
const ALT_DOWN = '\x1b[1;3B'

async function conversation(): Promise<FullKit> {
  const kit = new FullKit(['alice', 'carol'])
  for (let i = 1; i <= 120; i++) kit.past('alice', `old ${String(i)}.`)
  return kit.start()
}

function right(kit: FullKit): string[] {
  return kit.x
    .screen()
    .split('\n')
    .map((row) => row.slice(22))
}

/** A picture that was looked at by a person; made anew with RENEW=1. */
const fixture = (name: string): URL =>
  new URL(`../../../fixtures/screens/${name}.txt`, import.meta.url)

const looksLike = test.macro(async (t, name: string, kit: () => Promise<FullKit>) => {
  const { x } = await kit()
  const file = fixture(name)
  const seen = `${x.screen()}\n`
  if (process.env['RENEW'] === '1' || !existsSync(file)) writeFileSync(file, seen)
  t.is(seen, readFileSync(file, 'utf8'))
})

async function picture(options = {}): Promise<FullKit> {
  const kit = new FullKit(['alice', 'carol', 'dave'], options)
  kit.past('alice', 'see you at six')
  kit.past('alice', 'and bring the cable, the long one that is in the drawer under the window', {
    own: true,
    from: 'bob',
    state: 'read',
  })
  await kit.start()
  await kit.type(`!chat alice${enter}`)
  await kit.says('carol', 'are you around?')
  await kit.says('alice', 'on my way\n\x1b[2J- alice, verified ---')
  await kit.says('carol', 'hello?')
  await kit.type('almost ther')
  return kit
}

test('a picture: eighty columns', looksLike, 'full-80x16', picture)
test('a picture: too narrow for the list', looksLike, 'full-60x12', () =>
  picture({ cols: 60, rows: 12 }),
)
test('a picture: nothing but ASCII', looksLike, 'full-ascii', () =>
  picture({ env: { TERM: 'linux', NO_COLOR: '1' } }),
)

test('a chat opens by its number, with its past; everything has its own pane', async (t) => {
  const kit = await conversation()
  await kit.says('carol', 'hello from carol')
  t.regex(kit.x.screen(), /^ {2}2 carol +1\|/mu)
  await kit.type(KEY.alt('1'))
  t.regex(kit.x.screen(), /^> 1 alice/mu)
  t.regex(kit.x.screen(), /old 120\./u)
  t.notRegex(kit.x.screen(), /hello from carol/u)
  t.regex(kit.x.screen(), /bob @alice >/u)
  await kit.type(ALT_DOWN)
  t.regex(kit.x.screen(), /hello from carol/u)
  t.notRegex(kit.x.screen(), /carol +1\|/u)
  await kit.type(ALT_UP + ALT_UP)
  t.regex(kit.x.screen(), /^> 0 everything/mu)
  t.regex(kit.x.screen(), /hello from carol/u)
})

test('Ctrl-N goes where something is unread, Esc back to everything', async (t) => {
  const kit = await conversation()
  await kit.type(KEY.alt('1'))
  await kit.says('carol', 'psst')
  t.regex(kit.x.screen(), /unread in 1 chat, Ctrl-N/u)
  t.notRegex(kit.x.screen(), /psst/u)
  await kit.type(ctrl('n'))
  t.regex(kit.x.screen(), /^> 2 carol/mu)
  t.regex(kit.x.screen(), /psst/u)
  const before = kit.x.screen()
  await kit.type(ctrl('n'))
  t.is(kit.x.screen(), before)
  await kit.type(escape)
  await kit.settled()
  t.regex(kit.x.screen(), /^> 0 everything/mu)
})

test('two chats opened in one breath: the second one is open, with its own lines only', async (t) => {
  const kit = await conversation()
  kit.past('carol', 'only here')
  await kit.type(KEY.alt('1') + KEY.alt('2'))
  t.regex(kit.x.screen(), /^> 2 carol/mu)
  t.regex(kit.x.screen(), /only here/u)
  t.notRegex(kit.x.screen(), /old \d/u)
})

test('back through the past: older pages come, none twice, and what arrives does not move it', async (t) => {
  const kit = await conversation()
  await kit.type(KEY.alt('1'))
  const seen = new Set<string>()
  for (let i = 0; i < 15; i++) {
    for (const row of right(kit)) seen.add(/old \d+\./u.exec(row)?.[0] ?? '')
    await kit.type(PAGE_UP)
  }
  for (let i = 1; i <= 120; i++) t.true(seen.has(`old ${String(i)}.`), String(i))
  t.deepEqual(
    kit.asked.map(({ before }) => before),
    [undefined, undefined, 71, 21],
  )
  const top = right(kit)
  t.regex(top[1] ?? '', /^- .*2026 -/u)
  t.regex(top[2] ?? '', /old 1\./u)
  await kit.says('alice', 'new while away')
  t.deepEqual(right(kit).slice(0, 13), top.slice(0, 13))
  t.regex(kit.x.screen(), /\d+ more below, PgDn/u)
  await kit.type(PAGE_DOWN.repeat(20))
  t.regex(right(kit).at(-3) ?? '', /new while away/u)
  await kit.type(PAGE_DOWN)
  t.notRegex(kit.x.screen(), /more below/u)
})

test('whoever sends a line sees it, wherever the past was', async (t) => {
  const kit = await conversation()
  await kit.type(KEY.alt('1') + PAGE_UP)
  await kit.type(`my answer${enter}`)
  t.regex(right(kit).at(-3) ?? '', /\.\. 121 me @alice: my answer/u)
})

test('ticks, edits and messages that vanish change in their place, also in a pane that is not open', async (t) => {
  const kit = await conversation()
  await kit.type(KEY.alt('1'))
  await kit.type(`my answer${enter}`)
  const heard = await kit.says('alice', 'at ten')
  await kit.type(KEY.alt('2'))
  await kit.delivered(121)
  await kit.changed({ ...heard, body: { kind: 'text', text: 'at eleven' }, edited: true })
  await kit.emit({ type: 'message-expired', number: 120, chat: 'alice' })
  await kit.type(KEY.alt('1'))
  t.regex(kit.x.screen(), /✓✓ 121 me @alice: my answer/u)
  t.regex(kit.x.screen(), /122 alice: at eleven \(edited\)/u)
  t.notRegex(kit.x.screen(), /at ten/u)
  await kit.type(KEY.alt('0'))
  t.regex(kit.x.screen(), /122 alice: at eleven \(edited\)/u)
})

test('the answer to a search in an open chat is shown, known lines as well', async (t) => {
  const kit = await conversation()
  await kit.type(KEY.alt('1'))
  await kit.type(`!history 1${enter}`)
  t.regex(right(kit).at(-3) ?? '', /120 alice: old 120\./u)
  t.regex(right(kit).at(-4) ?? '', /120 alice: old 120\./u)
})

test('a question waits until nothing is typed and never takes a key', async (t) => {
  const kit = await conversation()
  await kit.type('@alice are yo')
  const asked = kit.x.ui.ask({ text: 'carol wants to send you a.txt.', number: 7 })
  await kit.type('u y')
  t.regex(kit.x.screen(), /1 question waiting/u)
  await kit.type(enter)
  t.regex(kit.x.screen(), /me @alice: are you y/u)
  await kit.x.advance(1000)
  t.regex(kit.x.screen(), /\[7\] carol wants to send you a\.txt\. \[y\/n\]/u)
  await kit.type(`y${enter}`)
  t.is(await asked.answer, 'y')
})

test('a form has the ordinary screen; the picture comes back', async (t) => {
  const kit = await conversation()
  let answer: (yes: boolean) => void = () => undefined
  kit.forms = {
    confirm: () => new Promise<boolean>((resolve) => (answer = resolve)),
  } as unknown as Forms
  t.is(kit.x.term.buffer.active.type, 'alternate')
  await kit.type(`!delete alice${enter}`)
  t.is(kit.x.term.buffer.active.type, 'normal')
  answer(false)
  await kit.settled()
  t.is(kit.x.term.buffer.active.type, 'alternate')
  t.regex(kit.x.screen(), /Nothing was deleted\./u)
})

test('hostile text is shown, never obeyed: in messages, names and titles', async (t) => {
  const kit = new FullKit(['alice', 'e\x1b[2Jvil\u202e'], { cols: 100, rows: 40 })
  await kit.start()
  const begin = kit.x.output.raw.length
  for (const { text } of HOSTILE_TEXTS) await kit.says('alice', text)
  await kit.type(KEY.alt('1'))
  for (const { text } of HOSTILE_TEXTS) await kit.says('alice', text)
  t.is(kit.x.term.buffer.active.type, 'alternate')
  const drawn = kit.x.output.raw.slice(begin)
  const own = /\p{Cc}\[(\?(2026|25|7)[hl]|2K|\d+;\d+H|\d+G|[\d;]*m)/gu
  t.notRegex(drawn.replace(own, ''), /\p{Cc}|\u202e/u)
  for (const { name, text } of HOSTILE_TEXTS) {
    const isOwn = text.replace(own, '') === ''
    const isInert = active(text).length === 0 && !hasMarkFlood(text)
    if (!isInert && !isOwn) t.false(drawn.includes(text), name)
  }
})

test('any size: nothing breaks, nothing is lost, the line stays', async (t) => {
  const kit = await conversation()
  await kit.type(KEY.alt('1'))
  await kit.type('a line that stays')
  for (const [cols, rows] of [
    [20, 5],
    [4, 2],
    [200, 60],
    [10, 3],
    [70, 8],
    [69, 8],
    [80, 16],
  ] as const) {
    await kit.x.resize(cols, rows)
    await kit.settled()
    await kit.type(PAGE_UP + PAGE_DOWN)
    const screen = kit.x.screen().replaceAll(/\s/gu, '')
    if (cols >= 20) t.true(screen.endsWith('alinethatstays'), `${String(cols)}x${String(rows)}`)
    t.is(kit.x.term.buffer.active.type, 'alternate')
    t.is(kit.x.term.buffer.active.length, rows)
  }
  t.regex(kit.x.screen(), /old 120\./u)
})

test('only what changed is drawn: a key does not send the screen again', async (t) => {
  const kit = await conversation()
  await kit.type(KEY.alt('1'))
  const before = kit.x.output.raw.length
  await kit.x.type('x')
  const key = kit.x.output.raw.slice(before)
  t.notRegex(key, /old \d/u)
  t.true(key.length < 200, String(key.length))
})

test('Ctrl-L draws all again', async (t) => {
  const kit = await conversation()
  const before = kit.x.screen()
  kit.x.output.write('\x1b[2J\x1b[Hgarbage of another program')
  await kit.type(ctrl('l'))
  t.is(kit.x.screen(), before)
})

test('!clear empties the picture; the past can still be fetched', async (t) => {
  const kit = await conversation()
  await kit.type(KEY.alt('1'))
  await kit.type(`!clear${enter}`)
  t.notRegex(kit.x.screen(), /old \d/u)
  await kit.type(PAGE_UP)
  t.regex(kit.x.screen(), /old 120\./u)
})

test('Ctrl-Z gives the ordinary screen, going on brings the picture back', async (t) => {
  const kit = await conversation()
  const before = kit.x.screen()
  await kit.type(ctrl('z'))
  t.is(kit.x.jobs.stops, 1)
  kit.x.jobs.goOn()
  await kit.settled()
  t.is(kit.x.screen(), before)
  t.is(kit.x.term.buffer.active.type, 'alternate')
})

test('the end gives the terminal back as it was, and once', async (t) => {
  const kit = new FullKit(['alice'])
  kit.x.output.write('before\r\n')
  await kit.start()
  kit.mode.end()
  kit.x.ui.end()
  kit.mode.leave()
  kit.x.ui.restoreModes()
  kit.x.ui.print(() => [[{ text: 'goodbye' }]])
  await kit.x.settled()
  t.is(kit.x.term.buffer.active.type, 'normal')
  t.is(kit.x.screen(), 'before\ngoodbye')
  t.is(kit.x.output.raw.split('\x1b[?1049l').length, 2)
  t.false(kit.x.input.raw)
  for (const mode of ['?2004', '?1004', '?1049', '?2026']) {
    const { raw } = kit.x.output
    t.true(raw.lastIndexOf(`\x1b[${mode}l`) > raw.lastIndexOf(`\x1b[${mode}h`), mode)
  }
  t.true(kit.x.output.raw.lastIndexOf('\x1b[?25h') > kit.x.output.raw.lastIndexOf('\x1b[?25l'))
})

test('who logs out leaves no chats of theirs in the list', async (t) => {
  const kit = await conversation()
  await kit.type(KEY.alt('1'))
  await kit.emit({ type: 'closed' })
  t.notRegex(kit.x.screen(), /old \d|1 alice/u)
  t.regex(kit.x.screen(), /not logged in/u)
})
