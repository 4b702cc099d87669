// The window of the messenger as a person sees it: what is on the screen, where the cursor is, what reaches the program.
import test from 'ava'
import { listing, notice, section } from '../../../lib/cli/client/rows.ts'
import { HOSTILE_TEXTS } from '../../fixtures/hostile-text.ts'
import { FakeTerminal, KEY } from './fake-terminal.ts'

const { ctrl, enter } = KEY
const quiet = { quietMs: 0 }

test('messages that arrive while typing leave line and cursor alone', async (t) => {
  const x = new FakeTerminal({ cols: 40, rows: 12 })
  await x.type('@alice hel')
  x.ui.print(notice('*', '[1] hi'))
  await x.type('lo')
  x.ui.print(notice('*', '[2] hi'))
  await x.settled()
  t.is(x.screen(), '* [1] hi\n* [2] hi\nme > @alice hello')
  t.deepEqual(x.cursor, [17, 2])
  await x.type(KEY.home + KEY.right)
  x.ui.print(notice('*', '[3] hi'))
  await x.settled()
  t.deepEqual(x.cursor, [6, 3])
  await x.type(enter)
  t.deepEqual(x.lines, ['@alice hello'])
  t.is(x.screen(), '* [1] hi\n* [2] hi\n* [3] hi\nme >')
})

test('a hundred messages while typing a line of several rows: none lost, none twice', async (t) => {
  const x = new FakeTerminal({ cols: 30, rows: 10 })
  const text = '@bob the quick brown fox jumps over the lazy dog and back'
  for (let i = 0; i < 100; i++) {
    x.ui.message({ time: '12:04', who: 'alice', body: `m${i}.` })
    await x.type(text[i] ?? '')
  }
  for (let i = 0; i < 100; i++) t.is(x.all().split(`alice: m${i}.`).length, 2, String(i))
  t.is(x.all().split('me > ').length, 2)
  await x.type(enter)
  t.deepEqual(x.lines, [text])
})

test('a burst is one frame', async (t) => {
  const x = new FakeTerminal()
  await x.settled()
  const before = x.output.raw.split('\x1b[?25l').length
  for (let i = 0; i < 100; i++) x.ui.print(notice('*', `row ${i}`))
  await x.settled()
  t.is(x.output.raw.split('\x1b[?25l').length, before + 1)
})

test('the colour of the line does not change with what is printed', async (t) => {
  const x = new FakeTerminal({ cols: 40, rows: 8 })
  await x.type('abc')
  x.ui.print(notice('!', { text: 'red \x1b[31m and never reset', role: 'alert' }))
  x.ui.message({ time: '12:04', who: { text: 'mallory', role: 'peer' }, body: '\x1b[31;7mhello' })
  await x.settled()
  const [, y] = x.cursor
  t.deepEqual(x.style(5, y), { bold: false, dim: false, colour: -1 })
  t.true(x.style(0, y).bold, 'the prompt is bold')
})

test('a paste in the middle of the line is text, says how long it is and is one message', async (t) => {
  const x = new FakeTerminal({ cols: 70, rows: 12 })
  await x.type(`end${KEY.home}`)
  await x.paste('one\n!block bob\nthree ')
  t.regex(x.screen(), /^pasted 3 lines: Enter sends them as ONE message, Ctrl-C drops them$/mu)
  t.deepEqual(x.lines, [])
  await x.type(enter)
  t.deepEqual(x.lines, ['one\n!block bob\nthree end'])
  t.notRegex(x.screen(), /pasted/u)
})

test('Enter right behind a paste is part of it, wherever the read ends', async (t) => {
  const x = new FakeTerminal()
  await x.type('\x1b[200~innocent\x1b[201~')
  await x.type(`${enter}!block bob${enter}`)
  t.deepEqual(x.lines, [])
  x.clock.advance(60)
  await x.type(enter)
  t.is(x.lines.length, 1)
})

test('more than fifty lines are asked for once more', async (t) => {
  const x = new FakeTerminal({ cols: 80, rows: 12 })
  const text = Array.from({ length: 60 }, (_, i) => `line ${i}`).join('\n')
  await x.paste(text)
  await x.type(enter)
  t.deepEqual(x.lines, [])
  t.regex(x.screen(), /^60 lines: Enter again sends them as ONE message/mu)
  await x.type(enter)
  t.deepEqual(x.lines, [text])
  await x.paste(text)
  await x.type(ctrl('c'))
  await x.paste(text)
  await x.type(enter)
  t.is(x.lines.length, 1, 'dropped: asked anew')
})

