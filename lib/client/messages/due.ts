// Which rows the history on the server lacks in their present version (PROTOCOL 11): all with numbers above the last one
// that was appended, and those below it that changed since. Only the latter are written down, before the row itself, so
// that a crash costs no change; a mark without a change costs one look.
import type { Records } from '../../storage/ports.ts'
import { equal } from '../../util/bytes.ts'
import { encodeRow, type MessageRow } from './row.ts'
import { rowId } from './row-table.ts'

const KIND = 'due'
const PAGE = 1000

export class DueRows {
  readonly #records: Records
  readonly #marked = new Set<number>()
  #upTo = 0

  private constructor(records: Records) {
    this.#records = records
  }

  static async open(records: Records): Promise<DueRows> {
    const due = new DueRows(records)
    let after: string | null = null
    for (;;) {
      const page = await records.list(KIND, 'all', 'yes', after, PAGE)
      for (const { id } of page) due.#marked.add(Number(id))
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return due
      after = last.id
    }
  }

  /** Rows above this number were never appended. */
  get upTo(): number {
    return this.#upTo
  }

  /** Numbers up to this one were appended, or belong to nobody here. */
  appended(upTo: number): void {
    this.#upTo = Math.max(this.#upTo, upTo)
  }

  /** Everything was lost: all of it again. */
  restart(): void {
    this.#upTo = 0
  }

  /** Durable when it resolves. */
  async mark(numbers: readonly number[]): Promise<void> {
    const fresh = numbers.filter((number) => number <= this.#upTo && !this.#marked.has(number))
    if (fresh.length === 0) return
    const keys = { index: { all: 'yes' } }
    const items = fresh.map((number) => ({ id: rowId(number), body: Buffer.alloc(0), keys }))
    await this.#records.putMany(KIND, items)
    for (const number of fresh) this.#marked.add(number)
  }

  /** The history has this version of a row; `known` is what the row is now. */
  async settle(known: MessageRow | null, appended: MessageRow): Promise<void> {
    this.appended(appended.number)
    const isSame = known !== null && equal(encodeRow(known), encodeRow(appended))
    if (isSame) await this.clear(appended.number)
    else await this.mark([appended.number])
  }

  async clear(number: number): Promise<void> {
    if (this.#marked.delete(number)) await this.#records.delete(KIND, rowId(number))
  }

  /** Candidates in ascending order, up to the number `last`. */
  *numbers(last: number): Generator<number> {
    yield* [...this.#marked].filter((number) => number <= this.#upTo).sort((a, b) => a - b)
    for (let number = this.#upTo + 1; number <= last; number++) yield number
  }
}
