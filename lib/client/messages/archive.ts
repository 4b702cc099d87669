// Old rows, sealed in blocks in logs, read a block at a time: what is in memory of them is an index of some bytes each. A
// segment never changes in place; it is written anew under another name, and then takes the place of the old one.
import type { Logs, Records } from '../../storage/ports.ts'
import { fail } from '../../util/errors.ts'
import { byteFilter } from './byte-filter.ts'
import type { Cut } from './blocks.ts'
import type { FarPlace } from './far-place.ts'
import type { Order } from './place.ts'
import type { MessageRow } from './row.ts'
import { type Newest, newestOf } from './row-table.ts'
import {
  blockOf,
  countOfBlocks,
  decodeBlock,
  decodeIndex,
  encodeIndex,
  encodeSegment,
  placesOf,
  SEGMENT_NUMBERS,
  type SegmentIndex,
  segmentOf,
} from './segment.ts'

const KIND = 'segment'
const PAGE = 200
const READ_BYTES = 2 ** 20
const APPEND_BYTES = 2 ** 20
/** Blocks kept decoded: pages of a chat, and look-ups around one place. */
const CACHED_BLOCKS = 16

export class Archive {
  readonly #records: Records
  readonly #logs: Logs
  readonly #segments: SegmentIndex[] = []
  #version = 0
  readonly #cache = new Map<string, MessageRow[]>()

  private constructor(records: Records, logs: Logs) {
    this.#records = records
    this.#logs = logs
  }

  static async open(records: Records, logs: Logs): Promise<Archive> {
    const archive = new Archive(records, logs)
    let after: string | null = null
    for (;;) {
      const page = await records.list(KIND, 'all', 'yes', after, PAGE)
      for (const { id, body } of page) archive.#segments[Number(id)] = decodeIndex(body)
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return archive
      after = last.id
    }
  }

  /** The first number that no segment covers. */
  get end(): number {
    return this.#segments.length * SEGMENT_NUMBERS
  }

  /** Grows whenever a segment is written: what was read across that must be read again. */
  get version(): number {
    return this.#version
  }

  get count(): number {
    return this.#segments.length
  }

