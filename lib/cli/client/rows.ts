// Rows of the screen as spans of text with a role, and transcript entries that render themselves for a width. Pure.
// Every text passes cli/sanitise here, and colour exists only as a role: a caller cannot hand a raw escape to a terminal.
import { hasRightToLeft, inert, isolate, safeBody, safeInline } from '../sanitise.ts'
import type { Pixels, Role, Theme, TickState } from '../theme.ts'
import { markup } from './markup.ts'
import { fit, truncate, width, wrapRanges } from './width.ts'

export interface Span {
  readonly text: string
  readonly role?: Role | undefined
  /** Cells of a picture: colours 0xRRGGBB of the upper and the lower half. */
  readonly pixels?: Pixels | undefined
  /** What draws a picture on terminals with graphics; made by media/sequences.ts of pixels only. */
  readonly graphic?: string | undefined
}

export type Row = readonly Span[]

/** A transcript entry: rows for a terminal of `cols` cells. Captures its data when made; only a tick is live. */
export type Entry = (cols: number) => readonly Row[]

/** One line of text, plain or in pieces: `['* ', { text: '!help', role: 'command' }]`. */
export type Text = string | Span | readonly (string | Span)[]

/** First character of a row of ours: information, warning, question, `~12` about message 12 (TERMINAL row grammar). */
export type Mark = '*' | '!' | '?' | '~'

const MARK_ROLES: Readonly<Record<Mark, Role>> = {
  '*': 'info',
  '!': 'warn',
  '?': 'question',
  '~': 'muted',
}
/** Begins every further row of a message: such a row is never ours. */
const GUTTER: Span = { text: '|  ', role: 'muted' }
const CONTINUED: Span = { text: '  ' }
/** Below this a body starts on its own row. */
const MIN_BODY_COLS = 10

/** What cli/sanitise has isolated is a piece of its own, fenced anew on every row. */
const ISOLATED = /[\u2068\u2069]/u

/** The pieces of a text, cleaned, each on one line. */
export function spans(text: Text): Span[] {
  const pieces = typeof text === 'string' || 'text' in text ? [text] : text
  return pieces
    .map((piece) => (typeof piece === 'string' ? { text: piece } : piece))
    .flatMap(({ text, role }) => text.split(ISOLATED).map((part) => ({ text: part, role })))
    .map(({ text, role }) => ({ text: safeInline(text), role }))
    .filter((span) => span.text !== '')
}

export function plainText(row: Row): string {
  return row.map((span) => span.text).join('')
}

export function rowWidth(row: Row): number {
  return width(plainText(row))
}

/**
 * The row with its colours. The last gate before the terminal: no control passes, whatever came before, but those that
 * draw a picture of ours.
 */
export function paintRow(row: Row, theme: Theme): string {
  return row
    .map(({ text, role, pixels, graphic }) => {
      if (graphic !== undefined) return graphic
      if (pixels !== undefined) return theme.pixels(pixels, inert(text))
      return role === undefined ? inert(text) : theme.paint(role, inert(text))
    })
    .join('')
}

/** The first `cols` cells of a row. */
export function clipRow(row: Row, cols: number): Row {
  const out: Span[] = []
  let left = cols
  for (const span of row) {
    const shown = truncate(span.text, left)
    if (shown !== '') out.push({ ...span, text: shown })
    left -= width(shown)
    if (shown !== span.text) break
  }
  return out
}

/** Word-wraps spans; right-to-left pieces are fenced so that they cannot reorder the row. */
export function wrapSpans(
  pieces: readonly Span[],
  cols: number,
  firstCols: number = cols,
): Span[][] {
  const text = plainText(pieces)
  // Some terminals give a cell to each fence.
  const fence = hasRightToLeft(text) ? 2 * pieces.length : 0
  const ranges = wrapRanges(text, Math.max(1, cols - fence), Math.max(1, firstCols - fence))
  return ranges.map(([start, end]) => fenced(part(pieces, start, end)))
}

/** What stands at [start, end) of the joined text. */
function part(pieces: readonly Span[], start: number, end: number): Span[] {
  const row: Span[] = []
  let at = 0
  for (const { text, role } of pieces) {
    const piece = text.slice(Math.max(0, start - at), Math.max(0, end - at))
    if (piece !== '') row.push({ text: piece, role })
    at += text.length
  }
  return row
}

function fenced(pieces: readonly Span[]): Span[] {
  return pieces.map(({ text, role }) => ({ text: isolate(text), role }))
}

/** A row of ours. Several lines belong together: the second and later ones are indented like wrapped text. */
export function notice(mark: Mark, ...lines: readonly Text[]): Entry {
  const cleaned = lines.map(spans)
  const head = { text: mark === '~' ? mark : `${mark} `, role: MARK_ROLES[mark] }
  return (cols) =>
    cleaned
      .flatMap((line) => wrapSpans(line, cols - 3))
      .map((row, i) => [i === 0 ? head : CONTINUED, ...row])
}

/** `- title ------`: begins a chat, a day, a form. */
export function section(title: Text): Entry {
  const cleaned = spans(title).map(({ text }) => ({ text, role: 'section' as const }))
  return (cols) => {
    const row = clipRow([{ text: '- ', role: 'section' }, ...cleaned, { text: ' ' }], cols - 1)
    return [[...row, { text: '-'.repeat(Math.max(0, cols - 1 - rowWidth(row))), role: 'section' }]]
  }
}

/**
 * Rows of ours that keep their shape (tables, codes). What does not fit goes on below, in the column where it began, and
 * column by column.
 */
