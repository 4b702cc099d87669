// The lines of a conversation that do not stand where they arrived, in order: looked at with each page, and with each line that
// comes. Few, as a rule; those of the conversations in use are kept decoded.
import { BoundedMap } from '../../util/rate.ts'
import { compareLines, inPlace } from './place.ts'
import type { MessageRow } from './row.ts'
import { PAGE, type RecordRows, whichOf } from './row-table.ts'

/** Conversations. */
const KEPT = 64

export class PlacedRows {
  readonly #records: RecordRows
  readonly #kept = new BoundedMap<readonly MessageRow[]>(KEPT)
  #version = 0

  constructor(records: RecordRows) {
    this.#records = records
  }

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

  /** These rows are stored now. */
  changed(rows: readonly MessageRow[]): void {
    this.#version += 1
    for (const row of rows) {
      const kept = this.#kept.get(row.conv)
      if (kept === undefined) continue
      const others = kept.filter(({ number }) => number !== row.number)
      if (whichOf(row) !== 'placed') {
        if (others.length < kept.length) this.#kept.set(row.conv, others)
        continue
      }
      const at = others.findLastIndex((other) => compareLines(other, row) < 0) + 1
      this.#kept.set(row.conv, others.toSpliced(at, 0, row))
    }
  }

  /** Rows of this conversation are gone. */
  forget(conv: string): void {
    this.#version += 1
    this.#kept.delete(conv)
  }
}
