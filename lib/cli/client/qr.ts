// A QR code as half blocks: one row of text for two rows of modules, always black on white whatever the terminal's
// colours, because many scanners do not read an inverted code. Knows the role "qr", not the colours.
import { encode } from 'uqr'
import { type Entry, listing, notice, type Row, rowWidth } from './rows.ts'
import { fit, width } from './width.ts'

const QUIET_MODULES = 2
const INDENT = 4
const BETWEEN = 2

export interface Room {
  readonly cols: number
  readonly rows: number
}

/**
 * Null when it would not fit into `cols` x `rows`. Upper-case payloads of A-Z 0-9 $%*+-./: and blank take the least room:
 * 60 characters are 33x17 cells, 180 are 45x23.
 */
export function qrRows(payload: string, room: Room): Row[] | null {
  const { data, size } = encode(payload, { ecc: 'L', border: QUIET_MODULES })
  if (size > room.cols || Math.ceil(size / 2) > room.rows) return null
  const dark = (y: number, x: number): boolean => data[y]?.[x] ?? false
  const rows: Row[] = []
  for (let y = 0; y < size; y += 2) {
    let text = ''
    for (let x = 0; x < size; x++) text += halves(dark(y, x), dark(y + 1, x))
    rows.push([{ text, role: 'qr' }])
  }
  return rows
}

/** The block is the light part: it is drawn in the foreground, which is white. */
function halves(upperDark: boolean, lowerDark: boolean): string {
  if (upperDark) return lowerDark ? ' ' : '\u2584'
  return lowerDark ? '\u2580' : '\u2588'
}

/**
 * A code with its words: beside each other where the terminal is wide enough, else one above the other, else the words
 * alone. `room`: the code has to fit into it, for nobody can scan half of one.
 */
export function qrEntry(
  payload: string,
  words: readonly string[],
  room: Room,
  unicode: boolean,
): Entry {
  const code = unicode ? (qrRows(payload, { ...room, cols: Infinity }) ?? []) : []
  const codeCols = Math.max(0, ...code.map(rowWidth))
  const wordCols = Math.max(0, ...words.map(width))
  const alone = listing(
    '*',
    words.map((line) => `${' '.repeat(INDENT - 2)}${line.trimEnd()}`),
  )
  return (cols) => {
    if (cols <= codeCols || code.length === 0) {
      return words.length > 0 || !unicode ? alone(cols) : tooSmall(payload)(cols)
    }
    if (words.length === 0) return code
    if (cols <= INDENT + wordCols + BETWEEN + codeCols) return [...alone(cols), ...code]
    const height = Math.max(words.length, code.length)
    return Array.from({ length: height }, (_, i): Row => {
      const left = ' '.repeat(INDENT) + fit(words[i - 1] ?? '', wordCols + BETWEEN)
      return [{ text: left }, ...(code[i] ?? [])]
    })
  }
}

function tooSmall(payload: string): Entry {
  const { size } = encode(payload, { ecc: 'L', border: QUIET_MODULES })
  const needs = `${String(size + 1)}x${String(Math.ceil(size / 2))}`
  return notice('*', `A code to scan is shown in a window of ${needs} or more.`)
}