test('a question never takes keys that were meant for a message', async (t) => {
  const x = new FakeTerminal(quiet)
  await x.type('@bob yes')
  const asked = x.ui.ask({ text: 'Accept doc.pdf?' })
  await x.settled()
  t.regex(x.screen(), /1 question waiting\nme > @bob yes$/u)
  await x.type(enter)
  t.deepEqual(x.lines, ['@bob yes'])
  await x.type(`y${enter}`)
  t.is(await asked.answer, 'y')
  t.deepEqual(x.lines, ['@bob yes'])
})

test('a question stands in the prompt only after the keyboard was quiet', async (t) => {
  const x = new FakeTerminal({ cols: 60 })
  await x.type('x')
  await x.type(KEY.backspace)
  x.ui.ask({ text: 'Accept doc.pdf?' })
  await x.advance(500)
  t.regex(x.screen(), /1 question waiting\nme >$/u)
  await x.advance(200)
  t.regex(x.screen(), /\[1\] Accept doc\.pdf\? \[y\/n\]$/u)
})

test('Enter alone answers nothing: there is no default', async (t) => {
  const x = new FakeTerminal(quiet)
  const asked = x.ui.ask({ text: 'Accept?' })
  await x.type(enter)
  t.regex(x.screen(), /\[1\] Accept\? \[y\/n\]$/u)
  asked.withdraw()
  t.is(await asked.answer, undefined)
})

test('two questions are answered in either order', async (t) => {
  const x = new FakeTerminal(quiet)
  const first = x.ui.ask({ text: 'First?' })
  const second = x.ui.ask({ text: 'Second?' })
  await x.settled()
  t.regex(x.screen(), /\[1\] First\? \[y\/n\]$/u)
  await x.type(`n${enter}`)
  t.is(await first.answer, 'n')
  t.regex(x.screen(), /\[2\] Second\? \[y\/n\]$/u)
  await x.type(`YES${enter}`)
  t.is(await second.answer, 'y')

  const third = x.ui.ask({ text: 'Third?', number: 7 })
  const fourth = x.ui.ask({ text: 'Fourth?' })
  t.deepEqual([third.number, fourth.number], [7, 8])
  third.withdraw() // as !accept 7 does
  await x.type(`y${enter}`)
  t.deepEqual([await third.answer, await fourth.answer], [undefined, 'y'])
})

test('an answer belongs to the question that was on the screen when it was begun', async (t) => {
  const x = new FakeTerminal(quiet)
  const first = x.ui.ask({ text: 'Accept A?' })
  const second = x.ui.ask({ text: 'Accept EVIL?' })
  await x.type('y')
  first.withdraw()
  await x.type(enter)
  t.is(await first.answer, undefined)
  t.regex(x.screen(), /Question \[1\] is no longer open; nothing was answered\./u)
  t.regex(x.screen(), /\[2\] Accept EVIL\? \[y\/n\]$/u)
  second.withdraw()
})

test('text typed while a question stands in the prompt is not sent to somebody unseen', async (t) => {
  const x = new FakeTerminal({ ...quiet, cols: 80 })
  x.ui.ask({ text: 'Accept?' })
  await x.type(`hello${enter}`)
  t.deepEqual(x.lines, [])
  t.regex(x.screen(), /\[1\] wants \[y\/n\]\. Nothing was sent/u)
  t.regex(x.screen(), /me > hello$/u)
  await x.type(enter)
  t.deepEqual(x.lines, ['hello'], 'now the prompt showed where it goes')
  await x.type(`@bob hi${enter}`)
  t.deepEqual(x.lines, ['hello', '@bob hi'], 'a line that names its receiver is fine')
})

test('a question with answers of its own', async (t) => {
  const x = new FakeTerminal({ ...quiet, cols: 80 })
  const parse = (typed: string): string | undefined =>
    /^(\d{5}|no)$/u.test(typed) ? typed : undefined
  const asked = x.ui.askFor({ text: 'Last five digits?', choices: '[12345/no]', parse })
  await x.type(`y${enter}`)
  t.deepEqual(x.lines, [])
  await x.type(`${ctrl('c')}12345${enter}`)
  t.is(await asked.answer, '12345')
})