  /** Segments in which this conversation is. */
  segmentsOf(conv: string): readonly number[] {
    return [...this.#segments.keys()].filter((i) => this.#segments[i]?.convs.has(conv) === true)
  }

  async byNumber(number: number): Promise<MessageRow | null> {
    const index = this.#segments[segmentOf(number)]
    if (index === undefined) return null
    const block = blockOf(index, number)
    if (block < 0) return null
    const rows = await this.#block(segmentOf(number), block)
    return rows.find((row) => row.number === number) ?? null
  }

  /** Lines of one segment that are in no block of `blocksOf`. */
  farOf(segment: number, conv: string): readonly FarPlace[] {
    return this.#segments[segment]?.far.get(conv) ?? []
  }

  async byKey(key: string): Promise<MessageRow | null> {
    for (let segment = this.#segments.length - 1; segment >= 0; segment--) {
      const index = this.#segments[segment]
      for (const place of index === undefined ? [] : placesOf(index, key)) {
        const row = await this.byNumber(segment * SEGMENT_NUMBERS + place)
        if (row?.key === key) return row
      }
    }
    return null
  }

  /**
   * Blocks in which the conversation is, in that order, from the one on in which `from` is, a number or the place of one; each
   * with its rows of the conversation. Without those that stand far away.
   */
  async *blocksOf(
    conv: string,
    from: number | null,
    order: Order,
  ): AsyncGenerator<readonly MessageRow[]> {
    const segments = [...this.segmentsOf(conv)]
    if (order === 'descending') segments.reverse()
    for (const segment of segments) {
      const index = this.#segments[segment]
      const positions = [...(index?.blocks.keys() ?? [])]
      if (order === 'descending') positions.reverse()
      for (const position of positions) {
        const block = index?.blocks[position]
        if (block?.convs.has(conv) !== true) continue
        const next = index?.blocks[position + 1]?.first ?? (segment + 1) * SEGMENT_NUMBERS
        if (from !== null && (order === 'descending' ? block.first > from : next <= from)) continue
        yield (await this.#block(segment, position)).filter((row) => row.conv === conv)
      }
    }
  }

  /** Of each of these conversations, among the rows that are wanted and do not stand far away; reads each block at most once. */
  async newest(
    convs: ReadonlySet<string>,
    isWanted: (row: MessageRow) => boolean,
  ): Promise<Map<string, Newest>> {
    const left = new Set(convs)
    const found = new Map<string, Newest>()
    for (let segment = this.#segments.length - 1; segment >= 0; segment--) {
      const blocks = this.#segments[segment]?.blocks ?? []
      for (let position = blocks.length - 1; position >= 0 && left.size > 0; position--) {
        if (!hasOneOf(blocks[position]?.convs, left)) continue
        const rows = (await this.#block(segment, position)).filter(isWanted)
        for (const row of rows) {
          const { conv, number } = row
          if (left.has(conv)) found.set(conv, newestOf(found.get(conv), { line: row, number }))
        }
        for (const { conv } of rows) left.delete(conv)
      }
    }
    return found
  }

  /** Segment by segment, newest first: rows in whose bytes `needle` could be, newest first. */
  async *scan(conv: string | null, needle: string): AsyncGenerator<readonly MessageRow[]> {
    const mayHold = byteFilter(needle)
    for (let segment = this.#segments.length - 1; segment >= 0; segment--) {
      const index = this.#segments[segment]
      if (index === undefined || (conv !== null && !index.convs.has(conv))) continue
      const rows: MessageRow[] = []
      for (const { seq, body } of await this.#bodies(segment)) {
        const isThere = conv === null || index.blocks[seq]?.convs.has(conv) !== false
        if (isThere && mayHold(body)) rows.push(...decodeBlock(body, mayHold))
      }
      yield rows
        .filter((row) => conv === null || row.conv === conv)
        .sort((p, q) => q.number - p.number)
    }
  }

  async rows(segment: number): Promise<MessageRow[]> {
    return (await this.#bodies(segment)).flatMap(({ body }) => decodeBlock(body))
  }

  /** Adds the next segment, or puts these blocks in the place of those of an old one. Durable when it resolves. */
  async write(segment: number, cut: Cut): Promise<void> {
    if (segment > this.#segments.length) fail('E_INTERNAL')
    const before = this.#segments[segment]
    const { index, blocks } = encodeSegment(cut, (before?.generation ?? 0) + 1)
    const log = nameOf(segment, index.generation)
    await this.#logs.drop(log) // what a crash left
    await this.#append(log, blocks)
    const keys = { index: { all: 'yes' } }
    await this.#records.put(KIND, String(segment).padStart(9, '0'), encodeIndex(index), keys)
    this.#segments[segment] = index
    this.#version += 1
    if (before === undefined) return
    const old = nameOf(segment, before.generation)
    for (const key of this.#cache.keys()) if (key.startsWith(`${old}/`)) this.#cache.delete(key)
    await this.#logs.drop(old)
  }

  async #append(log: string, blocks: readonly Buffer[]): Promise<void> {
    let next = 0
    while (next < blocks.length) {
      const part: Buffer[] = []
      let bytes = 0
      for (const block of blocks.slice(next)) {
        if (part.length > 0 && bytes + block.length > APPEND_BYTES) break
        part.push(block)
        bytes += block.length
      }
      const appended = await this.#logs.append(log, next, part)
      if (!appended.ok) fail('E_STORE', 'old messages could not be put away')
      next = appended.next
    }
  }

  async #block(segment: number, position: number): Promise<MessageRow[]> {
    const generation = this.#segments[segment]?.generation ?? 0
    const log = nameOf(segment, generation)
    const key = `${log}/${String(position)}`
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached
    const [chunk] = await this.#logs.read(log, position, position + 1, READ_BYTES)
    if (chunk === undefined) {
      // it was written anew meanwhile: what is asked for is in another block now, or gone
      if (this.#segments[segment]?.generation !== generation) return []
      return fail('E_CORRUPT', 'a block of old messages is missing')
    }
    const rows = decodeBlock(chunk.body)
    this.#cache.set(key, rows)
    const [oldest] = this.#cache.keys()
    if (this.#cache.size > CACHED_BLOCKS && oldest !== undefined) this.#cache.delete(oldest)
    return rows
  }

  async #bodies(segment: number): Promise<readonly { seq: number; body: Uint8Array }[]> {
    const index = this.#segments[segment]
    if (index === undefined) return []
    const log = nameOf(segment, index.generation)
    const bodies: { seq: number; body: Uint8Array }[] = []
    const count = countOfBlocks(index)
    while (bodies.length < count) {
      const from = bodies.length
      const chunks = await this.#logs.read(log, from, count, READ_BYTES)
      if (chunks.length === 0) {
        if (this.#segments[segment] !== index) return this.#bodies(segment) // written anew meanwhile
        return fail('E_CORRUPT', 'a block of old messages is missing')
      }
      bodies.push(...chunks)
    }
    return bodies
  }
}

function nameOf(segment: number, generation: number): string {
  return `messages-${String(segment)}-${String(generation)}`
}

function hasOneOf(convs: ReadonlySet<string> | undefined, wanted: ReadonlySet<string>): boolean {
  for (const conv of convs ?? []) if (wanted.has(conv)) return true
  return false
}
