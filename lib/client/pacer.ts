// Keeps what this device sends within the server's rate (PROTOCOL 15: 20/s, burst 100), so that nothing is refused in the
// first place; a refusal that comes all the same says how long to wait.
import { LIMITS } from '../protocol/limits.ts'
import type { Clock } from '../util/clock.ts'

/** A little below the limit: the server's clock is not ours. */
const BURST = LIMITS.sendBurst - 5
const PER_MS = (LIMITS.sendsPerSecond * 0.95) / 1000

export class Pacer {
  readonly #clock: Clock
  readonly #waiting: (() => void)[] = []
  #tokens = BURST
  #at: number
  #armed = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#at = clock.monotonic()
  }

  /** Resolves when one more message may go, first come, first served. */
  take(): Promise<void> {
    this.#refill()
    if (this.#waiting.length === 0 && this.#tokens >= 1) {
      this.#tokens -= 1
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#arm()
    })
  }

  /** A place that was not used. */
  giveBack(): void {
    this.#tokens = Math.min(BURST, this.#tokens + 1)
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
    if (this.#armed || this.#waiting.length === 0) return
    this.#armed = true
    this.#clock.after(Math.max(1, Math.ceil((1 - this.#tokens) / PER_MS)), () => {
      this.#armed = false
      this.#refill()
      while (this.#tokens >= 1 && this.#waiting.length > 0) {
        this.#tokens -= 1
        this.#waiting.shift()?.()
      }
      this.#arm()
    })
  }
}
