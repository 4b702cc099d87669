// Locks the window after a time without a key (`!set lock 10m`). Knows no session and no screen.
import type { Clock, Timer } from '../../util/clock.ts'

export interface IdleLockOptions {
  readonly clock: Clock
  /** Since the last key. */
  readonly idleMs: () => number
  /** Called once for each time without keys; nothing more happens before `arm` is called again. */
  readonly lock: () => void
}

export class IdleLock {
  readonly #options: IdleLockOptions
  #afterMs = 0
  #armedAt = 0
  #timer: Timer | null = null

  constructor(options: IdleLockOptions) {
    this.#options = options
  }

  /** From now on, after so long; 0: never. */
  arm(afterMs: number): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#afterMs = afterMs
    this.#armedAt = this.#options.clock.monotonic()
    if (afterMs > 0) this.#wait(afterMs)
  }

  #wait(ms: number): void {
    this.#timer = this.#options.clock.after(ms, () => {
      this.#timer = null
      this.#check()
    })
  }

  #check(): void {
    const { clock, idleMs, lock } = this.#options
    const idle = Math.min(idleMs(), clock.monotonic() - this.#armedAt)
    if (idle >= this.#afterMs) lock()
    else this.#wait(Math.max(1, Math.ceil(this.#afterMs - idle))) // whole steps: fractions add up to none
  }
}
