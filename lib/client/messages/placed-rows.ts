// The lines of a conversation that do not stand where they arrived, in order: looked at with each page, and with each line that
// comes. Few, as a rule; those of the conversations in use are kept decoded.
import { BoundedMap } from '../../util/rate.ts'
import { compareLines, inPlace, type Order, type Placed } from './place.ts'
import type { MessageRow } from './row.ts'
import { PAGE, type RecordRows, whichOf } from './row-table.ts'

/** Conversations. */
const KEPT = 64

export class PlacedRows {
  readonly #records: RecordRows
  readonly #kept = new BoundedMap<MessageRow[]>(KEPT)
  #version = 0

  constructor(records: RecordRows) {
    this.#records = records
  }

  /** All of them, as they stand now; to be looked at at once. */
  async of(conv: string): Promise<readonly MessageRow[]> {
    const kept = this.#kept.get(conv)
    if (kept !== undefined) return kept
    const version = this.#version
    const rows: MessageRow[] = []
    for (let after: number | null = null; ;) {
      const page: MessageRow[] = await this.#records.list('placed', conv, after, PAGE, 'ascending')
      rows.push(...page)
      after = page.at(-1)?.number ?? null
      if (page.length < PAGE) break
    }
    const inOrder = inPlace(rows, 'ascending')
    // not what was read while something changed
    if (version === this.#version) this.#kept.set(conv, inOrder)
    return inOrder
  }

  /** The first `limit` that stand behind `start`, in that order. */
  async behind(
    conv: string,
    start: Placed | null,
    limit: number,
    order: Order,
  ): Promise<readonly MessageRow[]> {
    const rows = await this.of(conv)
    if (order === 'ascending') {
      const at = start === null ? 0 : countOf(rows, (row) => compareLines(row, start) <= 0)
      return rows.slice(at, at + limit)
    }
    const at = start === null ? rows.length : countOf(rows, (row) => compareLines(row, start) < 0)
    return rows.slice(Math.max(0, at - limit), at).reverse()
  }

  /** These rows are stored now. */
  changed(rows: readonly MessageRow[]): void {
    this.#version += 1
    for (const row of rows) {
      const kept = this.#kept.get(row.conv)
      if (kept === undefined) continue
      const at = countOf(kept, (other) => compareLines(other, row) < 0)
      const isThere = kept[at]?.number === row.number
      // in place: there may be thousands of them
      if (whichOf(row) === 'placed') kept.splice(at, isThere ? 1 : 0, row)
      else if (isThere) kept.splice(at, 1)
    }
  }

  /** Rows of this conversation are gone. */
  forget(conv: string): void {
    this.#version += 1
    this.#kept.delete(conv)
  }
}

/** How many at the beginning are so; none of those behind them is. */
function countOf(rows: readonly MessageRow[], isSo: (row: MessageRow) => boolean): number {
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const row = rows[middle]
    if (row !== undefined && isSo(row)) low = middle + 1
    else high = middle
  }
  return low
}
