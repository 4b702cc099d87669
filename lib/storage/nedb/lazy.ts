// Things that are opened at their first use, once, and closed together.
import { SecureChatError } from '../../util/errors.ts'

export class Lazy<K, V> {
  readonly #open: (key: K) => Promise<V>
  readonly #opening = new Map<K, Promise<V>>()
  readonly #opened = new Map<K, V>()
  #isClosed = false

  constructor(open: (key: K) => Promise<V>) {
    this.#open = open
  }

  /** Opening that failed is tried again by the next caller: the disk may have room by then. */
  get(key: K): Promise<V> {
    if (this.#isClosed)
      return Promise.reject(new SecureChatError('E_CLOSED', 'the store is closed'))
    const known = this.#opening.get(key)
    if (known !== undefined) return known
    const opening = this.#open(key).then(
      (value) => {
        this.#opened.set(key, value)
        return value
      },
      (error: unknown) => {
        this.#opening.delete(key)
        throw error
      },
    )
    this.#opening.set(key, opening)
    return opening
  }

  /** Undefined while it is not open. */
  peek(key: K): V | undefined {
    return this.#opened.get(key)
  }

  opened(): IterableIterator<V> {
    return this.#opened.values()
  }

  /** Refuses further calls and waits for what is being opened. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#opening.values())
  }
}
