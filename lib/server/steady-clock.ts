// Whether the wall clock may be believed when something is to be deleted for its age. A machine that starts with a wrong
// clock, or is set by hand, jumps; what expired only by such a jump must not be swept before somebody had a day to set it right.
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'

const JUMP_MS = 3_600_000
const DOUBT_MS = 86_400_000

export class SteadyClock {
  readonly #clock: Clock
  readonly #log: Log
  /** Wall minus monotonic time at the last look. */
  #offset: number
  #doubtUntil = -Infinity

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
    this.#offset = clock.now() - clock.monotonic()
  }

  /** To be asked every few minutes at least: slow corrections of the clock are no jump. */
  look(): boolean {
    const now = this.#clock.monotonic()
    const offset = this.#clock.now() - now
    const byMs = Math.round(offset - this.#offset)
    this.#offset = offset
    if (Math.abs(byMs) >= JUMP_MS) {
      this.#doubtUntil = now + DOUBT_MS
      this.#log.warn('clock.jumped', { byMs, what: 'nothing expires for a day' })
    }
    return now >= this.#doubtUntil
  }
}
