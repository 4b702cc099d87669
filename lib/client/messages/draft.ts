// The changes of one flush of the message log, on top of what its table holds.
import { without } from '../without.ts'
import type { Update } from './ops.ts'
import type { MessageRow } from './row.ts'
import type { RowTable } from './row-table.ts'

export class Draft {
  readonly rows = new Map<string, MessageRow>()
  /** Messages that have what came before them. */
  readonly settled: MessageRow[] = []
  /** While rows of the history are put in. */
  isRestoring = false
  /** Keys of rows that changed here. */
  readonly #changed = new Set<string>()
  /** Keys of placeholders whose number somebody else has from here on; the table still has them. */
  readonly #replaced = new Set<string>()
  readonly #table: RowTable

  constructor(table: RowTable) {
    this.#table = table
  }

  async find(key: string): Promise<MessageRow | null> {
    if (this.#replaced.has(key)) return null
    return this.rows.get(key) ?? (await this.#table.byKey(key))
  }

  async byNumber(number: number): Promise<MessageRow | null> {
    for (const row of this.rows.values()) if (row.number === number) return row
    return this.#table.byNumber(number)
  }

  /** Another row takes the place of this one. */
  replace({ key }: MessageRow): void {
    this.rows.delete(key)
    this.#replaced.add(key)
  }

  set(row: MessageRow): void {
    this.#replaced.delete(row.key)
    this.rows.set(row.key, row)
    if (!this.isRestoring) this.#changed.add(row.key)
  }

  /** What was changed here is no version of the history any more. */
  async update(key: string, change: Update): Promise<MessageRow | null> {
    const row = await this.find(key)
    const next = row === null ? null : change(row)
    if (next === null) return null
    const changed = without(next, 'restored')
    this.set(changed)
    return changed
  }

  /** Numbers of rows that the history does not have like this. */
  get changed(): number[] {
    return [...this.rows.values()].flatMap((row) =>
      this.#changed.has(row.key) ? [row.number] : [],
    )
  }

  /** Messages before the changes that are already in them: a crash in between only brings the change again. */
  inOrder(): MessageRow[] {
    const all = [...this.rows.values()]
    return [
      ...all.filter((row) => row.aside === undefined),
      ...all.filter((row) => row.aside !== undefined),
    ]
  }
}
