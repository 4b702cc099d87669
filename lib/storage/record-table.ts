// Records in memory: rows by id, by unique key and by index key. Every adapter that holds its rows in memory answers from
// this table, so a question means the same everywhere; it knows nothing of disks, and B is whatever the adapter keeps of a body.
import type { Keys } from './ports.ts'

export interface Row<B> {
  readonly id: string
  readonly rev: number
  readonly body: B
  readonly keys: Keys
}

export type ListOrder = 'ascending' | 'descending'

/** Field names come from code and hold no NUL, so no value can be mistaken for another field's. */
function keyOf(field: string, value: string): string {
  return `${field}\0${value}`
}

function entries(fields: Readonly<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(fields ?? {})
}

/** Position of the first id >= `id` in a sorted array. */
function lowerBound(ids: readonly string[], id: string): number {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ids[middle] ?? '') < id) low = middle + 1
    else high = middle
  }
  return low
}

export class RecordTable<B> {
  readonly #rows = new Map<string, Row<B>>()
  readonly #unique = new Map<string, string>()
  readonly #index = new Map<string, string[]>()

  get size(): number {
    return this.#rows.size
  }

  get(id: string): Row<B> | undefined {
    return this.#rows.get(id)
  }

  byUnique(field: string, key: string): Row<B> | undefined {
    const id = this.#unique.get(keyOf(field, key))
    return id === undefined ? undefined : this.#rows.get(id)
  }

  /** The first unique field of `keys` whose value another record holds. */
  conflict(id: string, keys: Keys): string | undefined {
    return entries(keys.unique).find(([field, value]) => {
      const holder = this.#unique.get(keyOf(field, value))
      return holder !== undefined && holder !== id
    })?.[0]
  }

  /** Rows under one index key in the order of their ids, from behind `afterId`; costs what it returns, not what there is. */
  list(
    field: string,
    key: string,
    afterId: string | null,
    limit: number,
    order: ListOrder,
  ): Row<B>[] {
    const ids = this.#index.get(keyOf(field, key)) ?? []
    let from = 0
    let to = ids.length
    if (order === 'ascending') {
      if (afterId !== null) {
        from = lowerBound(ids, afterId)
        if (ids[from] === afterId) from++
      }
      to = Math.min(to, from + limit)
    } else {
      if (afterId !== null) to = lowerBound(ids, afterId)
      from = Math.max(0, to - limit)
    }
    const page = ids.slice(from, to)
    if (order === 'descending') page.reverse()
    return page.flatMap((id) => this.#rows.get(id) ?? [])
  }

  /** Adds or replaces; the caller has looked for conflicts. Returns the row that was there. */
  set(row: Row<B>): Row<B> | undefined {
    const before = this.#rows.get(row.id)
    if (before !== undefined) this.#dropKeys(before)
    this.#rows.set(row.id, row)
    for (const [field, value] of entries(row.keys.unique)) {
      this.#unique.set(keyOf(field, value), row.id)
    }
    for (const [field, value] of entries(row.keys.index)) {
      const key = keyOf(field, value)
      const ids = this.#index.get(key)
      if (ids === undefined) this.#index.set(key, [row.id])
      else ids.splice(lowerBound(ids, row.id), 0, row.id)
    }
    return before
  }

  /** Returns the removed row. */
  delete(id: string): Row<B> | undefined {
    const row = this.#rows.get(id)
    if (row === undefined) return undefined
    this.#dropKeys(row)
    this.#rows.delete(id)
    return row
  }

  #dropKeys(row: Row<B>): void {
    for (const [field, value] of entries(row.keys.unique)) this.#unique.delete(keyOf(field, value))
    for (const [field, value] of entries(row.keys.index)) {
      const key = keyOf(field, value)
      const ids = this.#index.get(key) ?? []
      const at = lowerBound(ids, row.id)
      if (ids[at] === row.id) ids.splice(at, 1)
      if (ids.length === 0) this.#index.delete(key)
    }
  }
}
