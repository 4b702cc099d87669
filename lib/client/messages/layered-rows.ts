// Rows of all times: the recent ones, and old ones that changed since, lie in records, which are in memory; the others are
// sealed in the archive. What lies in records counts.
import type { Store } from '../../storage/ports.ts'
import { Archive } from './archive.ts'
import { border, compareLines, inPlace, type Order, type Placed } from './place.ts'
import { PlacedRows } from './placed-rows.ts'
import type { MessageRow } from './row.ts'
import {
  type Newest,
  RecordRows,
  type RowTable,
  type Scan,
  type Which,
  whichOf,
} from './row-table.ts'
import { SEGMENT_NUMBERS, segmentOf } from './segment.ts'

/** So many numbers stay in records: what is changed, receipted and looked at lies among them. */
const RECENT_NUMBERS = 1024
/** Old rows that changed: more of them are put back into their segment. */
const STRAYS_MAX = 128

export class LayeredRows implements RowTable {
  readonly #hot: RecordRows
  readonly #cold: Archive
  readonly #placed: PlacedRows
  /** Numbers below the archive's end that lie in records all the same; true: it stays there. */
  readonly #strays = new Map<number, boolean>()
  /** Segments that still hold words which must be gone. */
  readonly #stale = new Set<number>()

  private constructor(hot: RecordRows, cold: Archive) {
    this.#hot = hot
    this.#placed = new PlacedRows(hot)
    this.#cold = cold
  }

  static async open({ records, logs }: Pick<Store, 'records' | 'logs'>): Promise<LayeredRows> {
    const table = new LayeredRows(new RecordRows(records), await Archive.open(records, logs))
    await table.#findStrays()
    return table
  }

