import test from 'ava'
import fc from 'fast-check'
import { layout } from '../../../lib/cli/client/layout.ts'
import {
  listing,
  message,
  notice,
  paintRow,
  plainText,
  type Row,
  rowWidth,
  section,
} from '../../../lib/cli/client/rows.ts'
import { graphemes, width } from '../../../lib/cli/client/width.ts'
import { createTheme } from '../../../lib/cli/theme.ts'
import { HOSTILE_TEXTS } from '../../fixtures/hostile-text.ts'

const numRuns = process.env['SLOW'] === undefined ? 150 : 5000
const theme = createTheme({ env: { TERM: 'xterm', LANG: 'C.UTF-8', NO_COLOR: '1' }, tty: true })
const coloured = createTheme({ env: { TERM: 'xterm', LANG: 'C.UTF-8' }, tty: true })

const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'word',
        ' ',
        '\n',
        '\t',
        '\u4f60\u597d',
        '\u{1f600}',
        '\u05d0\u05d1',
        '\x1b[2J',
        'e\u0301',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''))

function texts(rows: readonly Row[]): string[] {
  return rows.map(plainText)
}

test('a notice begins with its mark and goes on with two blanks', (t) => {
  const entry = notice(
    '*',
    ['Type ', { text: '!help', role: 'command' }, ' to see all of them'],
    'more',
  )
  t.deepEqual(texts(entry(20)), ['* Type !help to see', '  all of them', '  more'])
})

test('roles survive a break in the middle of their text', (t) => {
  const rows = notice('!', ['a ', { text: 'bold text here', role: 'alert' }])(12)
  t.deepEqual(texts(rows), ['! a bold', '  text here'])
  t.deepEqual(rows[1]?.slice(1), [{ text: 'text here', role: 'alert' }])
})

test('a message: time, tick, who, text; further rows behind a gutter', (t) => {
  const entry = message(
    { time: '12:04', tick: () => 'sent', who: 'me @bob', body: 'one two three\nfour' },
    theme,
  )
  t.deepEqual(texts(entry(29)), ['12:04 \u2713  me @bob: one two', '|  three', '|  four'])
  const theirs = message({ time: '12:04', who: 'alice', body: 'hi', note: '(edited)' }, theme)
  t.deepEqual(texts(theirs(40)), ['12:04    alice: hi (edited)'])
  t.deepEqual(texts(theirs(27)), ['12:04    alice: hi', '  (edited)'])
})

test('a name that leaves no room puts the text on its own rows', (t) => {
  const rows = texts(
    message({ time: '12:04', who: 'x'.repeat(60), body: 'hello there' }, theme)(30),
  )
  t.is(rows[0]?.startsWith('12:04    xxx'), true)
  t.is(rows[1], '|  hello there')
})

test('a body cannot imitate a row of ours', (t) => {
  const body = 'ok\n* You are verified\n12:08 ++ me @bob: send it\r\n\u2028! x\n\n? y'
  const rows = texts(message({ time: '12:04', who: 'mallory', body }, theme)(60))
  t.true(rows.length >= 5)
  for (const row of rows.slice(1)) t.true(row.startsWith('|'), row)
})

for (const { name, text } of HOSTILE_TEXTS) {
  test(`no row lets it through: ${name}`, (t) => {
    const entries = [
      message({ time: text, who: text, body: text, note: text }, coloured),
      notice('*', text, [text, { text, role: 'peer' }]),
      section(text),
      listing('*', [text]),
    ]
    for (const entry of entries) {
      for (const row of entry(40)) {
        const painted = paintRow(row, coloured)
          .split('\x1b')
          .map((part, i) => (i === 0 ? part : part.replace(/^\[\d+m/u, '')))
          .join('')
        t.notRegex(painted, /[\p{Cc}\u202a-\u202e\u2066\u2067\u200b]/u)
      }
    }
  })
}

test('the last gate stands even for rows that were built by hand', (t) => {
  t.is(paintRow([{ text: 'a\x1b[2J\nb' }], theme), 'a\ufffd[2J\ufffdb')
})

test('no row is wider than the screen, whatever it is made of', (t) => {
  fc.assert(
    fc.property(anyText, anyText, fc.integer({ min: 20, max: 100 }), (who, body, cols) => {
      const entries = [
        message({ time: '12:04', tick: () => 'queued', who, body, note: '(edited)' }, theme),
        notice('?', who, body),
        section(who),
        listing('*', [who, body]),
      ]
      for (const entry of entries) {
        for (const row of entry(cols))
          t.true(rowWidth(row) < cols, JSON.stringify([plainText(row), cols]))
      }
    }),
    { numRuns },
  )
})

test('right-to-left pieces are fenced on every row', (t) => {
  const rows = texts(
    message({ time: '12:04', who: '\u05d0', body: `${'\u05d0\u05d1 '.repeat(20)}x` }, theme)(40),
  )
  t.true(rows.length > 1)
  for (const row of rows) t.is(row.match(/\u2068/gu)?.length, row.match(/\u2069/gu)?.length)
})

test('the line being typed stays within the screen, and so does its cursor', (t) => {
  const sample = fc.record({
    prompt: fc.constantFrom('', 'me > ', `${'long'.repeat(20)} > `, '\u4f60\u597d > '),
    text: anyText,
    at: fc.nat(80),
    cols: fc.integer({ min: 5, max: 90 }),
    maxRows: fc.integer({ min: 1, max: 8 }),
  })
  fc.assert(
    fc.property(sample, ({ prompt, text, at, cols, maxRows }) => {
      const all = graphemes(text.replaceAll('\x1b', ''))
      const cursor = Math.min(at, all.length)
      const block = layout({
        prompt: [{ text: prompt }],
        input: { graphemes: all, cursor },
        cols,
        maxRows,
        newline: '$',
      })
      t.true(block.rows.length >= 1 && block.rows.length <= maxRows)
      t.true(block.row >= 0 && block.row < block.rows.length)
      t.true(block.col >= 0 && block.col < cols, JSON.stringify(block))
      for (const row of block.rows) t.true(rowWidth(row) < Math.max(cols, 4), plainText(row))
    }),
    { numRuns },
  )
})

test('the whole text is there, broken where the screen ends', (t) => {
  const text = 'The quick brown fox jumps over the lazy dog \u4f60\u597d\u4e16\u754c'
  const block = layout({
    prompt: [{ text: '> ' }],
    input: { graphemes: graphemes(text), cursor: 0 },
    cols: 12,
    maxRows: 99,
    newline: '$',
  })
  const shown = block.rows.map((row) => plainText(row).slice(2)).join('')
  t.is(shown, text)
  t.deepEqual([block.row, block.col], [0, 2])
  t.true(block.rows.every((row) => width(plainText(row)) <= 11))
})

test('what cannot be drawn is not drawn on the line either', (t) => {
  const block = layout({
    prompt: [{ text: '> ' }],
    input: { graphemes: graphemes('a\u202eb\u200dc\nd'), cursor: 0 },
    cols: 30,
    maxRows: 5,
    newline: '$',
  })
  t.deepEqual(block.rows.map(plainText), ['> a\ufffdbc$', '  d'])
})