test('Ctrl-C leaves a question pending', async (t) => {
  const x = new FakeTerminal(quiet)
  const asked = x.ui.ask({ text: 'Accept?' })
  await x.type(`y${ctrl('c')}`)
  t.regex(x.screen(), /\[1\] Accept\? \[y\/n\]$/u)
  asked.withdraw()
  t.is(await asked.answer, undefined)
})

const transfer = {
  direction: 'down',
  name: 'report.pdf',
  peer: 'alice',
  doneBytes: 0,
  totalBytes: 1000,
} as const

test('transfers while typing: at most three rows, at most four frames a second', async (t) => {
  const x = new FakeTerminal({ cols: 80, rows: 12 })
  await x.type('hello')
  for (const id of ['a', 'b', 'c', 'd', 'e']) x.ui.setProgress(id, { ...transfer, name: id })
  await x.settled()
  const rows = x.screen().split('\n')
  t.is(rows.length, 5)
  t.is(rows[3], '  +2 more transfers')
  t.is(rows[4], 'me > hello')
  t.deepEqual(x.cursor, [10, 4])
  const frames = (): number => x.output.raw.split('\x1b[?25l').length
  const before = frames()
  for (let i = 0; i < 100; i++) {
    x.ui.setProgress('a', { ...transfer, name: 'a', doneBytes: i * 10 })
    await x.advance(10)
  }
  t.true(frames() - before <= 5)
  t.regex(x.screen(), / 9\d%/u)
  for (const id of ['a', 'b', 'c', 'd', 'e']) x.ui.setProgress(id, null)
  await x.settled()
  t.is(x.screen(), 'me > hello')
})

test('a tick changes in place, and the cursor is where it was', async (t) => {
  const x = new FakeTerminal({ cols: 50, rows: 10 })
  x.ui.message({ time: '12:04', who: 'me @bob', body: 'ping' }, { id: 'a', state: 'queued' })
  x.ui.message({ time: '12:05', who: 'alice', body: 'hello' })
  await x.type('typing')
  const { length } = x.output.raw
  t.true(x.ui.setTick('a', 'sent'))
  t.true(x.ui.setTick('a', 'delivered'))
  await x.settled()
  t.is(x.screen(), '12:04 \u2713\u2713 me @bob: ping\n12:05    alice: hello\nme > typing')
  t.deepEqual(x.cursor, [11, 2])
  t.false(x.output.raw.slice(length).includes('typing'), 'the line is not drawn again for it')
  t.false(x.ui.setTick('unknown', 'read'))
  t.true(x.ui.setTick('a', 'delivered'), 'no change')
})

test('a tick changes in the first row after the screen was cleared, and in the last that fits', async (t) => {
  const x = new FakeTerminal({ cols: 50, rows: 6 })
  for (let i = 0; i < 8; i++) x.ui.print(notice('*', `row ${i}`))
  await x.settled()
  x.ui.clear()
  await x.settled()
  for (let i = 0; i < 5; i++) {
    const id = String(i)
    x.ui.message({ time: '12:04', who: 'me @bob', body: id }, { id, state: 'queued' })
    await x.settled()
    t.true(x.ui.setTick('0', i % 2 === 0 ? 'sent' : 'delivered'), id)
  }
  t.true(x.ui.setTick('4', 'read'))
  t.regex(x.screen(), /^12:04 \u2713 {2}me @bob: 0$/mu)
  t.regex(x.screen(), /^12:04 \u2713R me @bob: 4$/mu)
  x.ui.print(notice('*', 'one more'))
  await x.settled()
  t.false(x.ui.setTick('0', 'read'))
})

test('a tick that has scrolled away is not written anywhere', async (t) => {
  const x = new FakeTerminal({ cols: 50, rows: 6 })
  x.ui.message({ time: '12:04', who: 'me @bob', body: 'ping' }, { id: 'a', state: 'queued' })
  for (let i = 0; i < 8; i++) x.ui.print(notice('*', `row ${i}`))
  await x.settled()
  const before = x.screen()
  t.false(x.ui.setTick('a', 'read'))
  await x.settled()
  t.is(x.screen(), before)
})

