// How the rows of a segment are cut into blocks. A line that does not stand where it arrived lies together with the line it
// stands before, so that each block is in order by itself. What stands too far from where it arrived lies in blocks of its own
// kind: who reads the lines as they stand passes none of them. Pure.
import type { Bytes } from '../../util/bytes.ts'
import { inPlace, placeOf } from './place.ts'
import { encodeRow, type MessageRow } from './row.ts'

export const BLOCK_ROWS = 64
const BLOCK_BYTES = 2 ** 18
/** Numbers between a line and the one it stands before: less than a block, so that there is a place to cut. */
const NEAR = 32

export interface EncodedRow {
  readonly row: MessageRow
  readonly body: Bytes
}

export type Blocks = readonly (readonly EncodedRow[])[]

export interface Cut {
  /** What stands where it lies, by number. */
  readonly near: Blocks
  /** The other lines, as they stand: a page of them is in few blocks. */
  readonly far: Blocks
}

/** `rows` in ascending order. */
export function cutIntoBlocks(rows: readonly MessageRow[]): Cut {
  const others = rows.filter((row) => !isFar(row))
  const joined = joinedNumbers(others)
  const near = inBlocks(others, joined)
    .map(inOrderByItself)
    .filter(({ length }) => length > 0)
  const kept = new Set(near.flat().map(({ row }) => row))
  const far = rows.filter((row) => !kept.has(row))
  return { near, far: inBlocks(inPlace(far, 'ascending'), new Set()) }
}

/** Where it stands; what is no line stands nowhere else. */
function placeIn(row: MessageRow): number {
  return row.aside === undefined ? placeOf(row) : row.number
}

function isFar(row: MessageRow): boolean {
  return Math.abs(row.number - placeIn(row)) > NEAR
}

/** Numbers before which is no place to cut. */
function joinedNumbers(rows: readonly MessageRow[]): ReadonlySet<number> {
  const joined = new Set<number>()
  for (const row of rows) {
    const [number, place] = [row.number, placeIn(row)]
    const [low, high] = [Math.min(number, place), Math.max(number, place)]
    for (let n = low + 1; n <= high; n++) joined.add(n)
  }
  return joined
}

function inBlocks(rows: readonly MessageRow[], joined: ReadonlySet<number>): Blocks {
  const encoded = rows.map((row) => ({ row, body: encodeRow(row) }))
  const blocks: (readonly EncodedRow[])[] = []
  for (let start = 0; start < encoded.length;) {
    const end = endOfBlock(encoded, start, joined)
    blocks.push(encoded.slice(start, end))
    start = end
  }
  return blocks
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
  const inside = block.filter(({ row }) => placeIn(row) >= first && placeIn(row) <= last)
  return inside.length === block.length ? block : inOrderByItself(inside)
}
