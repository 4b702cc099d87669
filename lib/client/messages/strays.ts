// Numbers of old rows that lie in records all the same: what changed since its segment was written, and what has an end.
import type { MessageRow } from './row.ts'

/** Of those that changed: more of them are put back into their segment. */
const CHANGED_MAX = 128

export class Strays {
  readonly #all = new Set<number>()
  /** Those that go back into their segment one day. */
  readonly #changed = new Set<number>()
  #version = 0

  /** Grows whenever there is another one or one less. */
  get version(): number {
    return this.#version
  }

  has(number: number): boolean {
    return this.#all.has(number)
  }

  /** Newest first. */
  numbers(): number[] {
    return [...this.#all].sort((p, q) => q - p)
  }

  /** One that should go back; null: there are few. */
  get surplus(): number | null {
    const [first = null] = this.#changed
    return this.#changed.size > CHANGED_MAX ? first : null
  }

  add(row: MessageRow): void {
    const { number } = row
    if (!this.#all.has(number)) this.#version += 1
    this.#all.add(number)
    if (stays(row)) this.#changed.delete(number)
    else this.#changed.add(number)
  }

  forget(number: number): void {
    if (this.#all.delete(number)) this.#version += 1
    this.#changed.delete(number)
  }
}

/** What has an end can quickly be removed from records. */
export function stays({ expires }: MessageRow): boolean {
  return expires !== undefined
}
