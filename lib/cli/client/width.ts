// How many cells a text takes, and where it may be broken. Pure. Expects text that has passed cli/sanitise.
// string-width sees one grapheme at a time, never a whole message: on 64 Ki hostile characters it takes half a minute.
import stringWidth from 'string-width'

const SEGMENTER = new Intl.Segmenter('en', { granularity: 'grapheme' })
const ASCII = /^[ -~\n]*$/u
/** Code units given to the segmenter at once: in Node 20 every segment copies the whole input (quadratic). */
const CHUNK = 256
/** A cluster longer than this many code units is taken apart: no real one is. */
const MAX_CLUSTER = 64

/** Grapheme clusters, in linear time. */
export function graphemes(text: string): string[] {
  if (ASCII.test(text)) return text.split('')
  const out: string[] = []
  let carry = ''
  for (let at = 0; at < text.length;) {
    let end = Math.min(text.length, at + CHUNK)
    if (end < text.length && isLowSurrogate(text.charCodeAt(end))) end++
    const clusters = Array.from(SEGMENTER.segment(carry + text.slice(at, end)), (s) => s.segment)
    at = end
    // The last cluster of a chunk may go on in the next one.
    carry = at < text.length ? (clusters.pop() ?? '') : ''
    for (const cluster of clusters) pushCluster(out, cluster)
    if (carry.length > MAX_CLUSTER) {
      pushCluster(out, carry)
      carry = ''
    }
  }
  return out
}

function pushCluster(out: string[], cluster: string): void {
  if (cluster.length <= MAX_CLUSTER) out.push(cluster)
  else out.push(...Array.from(cluster))
}

function isLowSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00
}

/** Cells of one grapheme. Everyday scripts are answered here: string-width costs 3 to 10 us a call. */
export function graphemeWidth(grapheme: string): number {
  if (grapheme.length === 1) {
    const c = grapheme.charCodeAt(0)
    if (c >= 0x20 && c < 0x7f) return 1
    if ((c >= 0xa1 && c < 0xad) || (c > 0xad && c < 0x300)) return 1 // Latin
    if ((c >= 0x391 && c < 0x483) || (c >= 0x48a && c < 0x530)) return 1 // Greek, Cyrillic
    if ((c >= 0x3041 && c < 0x3097) || (c >= 0x30a0 && c < 0x3100)) return 2 // kana
    if ((c >= 0x3400 && c < 0x4dc0) || (c >= 0x4e00 && c < 0xa000)) return 2 // Han
    if (c >= 0xac00 && c < 0xd7a4) return 2 // Hangul
  }
  return stringWidth(grapheme)
}

export function width(text: string): number {
  if (ASCII.test(text)) return text.length
  return graphemes(text).reduce((sum, grapheme) => sum + graphemeWidth(grapheme), 0)
}

/** More cells than any terminal may need, whatever it thinks of marks, emoji and joiners. */
export function widthBound(text: string): number {
  if (ASCII.test(text)) return text.length
  let bound = 0
  for (const char of text) bound += char > '~' ? 2 : 1
  return bound
}

/**
 * Word-wraps one paragraph (no line feed) and returns [start, end) offsets of its rows; blanks at a break belong to
 * no row. The first row may be narrower. Every row holds at least one grapheme, so a width of 0 still ends.
 */
export function wrapRanges(
  text: string,
  cols: number,
  firstCols: number = cols,
): [number, number][] {
  const rows: [number, number][] = []
  let start = 0
  let used = 0
  let breakAt = -1
  let usedAtBreak = 0
  let at = 0
  const known = new Map<string, number>() // 4000 emoji at 20 us each would be felt
  for (const grapheme of graphemes(text)) {
    const cells = known.get(grapheme) ?? graphemeWidth(grapheme)
    known.set(grapheme, cells)
    let skip = false
    while (used + cells > (rows.length === 0 ? Math.min(firstCols, cols) : cols) && at > start) {
      if (grapheme === ' ') {
        rows.push([start, at])
        start = at + 1
        used = 0
        skip = true
      } else if (breakAt > start) {
        rows.push([start, trimmedEnd(text, start, breakAt)])
        start = breakAt
        used -= usedAtBreak
      } else {
        rows.push([start, at])
        start = at
        used = 0
      }
      breakAt = -1
    }
    at += grapheme.length
    if (skip) continue
    used += cells
    if (grapheme === ' ') {
      breakAt = at
      usedAtBreak = used
    }
  }
  if (start < at || rows.length === 0) rows.push([start, at])
  return rows
}

function trimmedEnd(text: string, start: number, end: number): number {
  let at = end
  while (at > start && text[at - 1] === ' ') at--
  return at
}

export function wrap(text: string, cols: number, firstCols: number = cols): string[] {
  const rows: string[] = []
  for (const paragraph of text.split('\n')) {
    const first = rows.length === 0 ? firstCols : cols
    for (const [start, end] of wrapRanges(paragraph, cols, first))
      rows.push(paragraph.slice(start, end))
  }
  return rows
}

/** At most `cols` cells of one line; what was cut is shown as "..". */
export function truncate(text: string, cols: number): string {
  if (text.length <= cols * 16 && width(text) <= cols) return text
  const mark = cols >= 4 ? '..' : ''
  let out = ''
  let used = mark.length
  for (const grapheme of graphemes(text.slice(0, cols * 16))) {
    used += graphemeWidth(grapheme)
    if (used > cols) break
    out += grapheme
  }
  return out + mark
}

/** Truncates or fills with blanks to exactly `cols` cells. */
export function fit(text: string, cols: number): string {
  const shown = truncate(text, cols)
  return shown + ' '.repeat(Math.max(0, cols - width(shown)))
}
