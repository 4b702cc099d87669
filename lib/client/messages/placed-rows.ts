// The lines of a conversation in records that do not stand where they arrived, in order: looked at with each page, and with each
// line that comes. Few, as a rule; those of the conversations in use are kept decoded.
import { BoundedMap } from '../../util/rate.ts'
import { behind, compareLines, countOf, inPlace, type Order, type Placed } from './place.ts'
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
    isWanted: (row: MessageRow) => boolean,
  ): Promise<MessageRow[]> {
    return behind(await this.of(conv), start, limit, order, isWanted)
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
