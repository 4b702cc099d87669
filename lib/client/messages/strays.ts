// Numbers of old rows that lie in records all the same: what changed since its segment was written, and what has an end.
import type { MessageRow } from './row.ts'

/** Of those that changed: more of them are put back into their segment. */
const CHANGED_MAX = 128

export class Strays {
  /** Each with how many came before it. */
  readonly #all = new Map<number, number>()
  /** Those that go back into their segment one day. */
  readonly #changed = new Set<number>()
  #added = 0
  #left = 0

  /** How many are none any more: what was read across that must be read again. */
  get left(): number {
    return this.#left
  }

  has(number: number): boolean {
    return this.#all.has(number)
  }

  /** As they are now, for who reads: what becomes one meanwhile still lies in the archive as well. */
  now(): (number: number) => boolean {
    const added = this.#added
    return (number) => (this.#all.get(number) ?? added) < added
  }

  /** Newest first. */
  numbers(): number[] {
    return [...this.#all.keys()].sort((p, q) => q - p)
  }

  /** One that should go back; null: there are few. */
  get surplus(): number | null {
    const [first = null] = this.#changed
    return this.#changed.size > CHANGED_MAX ? first : null
  }

  add(row: MessageRow): void {
    const { number } = row
    if (!this.#all.has(number)) this.#all.set(number, this.#added++)
    if (stays(row)) this.#changed.delete(number)
    else this.#changed.add(number)
  }

  forget(number: number): void {
    if (this.#all.delete(number)) this.#left += 1
    this.#changed.delete(number)
  }
}

/** What has an end can quickly be removed from records. */
export function stays({ expires }: MessageRow): boolean {
  return expires !== undefined
}
