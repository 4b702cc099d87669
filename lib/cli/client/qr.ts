// A QR code as half blocks: one row of text for two rows of modules, always black on white whatever the terminal's
// colours, because many scanners do not read an inverted code. Knows the role "qr", not the colours.
import { encode } from 'uqr'
import type { Row } from './rows.ts'

const QUIET_MODULES = 2

/**
 * Null when it would not fit into `cols` x `rows`. Upper-case payloads of A-Z 0-9 $%*+-./: and blank take the least room:
 * 60 characters are 33x17 cells, 180 are 45x23.
 */
export function qrRows(
  payload: string,
  room: { readonly cols: number; readonly rows: number },
): Row[] | null {
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
