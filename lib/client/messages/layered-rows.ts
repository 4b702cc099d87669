// Rows of all times: the recent ones, and old ones that changed since, lie in records, which are in memory; the others are
// sealed in the archive, those that stand far from where they arrived, too. What lies in records counts.
import type { Store } from '../../storage/ports.ts'
import { Archive } from './archive.ts'
import { cutIntoBlocks } from './blocks.ts'
import { FarLines } from './far-lines.ts'
import type { Line } from './far-place.ts'
import { border, compareLines, inPlace, type Order, type Placed } from './place.ts'
import { PlacedRows } from './placed-rows.ts'
import type { MessageRow } from './row.ts'
import {
  type Newest,
  newestOf,
  RecordRows,
  type RowTable,
  type Scan,
  type Which,
} from './row-table.ts'
import { SEGMENT_NUMBERS, segmentOf } from './segment.ts'
import { stays, Strays } from './strays.ts'

/** So many numbers stay in records: what is changed, receipted and looked at lies among them. */
const RECENT_NUMBERS = 1024

/** Whether a row lies in records, where it counts. */
type IsHot = (row: { readonly number: number }) => boolean

export class LayeredRows implements RowTable {
  readonly #hot: RecordRows
  readonly #cold: Archive
  readonly #placed: PlacedRows
  readonly #far: FarLines
  /** Below the archive's end. */
  readonly #strays = new Strays()
  /** Segments that still hold words which must be gone. */
  readonly #stale = new Set<number>()

