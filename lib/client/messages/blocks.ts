// How the rows of a segment are cut into blocks. A line that does not stand where it arrived lies together with the line it
// stands before, so that each block is in order by itself; what stands too far from where it arrived lies in no block. Pure.
import type { Bytes } from '../../util/bytes.ts'
import { encodeRow, type MessageRow } from './row.ts'

export const BLOCK_ROWS = 64
const BLOCK_BYTES = 2 ** 18
/** Numbers between a line and the one it stands before: less than a block, so that there is a place to cut. */
const NEAR = 32

export interface EncodedRow {
  readonly row: MessageRow
  readonly body: Bytes
}

/** `rows` in ascending order. */
export function cutIntoBlocks(rows: readonly MessageRow[]): {
  readonly blocks: readonly (readonly EncodedRow[])[]
  readonly left: readonly MessageRow[]
} {
  const encoded = rows.map((row) => ({ row, body: encodeRow(row) }))
  const joined = joinedNumbers(rows)
  const blocks: (readonly EncodedRow[])[] = []
  for (let start = 0; start < encoded.length;) {
    const end = endOfBlock(encoded, start, joined)
    const block = inOrderByItself(encoded.slice(start, end))
    if (block.length > 0) blocks.push(block)
    start = end
  }
  const kept = new Set(blocks.flat().map(({ row }) => row))
  return { blocks, left: rows.filter((row) => !kept.has(row)) }
}

/** Numbers before which is no place to cut. */
function joinedNumbers(rows: readonly MessageRow[]): ReadonlySet<number> {
  const joined = new Set<number>()
  for (const { number, before = number } of rows) {
    const [low, high] = [Math.min(number, before), Math.max(number, before)]
    if (high - low > NEAR) continue
    for (let n = low + 1; n <= high; n++) joined.add(n)
  }
  return joined
}

function endOfBlock(
  rows: readonly EncodedRow[],
  start: number,
  joined: ReadonlySet<number>,
): number {
  let bytes = 0
  let end = start
  for (const { body } of rows.slice(start, start + BLOCK_ROWS)) {
    bytes += body.length
    if (end > start && bytes > BLOCK_BYTES) break
    end += 1
  }
  if (end === rows.length) return end
  for (let cut = end; cut > start; cut--) {
    if (!joined.has(rows[cut]?.row.number ?? 0)) return cut
  }
  return end
}

/** Without the lines that stand outside of it. */
function inOrderByItself(block: readonly EncodedRow[]): readonly EncodedRow[] {
  const first = block[0]?.row.number ?? 0
  const last = block.at(-1)?.row.number ?? 0
  const inside = block.filter(({ row: { before = first } }) => before >= first && before <= last)
  return inside.length === block.length ? block : inOrderByItself(inside)
}
