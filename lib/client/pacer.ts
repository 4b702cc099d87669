// Keeps what this device sends within the server's rate (PROTOCOL 15: 20/s, burst 100; a message to many devices counts
// several times), so that nothing is refused in the first place; a refusal that comes all the same says how long to wait.
import { LIMITS } from '../protocol/limits.ts'
import type { Clock } from '../util/clock.ts'

/** A little below the limit: the server's clock is not ours. */
const BURST = LIMITS.sendBurst - 5
const PER_MS = (LIMITS.sendsPerSecond * 0.95) / 1000

export class Pacer {
  readonly #clock: Clock
  readonly #waiting: { readonly cost: number; go(): void }[] = []
  #tokens = BURST
  #at: number
  #armed = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#at = clock.monotonic()
  }

  /** Resolves when one more message may go, first come, first served. */
  take(cost = 1): Promise<void> {
    this.#refill()
    if (this.#waiting.length === 0 && this.#tokens >= cost) {
      this.#tokens -= cost
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#waiting.push({ cost, go: resolve })
      this.#arm()
    })
  }

  /** A place that was not used. */
  giveBack(cost = 1): void {
    this.#tokens = Math.min(BURST, this.#tokens + cost)
  }

  /** The server refused: nobody goes for this long, then one at a time. */
  penalty(afterMs: number): void {
    this.#refill()
    this.#tokens = Math.min(this.#tokens, -afterMs * PER_MS)
  }

  #refill(): void {
    const now = this.#clock.monotonic()
    this.#tokens = Math.min(BURST, this.#tokens + (now - this.#at) * PER_MS)
    this.#at = now
  }

  #arm(): void {
    const [first] = this.#waiting
    if (this.#armed || first === undefined) return
    this.#armed = true
    this.#clock.after(Math.max(1, Math.ceil((first.cost - this.#tokens) / PER_MS)), () => {
      this.#armed = false
      this.#refill()
      for (
        let next = this.#waiting[0];
        next !== undefined && this.#tokens >= next.cost;
        next = this.#waiting[0]
      ) {
        this.#tokens -= next.cost
        this.#waiting.shift()
        next.go()
      }
      this.#arm()
    })
  }
}
