import test from 'ava'
import fc from 'fast-check'
import {
  fit,
  graphemes,
  graphemeWidth,
  truncate,
  width,
  widthBound,
  wrap,
  wrapRanges,
} from '../../lib/cli/client/width.ts'
import { safeBody } from '../../lib/cli/sanitise.ts'

const numRuns = process.env['SLOW'] === undefined ? 200 : 5000
const whole = new Intl.Segmenter('en', { granularity: 'grapheme' })
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'a',
        'word',
        ' ',
        '  ',
        '\u4f60\u597d',
        '\u{1f600}',
        'e\u0301',
        '\u05d0',
        '\u{1f1e7}\u{1f1f7}',
      ),
      fc.string({ unit: 'grapheme', maxLength: 3 }),
    ),
    { maxLength: 60 },
  )
  .map((pieces) => pieces.join(''))

test('segmenting in chunks equals segmenting at once', (t) => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 12 }), (parts) => {
      const all = parts.join('\u{1f468}\u200d\u{1f469}')
      const expected = Array.from(whole.segment(all), (s) => s.segment)
      if (expected.every((cluster) => cluster.length <= 64)) t.deepEqual(graphemes(all), expected)
      t.is(graphemes(all).join(''), all)
    }),
    { numRuns },
  )
})

test('the widths that tables disagree about', (t) => {
  t.is(width('abc'), 3)
  t.is(width('\u4f60\u597d'), 4)
  t.is(width('e\u0301'), 1)
  t.is(graphemeWidth('\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'), 2)
  t.is(graphemeWidth('\u{1f1e7}\u{1f1f7}'), 2)
  t.is(graphemeWidth('\ufffd'), 1)
  t.is(graphemeWidth('\ud55c'), 2)
  t.is(graphemeWidth('\u042f'), 1)
})

test('rows keep to their width, and wrapping loses nothing but the blanks at breaks', (t) => {
  fc.assert(
    fc.property(
      text,
      fc.integer({ min: 2, max: 40 }),
      fc.integer({ min: 2, max: 40 }),
      (raw, cols, first) => {
        const line = safeBody(raw).replaceAll('\n', ' ')
        const ranges = wrapRanges(line, cols, first)
        let at = 0
        for (const [i, [start, end]] of ranges.entries()) {
          t.regex(line.slice(at, start), /^ *$/u)
          const row = line.slice(start, end)
          t.true(
            width(row) <= (i === 0 ? Math.min(first, cols) : cols) || graphemes(row).length === 1,
          )
          at = end
        }
        t.regex(line.slice(at), /^ *$/u)
        t.true(widthBound(line) >= width(line))
      },
    ),
    { numRuns },
  )
})

test('words stay whole when they fit', (t) => {
  t.deepEqual(wrap('the quick brown fox', 10), ['the quick', 'brown fox'])
  t.deepEqual(wrap('the quick brown fox', 10, 4), ['the', 'quick', 'brown fox'])
  t.deepEqual(wrap('abcdefghij', 4), ['abcd', 'efgh', 'ij'])
  t.deepEqual(wrap('\u4f60\u597d\u4e16\u754c', 5), ['\u4f60\u597d', '\u4e16\u754c'])
  t.deepEqual(wrap('a\n\nb', 5), ['a', '', 'b'])
})

test('truncate and fit give measured columns', (t) => {
  t.is(truncate('hello world', 8), 'hello ..')
  t.is(truncate('hello', 5), 'hello')
  t.is(truncate('\u4f60\u597d\u4e16\u754c', 5), '\u4f60..')
  t.is(truncate('abc', 0), '')
  t.is(fit('ab', 4), 'ab  ')
  fc.assert(
    fc.property(text, fc.integer({ min: 4, max: 30 }), (line, cols) => {
      t.is(width(fit(line.replaceAll('\n', ''), cols)), cols)
    }),
    { numRuns },
  )
})

test('a hostile text is measured in time proportional to its length', (t) => {
  // Segmenting or measuring it whole takes minutes or crashes: the time limit of the suite is the assertion.
  const size = process.env['SLOW'] === undefined ? 16_384 : 65_536
  for (const piece of [
    '\u4f60',
    '\u{1f600}',
    'x\u0301',
    '\u0301',
    '\u1100\u1161\u11a8',
    '\u{1f468}\u200d',
  ]) {
    const attack = piece.repeat(Math.floor(size / piece.length))
    const rows = wrap(attack, 80)
    t.is(rows.join(''), attack)
  }
})
