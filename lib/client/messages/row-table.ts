// Where rows lie: by number, by key, by conversation. Knows no changes and no order of writing; that is the log's.
import type { Rec, Records } from '../../storage/ports.ts'
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { check, map, u } from '../../protocol/shape.ts'
import { byteFilter } from './byte-filter.ts'
import type { Line } from './far-place.ts'
import { compareLines, type Order, type Placed } from './place.ts'
import { type Aside, decodeRow, encodeRow, type MessageRow } from './row.ts'
import { SEGMENT_NUMBERS, segmentOf } from './segment.ts'

const KIND = 'msg'
const META = 'meta'
const LAST = 'msg-last'

/**
 * Lines of a conversation as they stand or as they arrived, those of them that stand elsewhere than where they arrived, or what
 * lies beside them.
 */
export type Which = 'lines' | 'arrived' | 'placed' | Aside

/** The newest of a conversation: the line that stands last, and the highest number of a line. */
export interface Newest {
  readonly line: MessageRow
  readonly number: number
}

export interface Scan {
  /** Null: all conversations. */
  readonly conv: string | null
  /** In lower case. */
  readonly needle: string
  /** The highest number there is. */
  readonly last: number
  /** Down to here. Default: all. */
  readonly above?: number
}

/** Of lines of one conversation. */
export function newestOf(one: Newest | undefined, other: Newest): Newest {
  if (one === undefined) return other
  const { line } = compareLines(one.line, other.line) < 0 ? other : one
  return { line, number: Math.max(one.number, other.number) }
}

export interface RowTable {
  /** The highest number that was ever given. */
  last(convs: readonly string[]): Promise<number>
  /** From this number on everything is in memory. */
  readonly recentFrom: number
  byKey(key: string): Promise<MessageRow | null>
  byNumber(number: number): Promise<MessageRow | null>
  /** From behind the row `from` or that place (null: from the end that `order` begins at); all but `lines` by number. */
  list(
    which: Which,
    conv: string,
    from: number | Placed | null,
    limit: number,
    order: Order,
  ): Promise<MessageRow[]>
  /** As `list` of lines, but only where they stand: reads no text of those far away. */
  places(conv: string, from: Placed | null, limit: number, order: Order): Promise<Line[]>
  /** Of each of these conversations in which there is a line. */
  newest(convs: readonly string[]): Promise<Map<string, Newest>>
  /**
   * Blocks of lines, newest first, of one conversation or of all: at least those whose texts hold `needle` (lower case) in
   * some case. Stops when the caller does.
   */
  scan(what: Scan): AsyncGenerator<readonly MessageRow[]>
  /** Durable in this order: a crash leaves the first few. */
  put(rows: readonly MessageRow[]): Promise<void>
  /** `last`: the highest number ever given, which must not be given again. */
  remove(rows: readonly MessageRow[], last: number): Promise<void>
  /** Of one conversation, everything that is wanted gone. */
  forget(conv: string, last: number, isGone: (row: MessageRow) => boolean): Promise<void>
  /** Between two writes: a bounded piece of whatever keeps the rows in order. `next`: the number of the next row. */
  tidy(next: number): Promise<void>
}

/** Rows that are looked at in one go. */
const BLOCK = 256
export const PAGE = 500

const STORED_LAST = map({ n: u })
/** Where they are stored; `arrived` is all of the first two. */
type Stored = Exclude<Which, 'arrived'>

const INDEX: Readonly<Record<Stored, string>> = {
  lines: 'conv',
  placed: 'placed',
  change: 'change',
  expired: 'expired',
  gone: 'gone',
  void: 'void',
}

export function rowId(number: number): string {
  return String(number).padStart(12, '0')
}

export function whichOf(row: MessageRow): Stored {
  return row.aside ?? (row.before === undefined ? 'lines' : 'placed')
}

/** Rows in records: every one of them is in memory as well. */
export class RecordRows {
  readonly #records: Records

  constructor(records: Records) {
    this.#records = records
  }

  async last(convs: readonly string[]): Promise<number> {
    const stored = await this.#records.get(META, LAST)
    let last = stored === null ? 0 : check(STORED_LAST, decodeStrict(stored.body)).n
    for (const conv of convs) {
      for (const index of Object.values(INDEX)) {
        const [newest] = await this.#records.list(KIND, index, conv, null, 1, 'descending')
        if (newest !== undefined) last = Math.max(last, Number(newest.id))
      }
    }
    return last
  }

