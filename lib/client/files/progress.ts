// How fast and how much longer: at most four reports a second and transfer, the last one always (events.ts).
import type { Clock } from '../../util/clock.ts'

const EVERY_MS = 250
/** The rate is that of about the last three seconds. */
const MEMORY_MS = 3000

export interface Speed {
  readonly bytesPerSecond: number
  readonly etaMs?: number
}

export class Progress {
  readonly #clock: Clock
  readonly #size: number
  #at: number
  #bytes: number
  #rate = 0
  #reportedAt = -Infinity

  constructor(clock: Clock, size: number, bytes: number) {
    this.#clock = clock
    this.#size = size
    this.#bytes = bytes
    this.#at = clock.monotonic()
  }

  /** The speed when it is time for a report, else null. */
  moved(bytes: number): Speed | null {
    const now = this.#clock.monotonic()
    const finished = bytes >= this.#size
    if (!finished && now - this.#reportedAt < EVERY_MS) return null
    const elapsed = now - this.#at
    if (elapsed > 0) {
      const measured = ((bytes - this.#bytes) * 1000) / elapsed
      const weight = Math.min(1, elapsed / MEMORY_MS)
      this.#rate = this.#rate === 0 ? measured : this.#rate + (measured - this.#rate) * weight
      this.#at = now
      this.#bytes = bytes
    }
    this.#reportedAt = now
    const bytesPerSecond = Math.max(0, Math.round(this.#rate))
    if (bytesPerSecond === 0) return { bytesPerSecond }
    return { bytesPerSecond, etaMs: Math.ceil(((this.#size - bytes) * 1000) / bytesPerSecond) }
  }
}