  private constructor(hot: RecordRows, cold: Archive) {
    this.#hot = hot
    this.#placed = new PlacedRows(hot)
    this.#cold = cold
    this.#far = new FarLines(cold)
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
    return this.#steady(async (isHot) => {
      const hot = await this.#hot.byKey(key)
      if (hot !== null) return hot
      const cold = await this.#cold.byKey(key)
      return cold === null || isHot(cold) ? null : cold
    })
  }

  byNumber(number: number): Promise<MessageRow | null> {
    return this.#steady((isHot) => this.#row(number, isHot))
  }

  list(
    which: Which,
    conv: string,
    from: number | Placed | null,
    limit: number,
    order: Order,
  ): Promise<MessageRow[]> {
    return this.#steady(async (isHot) => {
      if (which === 'lines') {
        const start = typeof from === 'number' ? await this.#placeOf(from, isHot) : from
        return this.#far.rows(await this.#lines(conv, start, limit, order, isHot))
      }
      const number = typeof from === 'object' ? (from?.number ?? null) : from
      return this.#far.rows(await this.#byNumber(which, conv, number, limit, order, isHot))
    })
  }

  places(conv: string, from: Placed | null, limit: number, order: Order): Promise<Line[]> {
    return this.#steady((isHot) => this.#lines(conv, from, limit, order, isHot))
  }

  #row(number: number, isHot: IsHot): Promise<MessageRow | null> {
    return isHot({ number }) ? this.#hot.byNumber(number) : this.#cold.byNumber(number)
  }

  async #placeOf(number: number, isHot: IsHot): Promise<Placed> {
    return (await this.#row(number, isHot)) ?? border(number)
  }

  /** As they stand. */
  async #lines(
    conv: string,
    start: Placed | null,
    limit: number,
    order: Order,
    isHot: IsHot,
  ): Promise<Line[]> {
    const sign = order === 'ascending' ? 1 : -1
    const isCold = (line: Line): boolean => !isHot(line)
    const isBehind = (row: MessageRow): boolean =>
      start === null || sign * compareLines(row, start) > 0
    const place = start === null ? null : (start.before ?? start.number)
    const isBetween = order === 'ascending' && start?.before !== undefined
    const from = place !== null && isBetween ? place - 1 : place
    const hot = (await this.#hot.list('lines', conv, from, limit, order)).filter(isHot)
    const placed = await this.#placed.behind(conv, start, limit, order, isHot)
    const far = this.#far.behind(conv, start, limit, order, isCold)
    const { end } = this.#cold
    const isEnough =
      order === 'descending'
        ? hot.length >= limit && (hot.at(-1)?.number ?? 0) >= end
        : from !== null && from >= end - 1
    if (isEnough && placed.length === 0 && far.length === 0) return hot
    const cold = isEnough
      ? []
      : await this.#archived(conv, place, limit, order, (row) => isCold(row) && isBehind(row))
    return inPlace<Line>([...hot, ...placed, ...cold, ...far], order).slice(0, limit)
  }

  /** As they arrived, or what lies beside the lines. */
  async #byNumber(
    which: Exclude<Which, 'lines'>,
    conv: string,
    from: number | null,
    limit: number,
    order: Order,
    isHot: IsHot,
  ): Promise<Line[]> {
    const kinds = which === 'arrived' ? (['lines', 'placed'] as const) : [which]
    const lists = kinds.map((kind) => this.#hot.list(kind, conv, from, limit, order))
    const hot = byNumber((await Promise.all(lists)).flat(), order)
      .slice(0, limit)
      .filter(isHot)
    const { end } = this.#cold
    const isEnough =
      order === 'descending'
        ? hot.length >= limit && (hot.at(-1)?.number ?? 0) >= end
        : from !== null && from >= end - 1
    if (isEnough || end === 0) return hot
    const sign = order === 'ascending' ? 1 : -1
    const isCold = (line: Line): boolean => !isHot(line)
    const isBehind = ({ number }: MessageRow): boolean =>
      from === null || sign * (number - from) > 0
    const isWanted = (row: MessageRow): boolean => isCold(row) && isBehind(row)
    const cold = await this.#archived(conv, from, limit, order, isWanted, which)
    const far = which === 'arrived' ? this.#far.arrived(conv, from, limit, order, isCold) : []
    return byNumber<Line>([...hot, ...cold, ...far], order).slice(0, limit)
  }

  /** At least the first `limit` that are wanted, without those far away. */
  async #archived(
    conv: string,
    from: number | null,
    limit: number,
    order: Order,
    isWanted: (row: MessageRow) => boolean,
    which: Which = 'lines',
  ): Promise<MessageRow[]> {
    const aside = which === 'lines' || which === 'arrived' ? undefined : which
    const found: MessageRow[] = []
    for await (const rows of this.#cold.blocksOf(conv, from, order)) {
      for (const row of rows) {
        if (row.aside === aside && isWanted(row)) found.push(row)
      }
      if (found.length >= limit) break
    }
    return found
  }

  async *scan(what: Scan): AsyncGenerator<readonly MessageRow[]> {
    // segments may be written meanwhile
    const told = new Set<number>()
    for await (const rows of this.#scanHot(what)) {
      const more = rows.filter(({ number }) => !told.has(number))
      for (const { number } of more) told.add(number)
      yield more
    }
    for await (const rows of this.#cold.scan(what.conv, what.needle)) {
      const isNew = ({ number }: MessageRow): boolean =>
        !told.has(number) && !this.#strays.has(number)
      yield rows.filter((row) => row.aside === undefined && isNew(row))
    }
  }

  async *#scanHot(what: Scan): AsyncGenerator<readonly MessageRow[]> {
    yield* this.#hot.scan({ ...what, above: this.#cold.end - 1 })
    const changed: MessageRow[] = []
    for (const number of this.#strays.numbers()) {
      const row = await this.#hot.byNumber(number)
      const isThere = row?.aside === undefined && (what.conv ?? row?.conv) === row?.conv
      if (row !== null && isThere) changed.push(row)
    }
    if (changed.length > 0) yield changed
  }

  get recentFrom(): number {
    return this.#cold.end
  }

  newest(convs: readonly string[]): Promise<Map<string, Newest>> {
    return this.#steady(async (isHot) => {
      const found = new Map<string, Newest>()
      const add = (newest: Newest): void => {
        const { conv } = newest.line
        found.set(conv, newestOf(found.get(conv), newest))
      }
      const addAll = (lines: readonly MessageRow[]): void => {
        for (const line of lines) if (isHot(line)) add({ line, number: line.number })
      }
      for (const conv of convs) addAll(await this.#hot.list('lines', conv, null, 1, 'descending'))
      // what lies in records below the archive's end may have something newer in the archive
      const left = convs.filter((conv) => (found.get(conv)?.number ?? 0) < this.#cold.end)
      const isWanted = (row: MessageRow): boolean => row.aside === undefined && !isHot(row)
      for (const newest of (await this.#cold.newest(new Set(left), isWanted)).values()) add(newest)
      for (const conv of convs) {
        addAll(await this.#placed.of(conv))
        const far = await this.#newestFar(conv, found.get(conv)?.line ?? null, isHot)
        if (far !== null) add(far)
      }
      return found
    })
  }

  /** `last`: what stands last of the others. */
  async #newestFar(conv: string, last: MessageRow | null, isHot: IsHot): Promise<Newest | null> {
    const isCold = (line: Line): boolean => !isHot(line)
    const [place] = this.#far.behind(conv, null, 1, 'descending', isCold)
    const [arrived] = this.#far.arrived(conv, null, 1, 'descending', isCold)
    if (place === undefined || arrived === undefined) return null
    const isLast = last === null || compareLines(last, place) < 0
    const line = isLast ? await this.#cold.byNumber(place.number) : last
    return line === null ? null : { line, number: arrived.number }
  }

  async put(rows: readonly MessageRow[]): Promise<void> {
    try {
      await this.#hot.put(rows)
    } catch (error) {
      // the first few may be stored
      for (const { conv } of rows) this.#placed.forget(conv)
      throw error
    }
    this.#placed.changed(rows)
    for (const row of rows) {
      const { number, payload, placeholder } = row
      if (number >= this.#cold.end) continue
      this.#strays.add(row)
      if (payload.length === 0 && placeholder === undefined) this.#stale.add(segmentOf(number))
    }
  }

  async remove(rows: readonly MessageRow[], last: number): Promise<void> {
    const gone = new Set(rows.map(({ number }) => number))
    const old = rows.filter(({ number }) => number < this.#cold.end)
    // first what they once were: it must not come back when a crash comes in between
    for (const segment of new Set(old.map(({ number }) => segmentOf(number)))) {
      await this.#rewrite(segment, (row) => !gone.has(row.number))
    }
    await this.#hot.remove(rows, last)
    for (const { conv } of rows) this.#placed.forget(conv)
    for (const { number } of rows) this.#strays.forget(number)
  }

  async forget(conv: string, last: number, isGone: (row: MessageRow) => boolean): Promise<void> {
    for (const segment of this.#cold.segmentsOf(conv)) {
      await this.#rewrite(segment, (row) => row.conv !== conv || !isGone(row))
    }
    const gone = await this.#hot.forget(conv, last, isGone)
    this.#placed.forget(conv)
    for (const number of gone) this.#strays.forget(number)
  }

  async tidy(next: number): Promise<void> {
    const [stale] = this.#stale
    const { end } = this.#cold
    const { surplus } = this.#strays
    if (stale !== undefined) await this.#rewrite(stale)
    else if (surplus !== null) await this.#rewrite(segmentOf(surplus))
    else if (next - end >= RECENT_NUMBERS + SEGMENT_NUMBERS) await this.#rewrite(segmentOf(end))
  }

  /** Everything of one segment that is wanted into the archive, but for what stays. */
  async #rewrite(
    segment: number,
    isWanted: (row: MessageRow) => boolean = () => true,
  ): Promise<void> {
    const hot = await this.#hot.ofSegment(segment)
    const newer = new Set(hot.map(({ number }) => number))
    const cold = (await this.#cold.rows(segment)).filter(
      (row) => !newer.has(row.number) && isWanted(row),
    )
    const goes = (row: MessageRow): boolean => !stays(row) && isWanted(row)
    const ended = hot.filter(goes)
    for (const row of hot) if (!goes(row)) this.#strays.add(row)
    await this.#cold.write(segment, cutIntoBlocks(byNumber([...cold, ...ended], 'ascending')))
    this.#stale.delete(segment)
    for (const { number } of ended) this.#strays.forget(number)
    this.#hot.drop(ended)
    for (const { conv, before } of ended) if (before !== undefined) this.#placed.forget(conv)
  }

  async #findStrays(): Promise<void> {
    for (let segment = 0; segment < this.#cold.count; segment++) {
      for (const row of await this.#hot.ofSegment(segment)) {
        this.#strays.add(row)
        const isEmpty = row.payload.length === 0 && row.placeholder === undefined
        if (isEmpty && (await this.#cold.byNumber(row.number)) !== null) this.#stale.add(segment)
      }
    }
  }

  /** Reads again what was read while rows went into the archive. */
  async #steady<T>(read: (isHot: IsHot) => Promise<T>): Promise<T> {
    for (;;) {
      const { version, end } = this.#cold
      const { left } = this.#strays
      const isStray = this.#strays.now()
      const result = await read(({ number }) => number >= end || isStray(number))
      if (version === this.#cold.version && left === this.#strays.left) return result
    }
  }
}

function byNumber<P extends Placed>(rows: readonly P[], order: Order): P[] {
  const sign = order === 'ascending' ? 1 : -1
  return [...rows].sort((p, q) => sign * (p.number - q.number))
}
