// How long groups of writes took until they were on the disk, as counts below some bounds: what an operator watches first
// when a disk goes bad.
import type { Clock } from '../../util/clock.ts'

export const COMMIT_BOUNDS_MS: readonly number[] = [1, 5, 10, 50, 100, 500, 1000]

export class CommitTimes {
  readonly #clock: Clock
  readonly #counts = COMMIT_BOUNDS_MS.map(() => 0)
  count = 0
  totalMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Cumulative, one for each of COMMIT_BOUNDS_MS. */
  get counts(): readonly number[] {
    return [...this.#counts]
  }

  /** Failures are not counted: they stop the store. */
  async time(work: () => Promise<void>): Promise<void> {
    const since = this.#clock.monotonic()
    await work()
    const ms = this.#clock.monotonic() - since
    this.count++
    this.totalMs += ms
    COMMIT_BOUNDS_MS.forEach((bound, k) => {
      if (ms <= bound) this.#counts[k] = (this.#counts[k] ?? 0) + 1
    })
  }
}
