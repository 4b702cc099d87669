// How many people an account may write to for the first time in a day (PROTOCOL 15). Pairs are remembered as keyed
// hashes in memory only: a table of who wrote to whom on the disk would be worth more to an intruder than the limit is
// to the operator. A restart forgets, which costs a sender nothing but a few tokens.
import { hmac } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import type { Bytes } from '../util/bytes.ts'
import { BoundedMap, BucketTable } from '../util/rate.ts'

const MAX_PAIRS = 200_000
const SECONDS_PER_DAY = 24 * 60 * 60

export class NewRecipients {
  /** Of this process: without it the hashes say nothing. */
  readonly #key = randomBytes(32)
  readonly #pairs = new BoundedMap<true>(MAX_PAIRS)
  readonly #budgets: BucketTable

  /** `perDay` 0: no limit. */
  constructor(perDay: number) {
    this.#budgets = new BucketTable({ perSecond: perDay / SECONDS_PER_DAY, burst: perDay })
  }

  /** 0: all may be written to. Else the milliseconds to wait; nothing was counted. */
  admit(sender: Bytes, recipients: readonly Bytes[], now: number): number {
    const fresh = recipients
      .map((r) => this.#pair(sender, r))
      .filter((pair) => this.#pairs.get(pair) === undefined)
    if (fresh.length === 0) return 0
    const budget = this.#budgets.of(this.#pair(sender, sender), now)
    const wait = budget.take(now, fresh.length)
    if (wait === 0) for (const pair of fresh) this.#pairs.set(pair, true)
    return wait
  }

  /** The whole budget of a day again. */
  forget(sender: Bytes): void {
    this.#budgets.rest(this.#pair(sender, sender))
  }

  /** 0: no limit. */
  change(perDay: number): void {
    this.#budgets.change({ perSecond: perDay / SECONDS_PER_DAY, burst: perDay })
  }

  #pair(a: Bytes, b: Bytes): string {
    return hmac(this.#key, a, b).toString('latin1', 0, 12)
  }
}
