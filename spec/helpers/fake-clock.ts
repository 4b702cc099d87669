// Time that passes only when a spec says so.
import type { Clock, Timer } from '../../lib/util/clock.ts'

interface Due {
  readonly at: number
  readonly fn: () => void
}

export class FakeClock implements Clock {
  #wall: number
  /** With a fraction, as the real one: what is told to others in milliseconds has to be rounded. */
  #monotonic = 1000.123
  readonly #timers = new Set<Due>()

  constructor(wall = 1_770_000_000_000) {
    this.#wall = wall
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#monotonic
  }

  after(delayMs: number, fn: () => void): Timer {
    const due = { at: this.#monotonic + delayMs, fn }
    this.#timers.add(due)
    return {
      cancel: () => {
        this.#timers.delete(due)
      },
    }
  }

  /** Lets time pass and runs what falls due, in order. */
  advance(ms: number): void {
    const until = this.#monotonic + ms
    for (;;) {
      let next: Due | null = null
      for (const due of this.#timers)
        if (due.at <= until && due.at < (next?.at ?? Infinity)) next = due
      if (next === null) break
      this.#timers.delete(next)
      this.#pass(next.at)
      next.fn()
    }
    this.#pass(until)
  }

  /** Sets the wall clock to another time, as a person or a network does. */
  jump(ms: number): void {
    this.#wall += ms
  }

  #pass(until: number): void {
    const ms = Math.max(0, until - this.#monotonic)
    this.#monotonic += ms
    this.#wall += ms
  }
}
