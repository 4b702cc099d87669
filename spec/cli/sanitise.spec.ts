import test from 'ava'
import fc from 'fast-check'
import {
  hasRightToLeft,
  inert,
  isolate,
  safeBody,
  safeFileName,
  safeInline,
  safeJson,
  safeLine,
  safeName,
  safeRow,
  safeText,
} from '../../lib/cli/sanitise.ts'
import { HOSTILE_TEXTS } from '../fixtures/hostile-text.ts'
import { vectors } from '../helpers/vectors.ts'

const numRuns = process.env['SLOW'] === undefined ? 300 : 20_000
// Everything a terminal could act upon, written out on its own so that the filter is not its own judge.
const ACTS =
  /(?![\t\n])[\p{Cc}\p{Cs}\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e0fff}]/u

/** Strings made of the pieces that attacks are made of. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...'\x1b [ ] 2 J m ; ? 0 \x07 \x9b \x9d \x9c \x90 \\ \r \n \t \b \v \f \x00 \x7f \x85 a Z'.split(
          ' ',
        ),
        ...[
          '\u0301',
          '\u202e',
          '\u2066',
          '\u2069',
          '\u200d',
          '\u200b',
          '\ud800',
          '\udc00',
          '\u{e0041}',
        ],
        ...['\u{1f468}', '\u05d0', '\u0627', '\ufb2c', '\u0344', '\u1100', '\u1161', '\ufe0f'],
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''))

test('text vectors of PROTOCOL 13', (t) => {
  for (const vector of vectors.text) {
    t.is(JSON.stringify(safeText(JSON.parse(vector.in) as string)), vector.out, vector.in)
  }
})

test('file name vectors of PROTOCOL 13', (t) => {
  for (const vector of vectors.file_names) t.is(safeFileName(vector.in), vector.out, vector.in)
})

test('nothing that a terminal acts upon passes, and filtering twice changes nothing', (t) => {
  fc.assert(
    fc.property(hostile, (text) => {
      for (const filter of [safeText, safeLine, safeBody, safeInline, safeName]) {
        const once = filter(text)
        t.notRegex(once, ACTS)
        t.is(filter(once), once)
      }
      t.false(/[\t\n]/u.test(safeLine(text)))
    }),
    { numRuns },
  )
})

for (const { name, text } of HOSTILE_TEXTS) {
  test(`inert: ${name}`, (t) => {
    t.notRegex(safeText(text), ACTS)
    t.notRegex(safeBody(text), /\t/u)
  })
}

test('what is dropped is dropped, what is replaced stays visible', (t) => {
  t.is(safeText('a\u00adb\u200b\u200dc\u{e0041}d\ufe0f'), 'abcd')
  t.is(safeText('\x00\x1b\x7f\x85\u202e\u2067\ue000\ufffe'), '\ufffd'.repeat(8))
  t.is(safeText('line\nnext\tcell'), 'line\nnext\tcell')
  t.is(safeText('e\u200b\u0301'), '\u00e9', 'composed again after a joiner is gone')
})

test('text is cut at 8192 code units and never ends in half a character', (t) => {
  t.is(safeText('x'.repeat(9000)).length, 8192)
  t.is(safeText(`${'x'.repeat(8191)}\u{1f600}`).at(-1), '\ufffd')
  const grows = safeText('\ufb2c'.repeat(8192))
  t.true(grows.length <= 8192)
  t.is(safeText(grows), grows)
})

test('a body never clings to our own words', (t) => {
  t.is(safeBody('\u0301a\n\u0301b'), 'a\nb')
  t.is(safeInline('\u0301a\nb'), 'a b')
  t.is(safeBody('a\tb'), 'a    b')
})

test('names are one trimmed line of at most 64 characters', (t) => {
  t.is(safeName('  Alice\n\tB.  '), 'Alice B.')
  t.is(safeName('invoice\u202efdp.exe'), 'invoice\ufffdfdp.exe')
  t.is(Array.from(safeName('\u{1f600}'.repeat(100))).length, 64)
  t.true(safeName('\u{1f600}'.repeat(100)).endsWith('..'))
  t.is(safeName('caf\u00e9'), 'caf\u00e9', 'an honest name is unchanged')
})

test('file names are safe to create anywhere', (t) => {
  fc.assert(
    fc.property(fc.oneof(hostile, fc.string({ unit: 'grapheme', maxLength: 300 })), (name) => {
      const safe = safeFileName(name)
      t.notRegex(safe, /[\\/:*?"<>|\p{Cc}]|^[\s.-]|[\s.]$/u)
      t.true(safe !== '' && Buffer.byteLength(safe) <= 120)
      t.is(safeFileName(safe), safe)
    }),
    { numRuns },
  )
})

test('Windows devices are prefixed, long names keep their extension', (t) => {
  for (const device of ['CON', 'nul.txt', 'Com1.log', 'lpt9', 'COM\u00b9', 'conout$']) {
    t.is(safeFileName(device), `file_${device}`)
  }
  t.is(safeFileName('console.txt'), 'console.txt')
  const long = safeFileName(`${'\u4f60'.repeat(200)}.pdf`)
  t.true(long.endsWith('\u4f60.pdf'))
  t.true(Buffer.byteLength(long) <= 120)
})

test('right-to-left text is fenced, other text is left alone', (t) => {
  t.is(isolate('abc'), 'abc')
  t.is(isolate('\u05d0\u05d1'), '\u2068\u05d0\u05d1\u2069')
  t.true(hasRightToLeft('\u0645\u0631\u062d\u0628\u0627'))
})

test('the sink lets nothing through but our own fences', (t) => {
  t.is(inert('a\x1b[31m\u202e\u2028\n\u2068x\u2069'), 'a\ufffd[31m\ufffd\ufffd\ufffd\u2068x\u2069')
})

test('JSON is escaped beyond what JSON.stringify does, and parses to the same value', (t) => {
  t.is(
    safeJson('\u007f\u0085\u009b\u2028\u202e\ufeff'),
    '"\\u007f\\u0085\\u009b\\u2028\\u202e\\ufeff"',
  )
  t.is(safeJson({ a: 'x\n\u{e0041}' }), '{"a":"x\\n\\udb40\\udc41"}')
  fc.assert(
    fc.property(fc.oneof(hostile, fc.string({ unit: 'binary' })), (text) => {
      const json = safeJson([text])
      t.notRegex(json, /[\t\n]/u)
      t.notRegex(json, ACTS)
      t.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify([text])))
    }),
    { numRuns },
  )
})

test('a row of ours keeps its fences, and only those that belong together', (t) => {
  const fenced = `from ${isolate('\u05d0\u05d1')}: hello`
  t.is(safeRow(fenced), fenced)
  t.is(safeRow('a\u2068b'), 'ab')
  t.is(safeRow('a\u2069b\u2068c'), 'abc')
  t.is(safeRow(`x\u200e${isolate('\u05d0\u200b')}\x1b`), 'x\ufffd\u2068\u05d0\u2069\ufffd')
  t.is(safeRow('  indented'), '  indented')
})
