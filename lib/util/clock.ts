// Time as a collaborator: below cli/ nothing reads the clock or starts a timer by itself.

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall clock in milliseconds since 1970 (may jump). */
  now(): number
  /** Milliseconds that only grow; for durations. */
  monotonic(): number
  /** Calls `fn` once after `delayMs`; never keeps the process alive by itself. */
  after(delayMs: number, fn: () => void): Timer
}

/** Resolves after `delayMs` on the given clock. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}
