// Finds the place of a line among those that are here (place.ts). Nearly every line is said after all that stand before it and
// before all that stand behind it; that is seen from memory. For the others it looks by halves: lines are in order.
import { BoundedMap } from '../../util/rate.ts'
import { Deserts } from './deserts.ts'
import type { Draft } from './draft.ts'
import { hasTime, type Line } from './far-place.ts'
import {
  border,
  compareLines,
  compareSaid,
  inPlace,
  isTimed,
  type Order,
  type Placed,
  placeOf,
  type Said,
} from './place.ts'
import type { MessageRow } from './row.ts'
import type { RowTable } from './row-table.ts'

/** Conversations. */
const REMEMBERED = 10_000
/** Lines that are looked at in one go: mostly the first one tells; where it does not, more of them each time. */
const LOOK = 8
const LOOK_MAX = 512

/** Lines that the history brought back one after the other, and the first that stands behind them. */
interface Run {
  readonly last: Said
  readonly next: Said | null
}

export interface Numbered {
  /**
   * Whose number it has: the highest one ever given, one of those that are kept for the history (in their order), or that of a
   * placeholder.
   */
  readonly is: 'new' | 'kept' | 'filled'
  /** The number that the next new line gets. */
  readonly next: number
}

export class Places {
  readonly #table: RowTable
  /** The last thing said in a conversation; null: nothing. */
  readonly #ends = new BoundedMap<{ readonly said: Said | null }>(REMEMBERED)
  readonly #runs = new BoundedMap<Run>(REMEMBERED)
  readonly #deserts = new Deserts()

  constructor(table: RowTable) {
    this.#table = table
  }

  /** When the last thing was said in a conversation (ms); 0: nothing was. */
  async lastSaid(conv: string): Promise<number> {
    const known = this.#ends.get(conv)
    if (known !== undefined) return known.said?.ts ?? 0
    return (await this.#nearest(conv, null, 'descending', null))?.ts ?? 0
  }

  /** One row after the other. `draft`: what is written together with it. */
  async of(
    row: MessageRow,
    draft: Draft,
    { is, next }: Numbered,
  ): Promise<Pick<MessageRow, 'before'>> {
    if (!isTimed(row)) return {}
    const place = await this.#of(row, draft, { is, next })
    this.#deserts.settled(row.conv, placeOf({ number: row.number, ...place }))
    return place
  }

  async #of(
    row: MessageRow,
    draft: Draft,
    { is, next }: Numbered,
  ): Promise<Pick<MessageRow, 'before'>> {
    const { conv } = row
    const end = this.#ends.get(conv)?.said ?? (await this.#nearest(conv, null, 'descending', draft))
    const isLast = end === null || compareSaid(row, end) > 0
    this.#ends.set(conv, { said: isLast ? row : end })
    const run = this.#runs.get(conv)
    if (is === 'new' && isLast) {
      if (run?.next === null) this.#runs.set(conv, { ...run, next: row })
      return {}
    }
    if (is === 'kept' && run !== undefined && isBetween(run.last, row, run.next)) {
      this.#runs.set(conv, { last: row, next: run.next })
      return {}
    }
    return this.#find(row, draft, { is, next })
  }

  async #find(
    row: MessageRow,
    draft: Draft,
    numbered: Numbered,
  ): Promise<Pick<MessageRow, 'before'>> {
    const { conv, number } = row
    this.#runs.delete(conv)
    const last = await this.#nearest(conv, border(number), 'descending', draft)
    const next = await this.#nearest(conv, border(number), 'ascending', draft)
    if (isBetween(last, row, next)) {
      if (numbered.is === 'kept') this.#runs.set(conv, { last: row, next })
      return {}
    }
    let [low, high] = [0, numbered.next]
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      const line = await this.#nearest(conv, border(middle), 'descending', draft)
      if (line !== null && compareSaid(line, row) > 0) high = middle
      else low = middle
    }
    // the first line that was said later: the one of this number, or one of those that stand before the next
    const line = await draft.byNumber(low)
    const isIt = line?.conv === conv && line.before === undefined && isTimed(line)
    return { before: isIt && compareSaid(line, row) > 0 ? low : high }
  }

  /** The first line behind `start` that has a time; null: behind the end. `draft`: null for who only looks. */
  async #nearest(
    conv: string,
    start: Placed | null,
    order: Order,
    draft: Draft | null,
  ): Promise<Placed | null> {
    const sign = order === 'ascending' ? 1 : -1
    const written = timedOf(conv, draft)
    const drafted = written.filter((row) => start === null || sign * compareLines(row, start) > 0)
    let look = LOOK
    let begin = start === null ? null : placeOf(start) + sign
    for (let from: Placed | null = start; ;) {
      const lines: Line[] = await this.#table.places(conv, from, look, order)
      const [first] = lines
      begin ??= first === undefined ? null : placeOf(first)
      const end = lines.find(hasTime)
      const last = end ?? lines.at(-1)
      if (draft !== null && begin !== null && last !== undefined) {
        const passed = placeOf(last) - (end === undefined ? 0 : sign)
        this.#deserts.add(conv, { low: Math.min(begin, passed), high: Math.max(begin, passed) })
        for (const row of written) this.#deserts.settled(conv, placeOf(row))
      }
      const stored = lines.find((line) => hasTime(line) && draft?.rows.has(line.key) !== true)
      const [nearest] = inPlace<Placed>(
        stored === undefined ? drafted : [...drafted, stored],
        order,
      )
      if (stored !== undefined || last === undefined || lines.length < look) return nearest ?? null
      if (end !== undefined) begin = placeOf(end) + sign
      const desert = end === undefined ? this.#deserts.around(conv, placeOf(last)) : undefined
      from =
        desert === undefined
          ? (lines.at(-1) ?? last)
          : border(order === 'ascending' ? desert.high : desert.low)
      look = desert === undefined ? Math.min(LOOK_MAX, 8 * look) : LOOK
    }
  }
}

function timedOf(conv: string, draft: Draft | null): MessageRow[] {
  return [...(draft?.rows.values() ?? [])].filter((row) => row.conv === conv && isTimed(row))
}

function isBetween(last: Said | null, said: Said, next: Said | null): boolean {
  const isBehind = last === null || compareSaid(last, said) < 0
  return isBehind && (next === null || compareSaid(said, next) < 0)
}
