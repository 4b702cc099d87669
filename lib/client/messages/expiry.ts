// Removes messages whose time is over (PROTOCOL 7.2 ttl), also after a restart. A row with an end is noted here before it is
// stored, so that no crash lets it stay.
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { check, map, u } from '../../protocol/shape.ts'
import type { Records } from '../../storage/ports.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { MessageLog } from './message-log.ts'
import type { MessageRow } from './row.ts'

const KIND = 'expiry'
const PAGE = 500
/** Timers of the platform are not longer; and a clock that was set is noticed. */
const LOOK_EVERY_MS = 3_600_000

const STORED = map({ n: u, t: u })

export interface ExpiryDeps {
  readonly records: Records
  readonly messages: MessageLog
  readonly clock: Clock
  readonly log: Log
  /** It is gone from the store. */
  readonly expired: (row: MessageRow) => Promise<void>
}

export class Expiry {
  readonly #deps: ExpiryDeps
  /** Ends by the number of the message. */
  readonly #ends = new Map<number, number>()
  #timer: Timer | null = null
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  private constructor(deps: ExpiryDeps) {
    this.#deps = deps
  }

  static async open(deps: ExpiryDeps): Promise<Expiry> {
    const expiry = new Expiry(deps)
    let after: string | null = null
    for (;;) {
      const page = await deps.records.list(KIND, 'all', 'yes', after, PAGE)
      for (const { body } of page) {
        const { n, t } = check(STORED, decodeStrict(body), 'expiry')
        expiry.#ends.set(n, t)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return expiry
      after = last.id
    }
  }

  /** Begins to remove; what ended while nobody was here goes first. */
  start(): void {
    this.#arm()
  }

  /** Durable when it resolves. */
  async note(rows: readonly MessageRow[]): Promise<void> {
    const changed = rows.filter(({ number, expires }) => this.#ends.get(number) !== expires)
    const items = changed.map(({ number, expires = 0 }) => {
      this.#ends.set(number, expires)
      const body = encode({ n: number, t: expires })
      return { id: String(number), body, keys: { index: { all: 'yes' } } }
    })
    if (items.length === 0) return
    await this.#deps.records.putMany(KIND, items)
    this.#arm()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#running
  }

  #arm(): void {
    this.#timer?.cancel()
    this.#timer = null
    if (this.#stopped || this.#ends.size === 0) return
    let next = Infinity
    for (const end of this.#ends.values()) next = Math.min(next, end)
    const wait = Math.min(LOOK_EVERY_MS, Math.max(0, next - this.#deps.clock.now()))
    this.#timer = this.#deps.clock.after(wait, () => {
      this.#timer = null
      this.#running = this.#removeDue()
        .catch((error: unknown) => {
          if (!this.#stopped) this.#deps.log.warn('client.expiry', { code: codeOf(error) })
        })
        .then(() => {
          this.#arm()
        })
    })
  }

  async #removeDue(): Promise<void> {
    const { messages, records, clock, expired } = this.#deps
    const now = clock.now()
    for (const [number, end] of this.#ends) {
      if (end > now || this.#stopped) continue
      const row = await messages.expire(number)
      if (row !== null) await expired(row)
      // only now: a crash before this finds an expired row again, which is harmless
      this.#ends.delete(number)
      await records.delete(KIND, String(number))
    }
  }
}