  async last(convs: readonly string[]): Promise<number> {
    return Math.max(await this.#hot.last(convs), this.#cold.end - 1)
  }

  byKey(key: string): Promise<MessageRow | null> {
    return this.#steady(async () => {
      const hot = await this.#hot.byKey(key)
      if (hot !== null) return hot
      const cold = await this.#cold.byKey(key)
      return cold === null || this.#strays.has(cold.number) ? null : cold
    })
  }

  byNumber(number: number): Promise<MessageRow | null> {
    return this.#steady(() =>
      this.#isHot(number) ? this.#hot.byNumber(number) : this.#cold.byNumber(number),
    )
  }

  list(
    which: Which,
    conv: string,
    from: number | Placed | null,
    limit: number,
    order: Order,
  ): Promise<MessageRow[]> {
    return this.#steady(() => {
      if (which === 'lines') return this.#lines(conv, from, limit, order)
      const number = typeof from === 'object' ? (from?.number ?? null) : from
      if (which === 'arrived') return this.#arrived(conv, number, limit, order)
      return this.#list(which, conv, number, limit, order)
    })
  }

  /** With those that stand elsewhere than their numbers say. */
  async #lines(
    conv: string,
    from: number | Placed | null,
    limit: number,
    order: Order,
  ): Promise<MessageRow[]> {
    const placed = await this.#placed.of(conv)
    const start =
      typeof from === 'number'
        ? (placed.find(({ number }) => number === from) ?? border(from))
        : from
    if (start === null) {
      const lines = await this.#list('lines', conv, null, limit, order)
      return placed.length === 0 ? lines : inPlace([...lines, ...placed], order).slice(0, limit)
    }
    const { before, number } = start
    const behind =
      order === 'descending' ? (before ?? number) : before === undefined ? number : before - 1
    const lines = await this.#list('lines', conv, behind, limit, order)
    if (placed.length === 0) return lines
    const sign = order === 'ascending' ? 1 : -1
    const others = placed.filter((row) => sign * compareLines(row, start) > 0)
    return inPlace([...lines, ...others], order).slice(0, limit)
  }

  async #arrived(
    conv: string,
    from: number | null,
    limit: number,
    order: Order,
  ): Promise<MessageRow[]> {
    const lines = await this.#list('lines', conv, from, limit, order)
    const placed = await this.#hot.list('placed', conv, from, limit, order)
    if (placed.length === 0) return lines
    return byNumber([...lines, ...placed], order).slice(0, limit)
  }

  async #list(
    which: Exclude<Which, 'arrived'>,
    conv: string,
    from: number | null,
    limit: number,
    order: Order,
  ): Promise<MessageRow[]> {
    const hot = await this.#hot.list(which, conv, from, limit, order)
    const { end } = this.#cold
    const isEnough =
      order === 'descending'
        ? hot.length >= limit && (hot.at(-1)?.number ?? 0) >= end
        : from !== null && from >= end - 1
    if (isEnough || end === 0) return hot
    const cold: MessageRow[] = []
    for await (const rows of this.#cold.blocksOf(conv, from, order)) {
      cold.push(...rows.filter((row) => !this.#strays.has(row.number) && whichOf(row) === which))
      if (cold.length >= limit) break
    }
    return byNumber([...hot, ...cold], order).slice(0, limit)
  }

  async *scan(what: Scan): AsyncGenerator<readonly MessageRow[]> {
    yield* this.#hot.scan({ ...what, above: this.#cold.end - 1 })
    const strays = [...this.#strays.keys()].sort((p, q) => q - p)
    const changed: MessageRow[] = []
    for (const number of strays) {
      const row = await this.#hot.byNumber(number)
      const isThere = row?.aside === undefined && (what.conv ?? row?.conv) === row?.conv
      if (row !== null && isThere) changed.push(row)
    }
    if (changed.length > 0) yield changed
    for await (const rows of this.#cold.scan(what.conv, what.needle)) {
      yield rows.filter((row) => row.aside === undefined && !this.#strays.has(row.number))
    }
  }

  get recentFrom(): number {
    return this.#cold.end
  }

  newest(convs: readonly string[]): Promise<Map<string, Newest>> {
    return this.#steady(async () => {
      const lines = await this.#newestByNumber(convs)
      const found = new Map<string, Newest>()
      for (const conv of convs) {
        const line = lines.get(conv)
        const [placed] = await this.#hot.list('placed', conv, null, 1, 'descending')
        const [last] =
          placed === undefined ? [line] : await this.#lines(conv, null, 1, 'descending')
        const number = Math.max(line?.number ?? 0, placed?.number ?? 0)
        if (last !== undefined) found.set(conv, { line: last, number })
      }
      return found
    })
  }

  /** Of the lines that stand where they arrived. */
  async #newestByNumber(convs: readonly string[]): Promise<Map<string, MessageRow>> {
    const found = new Map<string, MessageRow>()
    for (const conv of convs) {
      const [row] = await this.#hot.list('lines', conv, null, 1, 'descending')
      if (row !== undefined) found.set(conv, row)
    }
    // what lies in records below the archive's end may have something newer in the archive
    const left = convs.filter((conv) => (found.get(conv)?.number ?? 0) < this.#cold.end)
    const isWanted = (row: MessageRow): boolean =>
      row.aside === undefined && !this.#strays.has(row.number)
    for (const row of await this.#cold.newest(new Set(left), isWanted)) {
      if (row.number > (found.get(row.conv)?.number ?? -1)) found.set(row.conv, row)
    }
    return found
  }

  async put(rows: readonly MessageRow[]): Promise<void> {
    await this.#hot.put(rows)
    this.#placed.changed(rows)
    for (const row of rows) {
      const { number, payload, placeholder } = row
      if (number >= this.#cold.end) continue
      this.#strays.set(number, stays(row))
      if (payload.length === 0 && placeholder === undefined) this.#stale.add(segmentOf(number))
    }
  }

  async remove(rows: readonly MessageRow[], last: number): Promise<void> {
    const gone = new Set(rows.map(({ number }) => number))
    const old = rows.filter(({ number }) => number < this.#cold.end)
    await this.#hot.remove(rows, last)
    for (const { conv } of rows) this.#placed.forget(conv)
    for (const { number } of rows) this.#strays.delete(number)
    for (const segment of new Set(old.map(({ number }) => segmentOf(number)))) {
      await this.#rewrite(segment, (row) => !gone.has(row.number))
    }
  }

  async forget(conv: string, last: number, isGone: (row: MessageRow) => boolean): Promise<void> {
    const gone = await this.#hot.forget(conv, last, isGone)
    this.#placed.forget(conv)
    for (const number of gone) this.#strays.delete(number)
    for (const segment of this.#cold.segmentsOf(conv)) {
      await this.#rewrite(segment, (row) => row.conv !== conv || !isGone(row))
    }
  }

  async tidy(next: number): Promise<void> {
    const [stale] = this.#stale
    const { end } = this.#cold
    const changed = [...this.#strays].flatMap(([number, isTimed]) => (isTimed ? [] : [number]))
    const [stray = 0] = changed
    if (stale !== undefined) await this.#rewrite(stale)
    else if (changed.length > STRAYS_MAX) await this.#rewrite(segmentOf(stray))
    else if (next - end >= RECENT_NUMBERS + SEGMENT_NUMBERS) await this.#rewrite(segmentOf(end))
  }

  /** Everything of one segment into the archive, but for what stays. */
  async #rewrite(
    segment: number,
    isWanted: (row: MessageRow) => boolean = () => true,
  ): Promise<void> {
    const hot = await this.#hot.ofSegment(segment)
    const newer = new Set(hot.map(({ number }) => number))
    for (const row of hot) if (stays(row)) this.#strays.set(row.number, true)
    const cold = (await this.#cold.rows(segment)).filter(
      (row) => !newer.has(row.number) && isWanted(row),
    )
    const folded = hot.filter((row) => !stays(row))
    const rows = [...cold, ...folded].sort((p, q) => p.number - q.number)
    await this.#cold.write(segment, rows)
    this.#stale.delete(segment)
    for (const { number } of folded) this.#strays.delete(number)
    this.#hot.drop(folded)
  }

  async #findStrays(): Promise<void> {
    for (let segment = 0; segment < this.#cold.count; segment++) {
      for (const row of await this.#hot.ofSegment(segment)) {
        this.#strays.set(row.number, stays(row))
        const isEmpty = row.payload.length === 0 && row.placeholder === undefined
        if (isEmpty && (await this.#cold.byNumber(row.number)) !== null) this.#stale.add(segment)
      }
    }
  }

  /** Reads again what was read while a segment was written anew. */
  async #steady<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      const { version } = this.#cold
      const result = await read()
      if (version === this.#cold.version) return result
    }
  }

  #isHot(number: number): boolean {
    return number >= this.#cold.end || this.#strays.has(number)
  }
}

/** What has an end can quickly be removed here, and what stands elsewhere can be found. */
function stays({ expires, before }: MessageRow): boolean {
  return expires !== undefined || before !== undefined
}

function byNumber(rows: readonly MessageRow[], order: Order): MessageRow[] {
  const sign = order === 'ascending' ? 1 : -1
  return [...rows].sort((p, q) => sign * (p.number - q.number))
}
