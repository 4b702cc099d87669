// What all lanes share: the server's rate and a bound for messages that wait for their `ok`.
import { LIMITS } from '../../protocol/limits.ts'
import type { Clock } from '../../util/clock.ts'
import type { Link } from '../link.ts'
import { Pacer } from '../pacer.ts'

/** Half of the open requests a connection may have (PROTOCOL 15): the rest is for files and look-ups. */
const WINDOW = LIMITS.openRequests / 2

export class Traffic {
  readonly #link: Link
  readonly #pacer: Pacer
  #flying = 0
  readonly #waiting: (() => void)[] = []

  constructor(link: Link, clock: Clock) {
    this.#link = link
    this.#pacer = new Pacer(clock)
  }

  get online(): boolean {
    return this.#link.online
  }

  /** Resolves when one more message may be sent; `landed` or `giveBack` must follow. */
  async take(cost = 1): Promise<void> {
    if (this.#flying >= WINDOW) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    } else this.#flying += 1
    await this.#pacer.take(cost)
  }

  /** Pays for what goes along with a message. */
  charge(cost: number): Promise<void> {
    return cost === 0 ? Promise.resolve() : this.#pacer.take(cost)
  }

  /** It was answered. */
  landed(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#flying -= 1
    else next() // takes over the place
  }

  /** It was not sent after all. */
  giveBack(cost = 1): void {
    this.#pacer.giveBack(cost)
    this.landed()
  }

  penalty(afterMs: number): void {
    this.#pacer.penalty(afterMs)
  }
}