test('a narrower terminal: nothing lost, the line is laid out anew, ticks are right again', async (t) => {
  const x = new FakeTerminal({ cols: 60, rows: 12 })
  x.ui.message({ time: '12:04', who: 'me @bob', body: 'ping' }, { id: 'a', state: 'queued' })
  for (let i = 0; i < 5; i++) x.ui.print(notice('*', `M${i}`))
  await x.type(`@alice ${'word '.repeat(12)}`)
  await x.resize(30, 12)
  t.regex(x.screen(), /\* M4\nme > @alice word word word wo\n {4}rd/u)
  t.true(x.ui.setTick('a', 'read'))
  await x.settled()
  t.regex(x.screen(), /^12:04 \u2713R me @bob: ping$/mu)
  await x.resize(100, 12)
  await x.type(enter)
  t.deepEqual(x.lines, [`@alice ${'word '.repeat(12)}`])
})

test('after a narrowing all is painted once, when the size has come to rest', async (t) => {
  const x = new FakeTerminal({ cols: 60, rows: 12, settleMs: 100 })
  await x.type('x'.repeat(50))
  for (const cols of [50, 45, 40, 35, 30]) await x.resize(cols, 12)
  x.ui.print(notice('*', 'meanwhile'))
  await x.settled()
  t.notRegex(x.output.raw, /meanwhile/u)
  await x.advance(100)
  t.is(x.output.raw.split('meanwhile').length, 2)
  t.is(x.output.raw.split('\n'.repeat(12)).length, 2)
  t.regex(x.screen(), /^\* meanwhile\nme > x{24}\n/u)
})

for (const [cols, rows] of [
  [40, 10],
  [20, 5],
  [12, 3],
  [5, 2],
] as const) {
  test(`it works at ${cols}x${rows}`, async (t) => {
    const x = new FakeTerminal({ cols, rows, ...quiet })
    x.ui.setStatus('offline - next try in 8 s')
    x.ui.setProgress('a', transfer)
    x.ui.print(section('bob'))
    x.ui.message({ time: '12:04', who: 'alice', body: 'are you around?' })
    x.ui.ask({ text: 'alice wants to send you report.pdf. Accept?' })
    await x.type('@bob hello there')
    const [cx, cy] = x.cursor
    t.true(cx < cols && cy < rows)
    await x.type(enter)
    t.deepEqual(x.lines, ['@bob hello there'])
  })
}

