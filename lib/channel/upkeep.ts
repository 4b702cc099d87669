// What all connections of a process share: one moment per turn of the event loop at which everything queued is written,
// and one coarse timer that looks at every connection. Nothing per frame, nothing per idle connection but a set entry.
import type { Clock, Timer } from '../util/clock.ts'

export interface Kept {
  /** The turn is over: write what was queued in it. Must not throw. */
  flush(): void
  /** A few seconds have passed. Must not throw. */
  sweep(monotonicMs: number): void
}

const SWEEP_MS = 5000

export class Upkeep {
  readonly clock: Clock
  readonly #kept = new Set<Kept>()
  #dirty: Kept[] = []
  #timer: Timer | null = null

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Calls `flush` once, after the input that has already arrived was handled: frames queued until then share a record. */
  flushSoon(kept: Kept): void {
    if (this.#dirty.push(kept) === 1) setImmediate(this.#flushAll)
  }

  add(kept: Kept): void {
    this.#kept.add(kept)
    this.#timer ??= this.clock.after(SWEEP_MS, this.#sweepAll)
  }

  delete(kept: Kept): void {
    this.#kept.delete(kept)
    if (this.#kept.size > 0) return
    this.#timer?.cancel()
    this.#timer = null
  }

  readonly #flushAll = (): void => {
    const dirty = this.#dirty
    this.#dirty = []
    for (const kept of dirty) kept.flush()
  }

  readonly #sweepAll = (): void => {
    this.#timer = this.clock.after(SWEEP_MS, this.#sweepAll)
    const now = this.clock.monotonic()
    for (const kept of this.#kept) kept.sweep(now)
  }
}
