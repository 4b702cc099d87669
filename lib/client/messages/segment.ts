// The bytes of one sealed segment of old rows: blocks of rows, and a small index that stays in memory: which conversations
// are in which block, where a key is, and where each line stands that does not stand where it arrived. Pure; archive.ts does the
// reading and writing.
import { sha256 } from '../../crypto/hash.ts'
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { bRange, check, list, map, opt, s, tuple, u } from '../../protocol/shape.ts'
import { type Bytes, fromHex, hex, utf8, view } from '../../util/bytes.ts'
import { BLOCK_ROWS, type Blocks, type Cut } from './blocks.ts'
import type { FarPlace } from './far-place.ts'
import { decodeRow, type MessageRow } from './row.ts'

/** Numbers that one segment covers. */
export const SEGMENT_NUMBERS = 1024
const BLOCKS_MAX = SEGMENT_NUMBERS
const ENTRY_BYTES = 6

export function segmentOf(number: number): number {
  return Math.floor(number / SEGMENT_NUMBERS)
}

const BLOCK = list(bRange(1, 2 ** 18), BLOCK_ROWS)
const INDEX = map({
  /** Generation: a segment that is written anew gets another log. */
  g: u,
  /** Conversations, 16 bytes each. */
  c: list(bRange(1, 32), SEGMENT_NUMBERS),
  /** Per block: number of its first row, and the conversations in it as positions in `c`. */
  b: list(tuple(u, list(u, SEGMENT_NUMBERS)), BLOCKS_MAX),
  /** Per conversation (position in `c`), its far lines: position of the block behind those of `b`, number, before, ts, key. */
  f: opt(list(tuple(u, list(tuple(u, u, u, u, s(64)), SEGMENT_NUMBERS)), SEGMENT_NUMBERS)),
  /** Sorted entries: 4 bytes of the hash of a key, 2 bytes of the number within the segment. */
  k: bRange(0, ENTRY_BYTES * SEGMENT_NUMBERS),
})

export interface Block {
  readonly first: number
  /** hex */
  readonly convs: ReadonlySet<string>
}

export interface SegmentIndex {
  readonly generation: number
  /** Near ones; the far ones lie behind them. */
  readonly blocks: readonly Block[]
  /** By conversation. */
  readonly far: ReadonlyMap<string, readonly FarPlace[]>
  readonly convs: ReadonlySet<string>
  readonly keys: Bytes
}

/** All of one segment. */
export function encodeSegment(
  { near, far }: Cut,
  generation: number,
): { readonly index: SegmentIndex; readonly blocks: readonly Buffer[] } {
  const groups = [...near, ...far]
  const rows = groups.flat().map(({ row }) => row)
  const blocks = near.map((group) => ({
    first: group[0]?.row.number ?? 0,
    convs: new Set(group.map(({ row }) => row.conv)),
  }))
  const convs = new Set(rows.map((row) => row.conv))
  const entries = rows
    .map((row) => {
      const entry = Buffer.alloc(ENTRY_BYTES)
      keyHash(row.key).copy(entry)
      entry.writeUInt16BE(row.number % SEGMENT_NUMBERS, 4)
      return entry
    })
    .sort((p, q) => p.compare(q))
  return {
    index: { generation, blocks, far: farPlaces(far), convs, keys: Buffer.concat(entries) },
    blocks: groups.map((group) => encode(group.map(({ body }) => body))),
  }
}

function farPlaces(blocks: Blocks): SegmentIndex['far'] {
  const far = new Map<string, FarPlace[]>()
  for (const [block, group] of blocks.entries()) {
    for (const { row } of group) {
      const { number, before = number, ts, key, conv } = row
      const places = far.get(conv) ?? []
      places.push({ number, before, ts, key, block })
      far.set(conv, places)
    }
  }
  return far
}

export function encodeIndex({ generation, blocks, far, convs, keys }: SegmentIndex): Buffer {
  const all = [...convs]
  const position = new Map(all.map((conv, i) => [conv, i]))
  const places = [...far].map(([conv, each]) => [
    position.get(conv) ?? 0,
    each.map(({ block, number, before, ts, key }) => [block, number, before, ts, key]),
  ])
  return encode({
    g: generation,
    c: all.map(fromHex),
    b: blocks.map((block) => [
      block.first,
      [...block.convs].map((conv) => position.get(conv) ?? 0),
    ]),
    f: places.length === 0 ? undefined : places,
    k: keys,
  })
}

export function decodeIndex(body: Bytes): SegmentIndex {
  const { g, c, b, f = [], k } = check(INDEX, decodeStrict(body), 'segment')
  const all = c.map(hex)
  const blocks = b.map(([first, positions]) => ({
    first,
    convs: new Set(positions.map((i) => all[i] ?? '')),
  }))
  const far = new Map(
    f.map(([at, places]) => [
      all[at] ?? '',
      places.map(([block, number, before, ts, key]) => ({ block, number, before, ts, key })),
    ]),
  )
  return { generation: g, blocks, far, convs: new Set(all), keys: k }
}

/** Rows are decoded only where `wanted` says so. */
export function decodeBlock(
  body: Bytes,
  wanted: (row: Bytes) => boolean = () => true,
): MessageRow[] {
  return check(BLOCK, decodeStrict(body), 'block of rows').filter(wanted).map(decodeRow)
}

/** Numbers within the segment of rows whose key may be this one: nearly always one or none. */
export function placesOf({ keys }: SegmentIndex, key: string): readonly number[] {
  const bytes = view(keys)
  const wanted = keyHash(key).readUInt32BE(0)
  const hashAt = (i: number): number => bytes.readUInt32BE(i * ENTRY_BYTES)
  let low = 0
  let high = bytes.length / ENTRY_BYTES
  while (low < high) {
    const middle = (low + high) >>> 1
    if (hashAt(middle) < wanted) low = middle + 1
    else high = middle
  }
  const places: number[] = []
  for (let i = low; i < bytes.length / ENTRY_BYTES && hashAt(i) === wanted; i++) {
    places.push(bytes.readUInt16BE(i * ENTRY_BYTES + 4))
  }
  return places
}

export function countOfBlocks({ blocks, far }: SegmentIndex): number {
  const last = [...far.values()].map((places) => places.at(-1)?.block ?? 0)
  return blocks.length + (last.length === 0 ? 0 : Math.max(...last) + 1)
}

/** Position of the block that has this number, if any has. */
export function blockOf({ blocks, far }: SegmentIndex, number: number): number {
  for (const places of far.values()) {
    const place = places.find((each) => each.number === number)
    if (place !== undefined) return blocks.length + place.block
  }
  let found = -1
  for (const [i, block] of blocks.entries()) if (block.first <= number) found = i
  return found
}

/** Keys are hashes already, but for those of placeholders. */
function keyHash(key: string): Buffer {
  return /^[0-9a-f]{32}$/.test(key) ? fromHex(key.slice(0, 8)) : sha256(utf8(key)).subarray(0, 4)
}
