// Many small writes, few disk flushes: what is asked for while a flush is under way goes into the next one, in order.
// Knows nothing of what is written.

interface Waiting<T, R> {
  readonly item: T
  readonly resolve: (result: R) => void
  readonly reject: (error: unknown) => void
}

/** An upper bound for the memory and the duration of one flush. */
const GROUP_MAX = 512

export class GroupCommit<T, R = undefined> {
  readonly #flush: (items: readonly T[]) => Promise<readonly R[]>
  #waiting: Waiting<T, R>[] = []
  #running: Promise<void> | null = null

  /** `flush` writes a group and gives one result per item; when it rejects, every item of that group is rejected. */
  constructor(flush: (items: readonly T[]) => Promise<readonly R[]>) {
    this.#flush = flush
  }

  /** Resolves when this item is durable. */
  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Items that stay together and in order. */
  addAll(items: readonly T[]): Promise<R[]> {
    return Promise.all(items.map((item) => this.add(item)))
  }

  /** Resolves when nothing is waiting. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running
  }

  async #run(): Promise<void> {
    await Promise.resolve() // the rest of this tick joins the first group
    while (this.#waiting.length > 0) {
      const group = this.#waiting.slice(0, GROUP_MAX)
      this.#waiting = this.#waiting.slice(GROUP_MAX)
      try {
        const results = await this.#flush(group.map(({ item }) => item))
        for (const [index, { resolve }] of group.entries()) resolve(results[index] as R)
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#running = null
  }
}
