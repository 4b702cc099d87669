// How often a password may be guessed (PROTOCOL 5.3): per name and address block 5 free attempts, then 2^n seconds;
// per name 100 a day, then a puzzle for each, never a lock-out. Unknown names count alike.
import { LIMITS } from '../protocol/limits.ts'
import { BoundedMap } from '../util/rate.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const MAX_ENTRIES = 100_000

interface Attempts {
  count: number
  /** Of the last attempt (per block), of the first one of the day (per name). */
  at: number
}

export class Guesses {
  readonly #byBlock = new BoundedMap<Attempts>(MAX_ENTRIES)
  readonly #byName = new BoundedMap<Attempts>(MAX_ENTRIES)

  /** Milliseconds until the next attempt is allowed; 0: now. */
  wait(name: string, block: string, now: number): number {
    const attempts = this.#byBlock.get(key(name, block))
    if (attempts === undefined || now - attempts.at > DAY_MS) return 0
    const over = attempts.count - LIMITS.freeGuesses
    if (over < 0) return 0
    // the exponent is capped before it overflows
    const delay = Math.min(2 ** Math.min(over, 20) * 1000, LIMITS.guessDelayMaxMs)
    return Math.max(0, attempts.at + delay - now)
  }

  /** True when the name is under attack from everywhere: each attempt has to be paid for. */
  needsPuzzle(name: string, now: number): boolean {
    const attempts = this.#byName.get(name)
    return (
      attempts !== undefined &&
      now - attempts.at <= DAY_MS &&
      attempts.count >= LIMITS.guessesPerDayBeforePuzzle
    )
  }

  /** A KE1 counts as a wrong guess until its KE3 proves the opposite. */
  count(name: string, block: string, now: number): void {
    const local = this.#byBlock.get(key(name, block))
    const fresh = local === undefined || now - local.at > DAY_MS
    this.#byBlock.set(key(name, block), { count: fresh ? 1 : local.count + 1, at: now })
    const all = this.#byName.get(name)
    if (all === undefined || now - all.at > DAY_MS) this.#byName.set(name, { count: 1, at: now })
    else all.count++
  }

  /** The right password: this block starts afresh, and the attempt did not count against the name. */
  forgive(name: string, block: string): void {
    this.#byBlock.delete(key(name, block))
    const all = this.#byName.get(name)
    if (all !== undefined && all.count > 0) all.count--
  }

  /** As if nobody had tried this name yet; looks at every counter, so it is for the operator. */
  forget(name: string): void {
    this.#byName.delete(name)
    this.#byBlock.deleteAll((entry) => entry.startsWith(`${name} `))
  }
}

function key(name: string, block: string): string {
  return `${name} ${block}`
}
