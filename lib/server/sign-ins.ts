// On which day (UTC) a device of an account signed in last: enough to tell who is gone, and no more than that is kept. One
// small record an account beside the account's own, written once a day at most.
//
//   body = u32 day
import type { Records } from '../storage/ports.ts'
import { u32, view } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import { codeOf } from '../util/errors.ts'
import type { Log } from '../util/log.ts'

const KIND = 'sign-in'
const DAY_MS = 86_400_000

/** Days since 1970. */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS)
}

export class SignIns {
  readonly #records: Records
  readonly #clock: Clock
  readonly #log: Log
  #today = -1
  /** Accounts whose record says today. */
  readonly #written = new Set<string>()

  constructor(deps: { readonly records: Records; readonly clock: Clock; readonly log: Log }) {
    this.#records = deps.records
    this.#clock = deps.clock
    this.#log = deps.log
  }

  /** Durable when it resolves, if it can be: nobody is kept out because this could not be written. */
  async note(id: string): Promise<void> {
    const today = dayOf(this.#clock.now())
    if (today !== this.#today) {
      this.#today = today
      this.#written.clear()
    }
    if (this.#written.has(id)) return
    this.#written.add(id)
    try {
      if ((await this.day(id)) !== today) await this.#records.put(KIND, id, u32(today))
    } catch (error) {
      this.#written.delete(id)
      this.#log.warn('server.sign-in-not-noted', { code: codeOf(error) })
    }
  }

  /** Null: none since the server keeps this. */
  async day(id: string): Promise<number | null> {
    const rec = await this.#records.get(KIND, id)
    return rec === null ? null : view(rec.body).readUInt32BE(0)
  }

  /** When that day began, ms since 1970. */
  async at(id: string): Promise<number | null> {
    const day = await this.day(id)
    return day === null ? null : day * DAY_MS
  }

  async forget(id: string): Promise<void> {
    this.#written.delete(id)
    await this.#records.delete(KIND, id)
  }
}
