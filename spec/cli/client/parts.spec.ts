// The small parts of the window: completion, progress rows, QR codes, questions, where rows are, job control.
import { EventEmitter } from 'node:events'
import test from 'ava'
import fc from 'fast-check'
import { encode } from 'uqr'
import { complete } from '../../../lib/cli/client/completion.ts'
import { jobControl } from '../../../lib/cli/client/job-control.ts'
import {
  formatBytes,
  formatDuration,
  progressRow,
  type ProgressView,
} from '../../../lib/cli/client/progress-row.ts'
import { qrEntry, qrRows } from '../../../lib/cli/client/qr.ts'
import { parseYesNo } from '../../../lib/cli/client/questions.ts'
import { RowLocator } from '../../../lib/cli/client/row-locator.ts'
import { plainText, rowWidth } from '../../../lib/cli/client/rows.ts'
import { createTheme } from '../../../lib/cli/theme.ts'

const numRuns = process.env['SLOW'] === undefined ? 200 : 5000
const { glyphs } = createTheme({ env: { LANG: 'C.UTF-8' }, tty: true })

test('Tab inserts what is common, then lists', (t) => {
  const names = { from: 7, items: ['alice ', 'alicia '] }
  t.deepEqual(complete('!block al', 9, names), { type: 'insert', text: '!block alic', offset: 11 })
  t.deepEqual(complete('!block alic', 11, names), { type: 'list', items: names.items })
  t.deepEqual(complete('!bl', 3, { from: 0, items: ['!block '] }), {
    type: 'insert',
    text: '!block ',
    offset: 7,
  })
  t.deepEqual(complete('x', 1, { from: 1, items: [] }), { type: 'none' })
})

test('Tab in the middle of a line keeps what is behind, without a second blank', (t) => {
  const done = complete('@al hello', 3, { from: 0, items: ['@alice '] })
  t.deepEqual(done, { type: 'insert', text: '@alice hello', offset: 7 })
})

test('a common beginning never ends inside an emoji', (t) => {
  const done = complete('', 0, {
    from: 0,
    items: ['\u{1f468}\u200d\u{1f469}a', '\u{1f468}\u200d\u{1f467}b'],
  })
  t.is(done.type, 'list')
})

test('sizes and durations', (t) => {
  t.deepEqual([0, 999, 1000, 48_000, 2_100_000, 999_600, 3_100_000_000].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 KB',
    '48.0 KB',
    '2.1 MB',
    '1.0 MB',
    '3.1 GB',
  ])
  t.deepEqual([0, 4000, 750_000, 3_723_000].map(formatDuration), [
    '0:00',
    '0:04',
    '12:30',
    '1:02:03',
  ])
})

const view: ProgressView = {
  direction: 'down',
  name: 'report.pdf',
  peer: 'alice',
  doneBytes: 820_000,
  totalBytes: 2_100_000,
  bytesPerSecond: 1_200_000,
  etaMs: 1000,
}

test('a transfer on one row', (t) => {
  t.is(
    plainText(progressRow(view, glyphs, 80)),
    '\u21e3 report.pdf   alice    [#######.............]  39%  0.8/2.1 MB  1.2 MB/s  0:01',
  )
  t.regex(plainText(progressRow({ ...view, note: 'paused' }, glyphs, 80)), /MB {2}paused$/u)
  t.regex(plainText(progressRow({ ...view, doneBytes: 9e9 }, glyphs, 80)), /100%/u)
  t.regex(plainText(progressRow({ ...view, totalBytes: 0 }, glyphs, 80)), /100%/u)
})

test('a transfer fits any screen, whatever its name', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 4, max: 120 }), (name, cols) => {
      const row = progressRow({ ...view, name, peer: name }, glyphs, cols)
      t.true(rowWidth(row) < cols, plainText(row))
      t.notRegex(plainText(row), /\p{Cc}/u)
    }),
    { numRuns },
  )
})

test('a QR code holds exactly the modules, dark on light', (t) => {
  const payload = 'SECURECHAT://CHAT.EXAMPLE.ORG:7700/#0123456789ABCDEF'
  const rows = qrRows(payload, { cols: 80, rows: 40 })
  const { data, size } = encode(payload, { ecc: 'L', border: 2 })
  t.truthy(rows)
  const texts = (rows ?? []).map(plainText)
  t.is(texts.length, Math.ceil(size / 2))
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const cell = Array.from(texts[y >> 1] ?? '')[x]
      const light = cell === '\u2588' || cell === (y % 2 === 0 ? '\u2580' : '\u2584')
      t.is(!light, data[y]?.[x] === true)
    }
  }
  t.true((rows ?? []).every((row) => row.every((span) => span.role === 'qr')))
  t.is(qrRows(payload, { cols: 20, rows: 40 }), null)
  t.is(qrRows(payload, { cols: 80, rows: 10 }), null)
})