  async byKey(key: string): Promise<MessageRow | null> {
    const record = await this.#records.getUnique(KIND, 'key', key)
    return record === null ? null : decodeRow(record.body)
  }

  async byNumber(number: number): Promise<MessageRow | null> {
    const record = await this.#records.get(KIND, rowId(number))
    return record === null ? null : decodeRow(record.body)
  }

  /** By number; `lines` without those that stand elsewhere. */
  async list(
    which: Stored,
    conv: string,
    from: number | null,
    limit: number,
    order: Order,
  ): Promise<MessageRow[]> {
    const cursor = from === null ? null : rowId(from)
    const records = await this.#records.list(KIND, INDEX[which], conv, cursor, limit, order)
    return records.map(({ body }) => decodeRow(body))
  }

  async *scan({ conv, needle, last, above = 0 }: Scan): AsyncGenerator<readonly MessageRow[]> {
    const mayHold = byteFilter(needle)
    // looking by conversation passes these over
    for (let before: number | null = null; conv !== null;) {
      const placed: MessageRow[] = await this.list('placed', conv, before, PAGE, 'descending')
      yield placed.filter((row) => row.number > above)
      before = placed.at(-1)?.number ?? null
      if (placed.length < PAGE) break
    }
    for (let before = last + 1; before > above + 1;) {
      const records = await (conv === null
        ? this.#block(before, above)
        : this.#blockOf(conv, before))
      yield records
        .filter(({ body }) => mayHold(body))
        .map(({ body }) => decodeRow(body))
        .filter((row) => row.aside === undefined && row.number > above)
      before = conv === null ? before - BLOCK : Number(records.at(-1)?.id ?? 0)
    }
  }

  async put(rows: readonly MessageRow[]): Promise<void> {
    const items = rows.map((row) => ({
      id: rowId(row.number),
      body: encodeRow(row),
      keys: {
        unique: { key: row.key },
        index: { [INDEX[whichOf(row)]]: row.conv, segment: String(segmentOf(row.number)) },
      },
    }))
    if (items.length > 0) await this.#records.putMany(KIND, items)
  }

  async remove(rows: readonly MessageRow[], last: number): Promise<void> {
    await this.#records.put(META, LAST, encode({ n: last }))
    await this.#delete(rows.map(({ number }) => number))
  }

  /** Resolves to the numbers that were removed. */
  async forget(
    conv: string,
    last: number,
    isGone: (row: MessageRow) => boolean,
  ): Promise<readonly number[]> {
    const gone: number[] = []
    await this.#records.put(META, LAST, encode({ n: last }))
    for (const index of Object.values(INDEX)) {
      let after: string | null = null
      for (;;) {
        const records: Rec[] = await this.#records.list(KIND, index, conv, after, PAGE)
        const newest = records.at(-1)
        if (newest === undefined) break
        after = newest.id
        const rows = records.map(({ body }) => decodeRow(body)).filter(isGone)
        const numbers = rows.map(({ number }) => number)
        await this.#delete(numbers)
        gone.push(...numbers)
      }
    }
    return gone
  }

  /** All of one segment of numbers, in their order. */
  async ofSegment(segment: number): Promise<MessageRow[]> {
    const key = String(segment)
    const records = await this.#records.list(KIND, 'segment', key, null, SEGMENT_NUMBERS)
    return records.map(({ body }) => decodeRow(body))
  }

  /** Rows that are safe elsewhere: nobody waits for their removal, and a crash that brings them back does no harm. */
  drop(rows: readonly MessageRow[]): void {
    this.#delete(rows.map(({ number }) => number)).catch(() => undefined)
  }

  async #delete(numbers: readonly number[]): Promise<void> {
    await this.#records.deleteMany(KIND, numbers.map(rowId))
  }

  /** Numbers just below `before`, newest first, whoever wrote them. */
  async #block(before: number, above: number): Promise<Rec[]> {
    const size = Math.min(BLOCK, before - 1 - above)
    const records = await Promise.all(
      Array.from({ length: size }, (_, i) => this.#records.get(KIND, rowId(before - 1 - i))),
    )
    return records.filter((record) => record !== null)
  }

  #blockOf(conv: string, before: number): Promise<Rec[]> {
    return this.#records.list(KIND, INDEX.lines, conv, rowId(before), BLOCK, 'descending')
  }
}
