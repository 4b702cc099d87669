import test from 'ava'
import fc from 'fast-check'
import { splitKeys } from '../../../lib/cli/client/key-sequences.ts'
import { type Key, KeyDecoder } from '../../../lib/cli/client/keys.ts'

const numRuns = process.env['SLOW'] === undefined ? 200 : 10_000
const ESC = '\x1b'
const START = `${ESC}[200~`
const END = `${ESC}[201~`

function decode(...reads: string[]): Key[] {
  const decoder = new KeyDecoder()
  return reads.flatMap((read) => decoder.feed(read))
}

/** `ctrl-alt-shift-name`, or the text in quotes. */
function names(keys: readonly Key[]): string[] {
  return keys.map((key) => {
    if (key.type !== 'key') return JSON.stringify(key.text)
    return `${key.ctrl ? 'ctrl-' : ''}${key.alt ? 'alt-' : ''}${key.shift ? 'shift-' : ''}${key.name}`
  })
}

const sent: readonly (readonly [string, string])[] = [
  ['\r', 'return'],
  ['\n', 'newline'],
  ['\t', 'tab'],
  ['\x7f', 'backspace'],
  ['\b', 'backspace'],
  ['\x01', 'ctrl-a'],
  ['\x1a', 'ctrl-z'],
  ['\x1f', 'ctrl-\x7f'],
  [`${ESC}[A`, 'up'],
  [`${ESC}OB`, 'down'],
  [`${ESC}[1;5C`, 'ctrl-right'],
  [`${ESC}[1;3D`, 'alt-left'],
  [`${ESC}[H`, 'home'],
  [`${ESC}[4~`, 'end'],
  [`${ESC}[3~`, 'delete'],
  [`${ESC}[3;5~`, 'ctrl-delete'],
  [`${ESC}[Z`, 'backtab'],
  [`${ESC}b`, 'alt-b'],
  [`${ESC}\r`, 'alt-return'],
  [`${ESC}\x7f`, 'alt-backspace'],
  [`${ESC}[13;2u`, 'shift-return'],
  [`${ESC}[27;2;13~`, 'shift-return'],
  [`${ESC}${ESC}[A`, 'alt-up'],
  [`${ESC}[I`, 'focus'],
  [`${ESC}[O`, 'blur'],
]

for (const [bytes, name] of sent) {
  test(`${JSON.stringify(bytes)} is ${name}, whole or in single bytes`, (t) => {
    t.deepEqual(names(decode(bytes)), [name])
    t.deepEqual(names(decode(...bytes)), [name])
  })
}

test('answers of the terminal are nobody typing', (t) => {
  for (const answer of [
    '[?1;2c',
    '[24;80R',
    ']11;rgb:00/00/00\x07',
    ']0;x\x1b\\',
    'P1$r0m\x1b\\',
    '[[A',
    '[<0;1;1M',
  ]) {
    t.deepEqual(decode(ESC + answer), [], answer)
  }
})

test('text comes in one piece, controls apart', (t) => {
  t.deepEqual(names(decode('h\u00e9\u{1f600}llo\rx')), ['"h\u00e9\u{1f600}llo"', 'return', '"x"'])
})

test('a lone Esc is told when nothing follows', (t) => {
  const decoder = new KeyDecoder()
  t.deepEqual(decoder.feed(ESC), [])
  t.true(decoder.pending)
  t.deepEqual(names(decoder.flush()), ['escape'])
  t.false(decoder.pending)
  t.deepEqual(decoder.feed(`${ESC}]`), [])
  t.deepEqual(names(decoder.flush()), ['alt-]'])
  t.deepEqual(names(decode(`${ESC}${ESC}x`)), ['escape', 'alt-x'])
})

test('a paste is one text, whatever the reads', (t) => {
  const bytes = `a${START}one\r\ntwo\tx${ESC}[2J\x00\rthree${END}`
  const expected = ['"a"', JSON.stringify('one\ntwo    x[2J\nthree')]
  t.deepEqual(names(decode(bytes)), expected)
  for (let cut = 1; cut < bytes.length; cut++) {
    t.deepEqual(names(decode(bytes.slice(0, cut), bytes.slice(cut))), expected, String(cut))
  }
})

test('Enter in the same read as the end of a paste is part of it', (t) => {
  t.deepEqual(names(decode(`${START}x${END}\r!block bob\r`)), [JSON.stringify('x\n!block bob\n')])
  t.deepEqual(names(decode(`${START}x${END}\ry${END}\r`)), [JSON.stringify('x\ny\n')])
  t.deepEqual(names(decode(`${START}x${END}${ESC}[D`)), ['"x"', 'left'], 'other keys stay keys')
  t.deepEqual(names(decode(`${START}x${END}`, '\r')), ['"x"', 'return'], 'the next read is typed')
})

test('a paste whose end was lost is left with Ctrl-C', (t) => {
  const decoder = new KeyDecoder()
  t.deepEqual(decoder.feed(`${START}abc`), [])
  t.deepEqual(decoder.feed('more'), [])
  t.deepEqual(names(decoder.feed('\x03')), ['ctrl-c'])
  t.deepEqual(names(decoder.feed('x')), ['"x"'])
})

test('a paste without end does not fill the memory', (t) => {
  const decoder = new KeyDecoder()
  decoder.feed(START)
  for (let i = 0; i < 64; i++) decoder.feed('x'.repeat(16_384))
  const [paste] = decoder.feed(END)
  t.true(paste?.type === 'paste' && paste.text.length <= 300_000)
})

test('splitting loses nothing and reads may end anywhere', (t) => {
  const piece = fc.oneof(
    fc.constantFrom(...sent.map(([bytes]) => bytes), ESC, '[', 'O', ']', '\x07', 'x', '\u{1f600}'),
    fc.string({ unit: 'binary', maxLength: 3 }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), fc.nat(60), (pieces, at) => {
      const input = pieces.join('')
      const { keys, rest } = splitKeys(input)
      t.is(keys.join('') + rest, input)
      const first = splitKeys(input.slice(0, at))
      const second = splitKeys(first.rest + input.slice(at))
      // A surrogate pair is never cut by a stream decoder; here it may be.
      if (!/^[\udc00-\udfff]/u.test(input.slice(at))) {
        t.deepEqual([...first.keys, ...second.keys].join(''), keys.join(''))
        t.is(second.rest, rest)
      }
    }),
    { numRuns },
  )
})