/** What may follow an Esc that we send: movements, erasing, colours, our four modes, a notification. */
const OURS = /^(\[\d*[ABCK]|\[\d+;\d+H|\[(?:\d*|38;5;\d+)m|\[\?(7|25|2004|1004)[hl]|[78]|\]9;)/u

for (const { name, text } of HOSTILE_TEXTS) {
  test(`inert on the screen, wherever it comes in: ${name}`, async (t) => {
    const x = new FakeTerminal({
      cols: 60,
      rows: 80, // all of it at once
      ...quiet,
      complete: () => ({ from: 0, items: [text, `${text}2`] }),
    })
    x.ui.print(notice('*', 'ABOVE'))
    const { length } = x.output.raw
    x.ui.message({ time: '12:04', who: text, body: text, note: text })
    x.ui.print(notice('!', text))
    x.ui.print(section(text))
    x.ui.print(listing('*', [text]))
    x.ui.setStatus(text)
    x.ui.setProgress('a', { ...transfer, name: text, peer: text, note: text })
    const asked = x.ui.ask({ text, hint: text })
    x.ui.alert({ bell: false, desktop: text })
    await x.type(KEY.tab)
    asked.withdraw()
    x.ui.setPrompt(`${text}> `)
    await x.paste(text)
    await x.settled()
    // Of what our own code sends, everything is known; nothing else may be there.
    const [, ...sequences] = x.output.raw.slice(length).split('\x1b')
    for (const sequence of sequences) {
      const [known = ''] = OURS.exec(sequence) ?? []
      t.not(known, '', JSON.stringify(sequence))
      const rest = known === ']9;' ? sequence.replace('\x07', '') : sequence
      t.notRegex(rest, /(?![\r\n])\p{Cc}|[\u202a-\u202e\u2066\u2067]/u)
    }
    t.regex(x.screen(), /ABOVE/u)
    t.is(x.term.buffer.active.type, 'normal')
    t.true(x.term.modes.bracketedPasteMode)
    t.is(x.term.modes.mouseTrackingMode, 'none')
  })
}

test('the line being typed shows what is harmless of what was pasted', async (t) => {
  const x = new FakeTerminal()
  await x.paste('a\u202eb\x1b[2Jc')
  t.regex(x.screen(), /me > a\ufffdb\[2Jc$/u)
})

test('NO_COLOR: the same facts without a single colour', async (t) => {
  const env = { TERM: 'xterm', LANG: 'C.UTF-8', NO_COLOR: '1' }
  const x = new FakeTerminal({ env, ...quiet })
  x.ui.message(
    { time: '12:04', who: [{ text: 'me', role: 'me' }, ' @bob'], body: 'hi' },
    { id: 'a', state: 'queued' },
  )
  x.ui.print(notice('!', { text: 'changed', role: 'alert' }))
  x.ui.setProgress('p', transfer)
  x.ui.ask({ text: 'Accept?' })
  await x.type('x')
  x.ui.setTick('a', 'failed')
  await x.settled()
  t.notRegex(x.output.raw, /\[[\d;]*m/u)
  t.regex(x.screen(), /12:04 \u2717 {2}me @bob: hi\n! changed/u)
})

test('ASCII glyphs where the locale is not UTF-8', async (t) => {
  const x = new FakeTerminal({ env: { TERM: 'xterm', LANG: 'C' } })
  x.ui.message({ time: '12:04', who: 'me @bob', body: 'hi' }, { id: 'a', state: 'delivered' })
  x.ui.setProgress('p', transfer)
  await x.type('a\nb')
  t.notRegex(x.output.raw, /[^ -~\p{Cc}]/u)
  t.regex(x.screen(), /12:04 \+\+ me @bob: hi/u)
  t.regex(x.screen(), /me > a\$/u)
})

test('wide characters and emoji on the line: the cursor is where the text ends', async (t) => {
  const x = new FakeTerminal({ cols: 30, rows: 8, widths: 'emoji-wide' })
  await x.type('\u4f60\u597d \u{1f600}')
  t.deepEqual(x.cursor, [12, 0])
  await x.type(`${KEY.left}${KEY.left}${KEY.backspace}`)
  t.is(x.screen(), 'me > \u4f60 \u{1f600}')
  t.deepEqual(x.cursor, [7, 0])
  await x.type(`${KEY.end}${'\u4f60'.repeat(12)}`)
  const rows = x.screen().split('\n')
  t.is(rows.length, 2)
  await x.type(enter)
  t.deepEqual(x.lines, [`\u4f60 \u{1f600}${'\u4f60'.repeat(12)}`])
})

test('Tab completes, lists what is ambiguous, and drops an answer that comes too late', async (t) => {
  const names = ['alice ', 'alicia ', 'bob ']
  let wait: Promise<void> | null = null
  const x = new FakeTerminal({
    complete: async (line, offset) => {
      await wait
      const from = line.slice(0, offset).lastIndexOf(' ') + 1
      return { from, items: names.filter((name) => name.startsWith(line.slice(from, offset))) }
    },
  })
  await x.type(`!block al${KEY.tab}`)
  t.regex(x.screen(), /me > !block alic$/u)
  await x.type(KEY.tab)
  t.regex(x.screen(), /^\* alice {3}alicia\nme > !block alic$/u)
  await x.type(`e${KEY.tab}`)
  t.regex(x.screen(), /me > !block alice$/u)
  t.deepEqual(x.cursor, [18, 1], 'with a blank behind it')
  await x.type(`zzz${KEY.tab}`)
  t.true(x.output.raw.endsWith('\x07') || x.output.raw.includes('\x07'))
  await x.type(ctrl('u'))
  let go: () => void = () => undefined
  wait = new Promise((resolve) => (go = resolve))
  await x.type(`b${KEY.tab}`)
  await x.type('x')
  go()
  await x.settled()
  t.regex(x.screen(), /me > bx$/u)
})

test('Ctrl-C: clears the line, then asks, then leaves, then forces', async (t) => {
  const x = new FakeTerminal({ cols: 80, quitHint: () => '1 transfer is running.' })
  await x.type(`text${ctrl('c')}`)
  t.is(x.screen(), 'me >')
  t.deepEqual(x.quits, [])
  await x.type(ctrl('c'))
  t.regex(
    x.screen(),
    /\* Ctrl-C again within 2 s, Ctrl-D or !quit leaves\. 1 transfer is running\./u,
  )
  await x.advance(2500)
  await x.type(ctrl('c'))
  t.deepEqual(x.quits, [])
  await x.type(ctrl('c'))
  t.deepEqual(x.quits, ['interrupt'])
  await x.type(ctrl('c'))
  t.deepEqual(x.quits, ['interrupt', 'force'])
})

test('Ctrl-D leaves on an empty line, Esc is told on an empty line', async (t) => {
  let escapes = 0
  const x = new FakeTerminal({ onEscape: () => escapes++ })
  await x.type(`x${ctrl('d')}`)
  await x.type(KEY.escape)
  await x.advance(60)
  t.deepEqual([x.quits.length, escapes], [0, 0])
  await x.type(KEY.backspace)
  await x.type(KEY.escape)
  t.is(escapes, 0, 'it may begin a sequence')
  await x.advance(60)
  t.is(escapes, 1)
  await x.type(ctrl('d'))
  t.deepEqual(x.quits, ['eof'])
})

test('the history holds what was entered, but no secret', async (t) => {
  const x = new FakeTerminal({ history: ['old'], isSecret: (line) => line.startsWith('!login') })
  await x.type(`one${enter}!login alice hunter2${enter}`)
  t.deepEqual(x.ui.history, ['old', 'one'])
  await x.type(KEY.up)
  t.is(x.screen(), 'me > one')
})

test('a line that could not be used comes back, but not over something else', async (t) => {
  const x = new FakeTerminal()
  await x.type(`hello${enter}`)
  x.ui.restore('hello')
  await x.settled()
  t.is(x.screen(), 'me > hello')
  await x.type('!')
  x.ui.restore('other')
  await x.settled()
  t.is(x.screen(), 'me > hello!')
})

test('another line typed right behind one that came back takes its place; the history has it', async (t) => {
  const x = new FakeTerminal()
  const after = async (failed: string, typed: string): Promise<string> => {
    await x.type(`${failed}${enter}`)
    x.ui.restore(failed)
    await x.type(typed)
    await x.settled()
    const screen = x.screen()
    await x.type(KEY.ctrl('c'))
    return screen
  }
  t.is(await after('@alicee hi', '@bob hi'), 'me > @bob hi')
  t.is(await after('!chast', '/chats'), 'me > /chats')
  t.is(await after('hello', '@bob hi'), 'me > @bob hi')
  t.is(await after('hello', '!'), 'me > hello!')
  t.is(await after('!file alice', ' ./x'), 'me > !file alice ./x')
  t.is(await after('!file alice ', '/x'), 'me > !file alice /x')
  t.is(await after('!chast', `${KEY.backspace}!`), 'me > !chas!')
  t.true(x.ui.history.includes('@alicee hi'))
})

test('clearing clears the scrollback too, and a resize does not bring it back', async (t) => {
  const x = new FakeTerminal({ cols: 40, rows: 8 })
  for (let i = 0; i < 30; i++) x.ui.print(notice('*', `secret ${i}`))
  await x.type('draft')
  x.ui.clear()
  await x.settled()
  t.is(x.all(), 'me > draft')
  await x.type(ctrl('l'))
  await x.resize(8, 8)
  t.notRegex(x.all(), /secret/u)
})

test('Ctrl-L paints anew and loses nothing', async (t) => {
  const x = new FakeTerminal({ cols: 40, rows: 8 })
  for (let i = 0; i < 20; i++) x.ui.print(notice('*', `row ${i}`))
  await x.type('draft')
  await x.type(ctrl('l'))
  const rows = Array.from({ length: 7 }, (_, i) => `* row ${i + 13}`)
  t.is(x.screen(), [...rows, 'me > draft'].join('\n'))
  t.regex(x.all(), /\* row 0\n/u)
})

test('the focus of the window is known once the terminal tells, and is not typed', async (t) => {
  const x = new FakeTerminal()
  t.is(x.ui.focused, undefined)
  await x.type('\x1b[O')
  t.false(x.ui.focused)
  await x.type('\x1b[I')
  t.true(x.ui.focused)
  t.is(x.screen(), 'me >')
  x.ui.alert({ bell: true, desktop: 'alice: new message' })
  t.true(x.output.raw.endsWith('\x07\x1b]9;alice: new message\x07'))
})

test('rows that wait too long for a form are counted, not kept for ever', async (t) => {
  const x = new FakeTerminal({ cols: 60, rows: 8 })
  let done: () => void = () => undefined
  const modal = x.ui.modal(() => new Promise<void>((resolve) => (done = resolve)))
  await x.settled()
  for (let i = 0; i < 5100; i++) x.ui.print(notice('*', `row ${i}`))
  done()
  await modal
  await x.settled()
  t.regex(x.all(), /! 100 older rows were left out here\.\n\* row 100\n/u)
})