test('a code stands beside its words, above them, or not at all: never half of one', (t) => {
  const digits = '1234567890'.repeat(6)
  const words = ['12345 67890', '', 'aardvark adroitness']
  const room = { cols: 80, rows: 24 }
  const texts = (cols: number, entry = qrEntry(digits, words, room, true)): string[] =>
    entry(cols).map((row) => plainText(row).trimEnd())
  const code = (qrRows(digits, { cols: 80, rows: 40 }) ?? []).map(plainText)
  t.is(code.length, 15)
  const beside = texts(56)
  t.is(beside.length, 15)
  t.deepEqual(
    beside.map((row) => row.slice(25)),
    code,
  )
  t.regex(beside[1] ?? '', /^ {4}12345 67890 /)
  t.regex(beside[3] ?? '', /^ {4}aardvark adroitness /)
  t.deepEqual(texts(40), ['*   12345 67890', '*', '*   aardvark adroitness', ...code])
  t.deepEqual(texts(29), ['*   12345 67890', '*', '*   aardvark adroitness'])
  const low = qrEntry(digits, words, { cols: 80, rows: 14 }, true)
  t.is(texts(80, low).length, 3)
  const ascii = qrEntry(digits, words, room, false)
  t.regex(texts(80, ascii).join(''), /^[ -~]*$/)
  t.deepEqual(texts(80, qrEntry(digits, [], { cols: 80, rows: 14 }, true)), [
    '* A code to scan is shown in a window of 30x15 or more.',
  ])
  t.deepEqual(texts(80, qrEntry(digits, [], room, false)), [])
})

test('yes and no, nothing else', (t) => {
  t.deepEqual(['y', 'YES', 'n', 'No'].map(parseYesNo), ['y', 'y', 'n', 'n'])
  t.deepEqual(['', 'ye', 'nope', 'yes please', '1'].map(parseYesNo), Array(5).fill(undefined))
})

/** Prints rows and draws a block of one row behind them. */
function print(locator: RowLocator, ...certain: boolean[]): void {
  for (const row of certain) locator.print(row)
  locator.drawn(1, 1)
}

test('a row is found while it is on the screen, and given up when it cannot be known', (t) => {
  const locator = new RowLocator()
  const block = { rows: 1, cursor: 0 }
  locator.track('a')
  print(locator, true)
  t.is(locator.above('a', block, 5), 1)
  print(locator, true)
  t.is(locator.above('a', { rows: 3, cursor: 1 }, 5), 3)
  print(locator, true, true, true)
  t.is(locator.above('a', block, 6), 5)
  t.is(locator.above('a', block, 5), null, 'scrolled out')
  t.is(locator.above('b', block, 5), null, 'never printed')
  locator.track('c')
  print(locator, true, false)
  t.is(locator.above('c', block, 9), null, 'a row below may take two')
  locator.track('d')
  print(locator, true)
  locator.forget()
  t.is(locator.above('d', block, 9), null)
})

test('a block that shrank does not stand at the bottom: the top of the screen is nearer', (t) => {
  const locator = new RowLocator()
  const rows = 10
  const small = { rows: 1, cursor: 0 }
  locator.drawn(1, 6)
  locator.track('a')
  for (let i = 0; i < 4; i++) locator.print(true)
  locator.drawn(6, 6)
  t.is(locator.above('a', { rows: 6, cursor: 5 }, rows), 9, 'the first row of a full screen')
  locator.drawn(6, 1) // five rows are free below now
  t.is(locator.above('a', small, rows), 4, 'the same row, seen from the new place')
  locator.track('b')
  print(locator, true, true, true, true, true)
  t.is(locator.above('a', small, rows), 9, 'the free rows are used up')
  print(locator, true)
  t.is(locator.above('a', small, rows), null)
  t.is(locator.above('b', small, rows), 6)
  locator.grown(10)
  t.is(locator.above('b', small, rows + 10), 6)
})

class FakeProcess extends EventEmitter {
  readonly kills: [number, string, number][] = []

  kill(pid: number, signal: string): void {
    this.kills.push([pid, signal, this.listenerCount('SIGTSTP')])
  }
}

test('stopping stops the whole group, and is not caught by our own listener', (t) => {
  const source = new FakeProcess()
  const jobs = jobControl(source)
  let asked = 0
  let gone = 0
  const off = jobs.onStop(() => asked++)
  const offContinue = jobs.onContinue(() => gone++)
  jobs.stop()
  t.deepEqual(source.kills, [[0, 'SIGTSTP', 0]])
  source.emit('SIGTSTP')
  source.emit('SIGCONT')
  t.deepEqual([asked, gone], [1, 1])
  off()
  offContinue()
  t.deepEqual(source.eventNames(), [])
})

test('where signals cannot be sent stopping does nothing', (t) => {
  const source = Object.assign(new EventEmitter(), {
    kill: () => {
      throw new Error('ENOSYS')
    },
  })
  t.notThrows(() => {
    jobControl(source).stop()
  })
})