export function listing(mark: Mark, lines: readonly Text[]): Entry {
  const cleaned = lines.map(spans)
  const head = { text: `${mark} `, role: MARK_ROLES[mark] }
  return (cols) =>
    cleaned.flatMap((line) => {
      const text = plainText(line)
      const room = cols - 1 - width(head.text)
      const at = columnOf(text, room)
      const label = text.slice(0, at)
      const fences = hasRightToLeft(label) ? 2 * line.length : 0
      const indent = ' '.repeat(width(label))
      const rows = wrapColumns(part(line, at, text.length), room - indent.length - fences)
      return rows.map((row, i) =>
        i === 0
          ? [head, ...fenced(part(line, 0, at)), ...row]
          : [CONTINUED, { text: indent }, ...row],
      )
    })
}

/** Like wrapSpans, but what stands between two blanks and more is kept together where a row is wide enough for it. */
function wrapColumns(pieces: readonly Span[], cols: number): Span[][] {
  const text = plainText(pieces)
  const room = Math.max(1, cols - (hasRightToLeft(text) ? 2 * pieces.length : 0))
  const rows: [number, number][] = []
  let used = 0
  for (const { index, 0: column } of text.matchAll(/\S+(?: \S+)*/gu)) {
    const row = rows.at(-1)
    const end = index + column.length
    const cells = width(column)
    if (row !== undefined && used + index - row[1] + cells <= room) {
      used += index - row[1] + cells
      row[1] = end
      continue
    }
    for (const [from, to] of wrapRanges(column, room)) {
      rows.push([index + from, index + to])
      used = width(column.slice(from, to))
    }
  }
  if (rows.length === 0) return [[]]
  return rows.map(([start, end]) => fenced(part(pieces, start, end)))
}

/** Where the last column begins: behind the first two blanks, or what is indented as a whole. */
function columnOf(text: string, room: number): number {
  const [label = ''] = /^\s*\S.*?\s{2,}(?=\S)/u.exec(text) ?? []
  if (label !== '' && width(label) * 2 <= room) return label.length
  const [blanks = ''] = /^ */u.exec(text) ?? []
  return blanks.length * 2 <= room ? blanks.length : 0
}

export interface MessageText {
  /** `HH:MM`, or `HH:MMam`. */
  readonly time: string
  /** Ours: where it stands, asked again whenever the row is drawn. Absent: somebody else's. */
  readonly tick?: () => TickState
  /** `me @bob`, `alice`, `#team carol`: all before the colon. */
  readonly who: Text
  /** From a peer; line feeds are kept, each further row gets the gutter. */
  readonly body: string
  /** The body is a text whose **marks** are drawn. */
  readonly formatted?: boolean
  /** Behind the body: `(edited)`. */
  readonly note?: Text
}

const TIME_COLS = 5
/** All of the head but time and name: tick, blank, colon, blank. */
const HEAD_COLS = 2 + 1 + 2

/** Where the tick of a message is: behind its time and a blank. */
export function tickColumn(time: string): number {
  return Math.max(TIME_COLS, width(safeInline(time))) + 1
}

export function tickSpan(state: TickState, theme: Theme): Span {
  const role =
    state === 'failed' ? 'error' : state === 'delivered' || state === 'read' ? 'ok' : 'muted'
  return { text: theme.glyphs.tick[state], role }
}

/** `12:04 .. me @bob: text`, further rows behind `|`: a body can never imitate a row of ours. */
export function message(m: MessageText, theme: Theme): Entry {
  const who = spans(m.who)
  const note = m.note === undefined ? [] : spans(m.note)
  const [first = '', ...rest] = safeBody(m.body).split('\n')
  const { tick } = m
  const drawn = (line: string): readonly Span[] =>
    m.formatted === true ? markup(line, !theme.colour) : [{ text: line }]
  const column = tickColumn(m.time)
  const time = fit(safeInline(m.time), column - 1)
  const fences = hasRightToLeft(plainText(who)) ? 2 * who.length : 0
  return (cols) => {
    const head: Span[] = [
      { text: `${time} `, role: 'time' },
      tick === undefined ? { text: '  ' } : tickSpan(tick(), theme),
      { text: ' ' },
      ...clipRow(who, cols - 1 - column - HEAD_COLS - fences).map(({ text, role }) => ({
        text: isolate(text),
        role,
      })),
      { text: ': ' },
    ]
    const room = cols - 1 - rowWidth(head)
    const inner = cols - 1 - GUTTER.text.length
    const rows: Span[][] = []
    if (room >= MIN_BODY_COLS) {
      const [top = [], ...more] = wrapSpans(drawn(first), inner, room)
      rows.push([...head, ...top], ...more.map((row) => [GUTTER, ...row]))
    } else {
      rows.push(head)
      if (first !== '') rows.push(...wrapSpans(drawn(first), inner).map((row) => [GUTTER, ...row]))
    }
    for (const line of rest) {
      rows.push(...wrapSpans(drawn(line), inner).map((row) => [GUTTER, ...row]))
    }
    return note.length === 0 ? rows : withNote(rows, note, cols)
  }
}

/** Behind the last row where there is room, else on a row of its own that is marked as ours. */
function withNote(rows: readonly Span[][], note: readonly Span[], cols: number): Row[] {
  const last = rows.at(-1) ?? []
  if (rowWidth(last) + 1 + rowWidth(note) < cols)
    return [...rows.slice(0, -1), [...last, { text: ' ' }, ...note]]
  return [...rows, ...wrapSpans(note, cols - 3).map((row) => [CONTINUED, ...row])]
}
