// Where the prompt and the line being typed go: rows of at most cols-1 cells, so that no terminal is ever in its
// "pending wrap" state, and the cell of the cursor. Pure.
import { safeInline } from '../sanitise.ts'
import { clipRow, type Row, rowWidth } from './rows.ts'
import type { Block } from './screen.ts'
import { truncate, width } from './width.ts'

export interface Input {
  readonly graphemes: readonly string[]
  /** Index into `graphemes`. */
  readonly cursor: number
}

export interface LayoutOptions {
  readonly prompt: Row
  readonly input: Input
  readonly cols: number
  /** A window of this many rows around the cursor is shown. */
  readonly maxRows: number
  /** Stands for a line feed. */
  readonly newline: string
}

const INDENT_COLS = 4
/** Cells that the prompt leaves for the text. */
const MIN_TEXT_COLS = 8

export function layout({ prompt, input, cols, maxRows, newline }: LayoutOptions): Block {
  const limit = Math.max(2, cols - 1)
  const head = clipRow(prompt, Math.max(1, limit - MIN_TEXT_COLS))
  const indent = ' '.repeat(Math.min(rowWidth(head), INDENT_COLS, limit - 2))
  const texts: string[] = []
  let text = ''
  let used = rowWidth(head)
  let cursor = { row: 0, col: used }
  const breakRow = (): void => {
    texts.push(text)
    text = indent
    used = indent.length
  }
  for (let i = 0; i <= input.graphemes.length; i++) {
    const grapheme = input.graphemes[i]
    const shown = grapheme === undefined ? '' : visible(grapheme, newline, limit - indent.length)
    const cells = width(shown)
    // The end of the text needs a cell for the cursor.
    if (used + Math.max(cells, grapheme === undefined ? 1 : 0) > limit) breakRow()
    if (i === input.cursor) cursor = { row: texts.length, col: used }
    text += shown
    used += cells
    if (grapheme === '\n') breakRow()
  }
  texts.push(text)
  const rows = texts.map((row, i): Row => (i === 0 ? [...head, { text: row }] : [{ text: row }]))
  const from = Math.min(Math.max(0, cursor.row - maxRows + 1), Math.max(0, rows.length - maxRows))
  return { rows: rows.slice(from, from + maxRows), row: cursor.row - from, col: cursor.col }
}

/** A grapheme as it is drawn: what was pasted may hold anything. */
function visible(grapheme: string, newline: string, room: number): string {
  return grapheme === '\n' ? newline : truncate(safeInline(grapheme), room)
}
