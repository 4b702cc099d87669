// Accounts on which nobody has signed in for long go, if the operator wants that: as by `user delete`, for ever. Looked at
// once a day. What is gone for ever must not go for a wrong clock: days count only from when this server began to keep
// them, and that begins anew when the clock leapt or the server was off for more than a week.
//
//   record "inactive.count": body = u32 first day that counts || u32 day of the last look
import type { Records } from '../storage/ports.ts'
import { concat, u32, view } from '../util/bytes.ts'
import { codeOf } from '../util/errors.ts'
import type { StoredAccount } from './accounts.ts'
import type { Services } from './services.ts'
import { dayOf } from './sign-ins.ts'
import { boxesOf, type UserDesk } from './user-desk.ts'

const KIND = 'inactive'
const COUNT = 'count'
const GAP_DAYS = 7

export class InactiveAccounts {
  readonly #services: Services
  readonly #users: UserDesk
  #lookedOn = -1
  #isStopped = false

  constructor(services: Services, users: UserDesk) {
    this.#services = services
    this.#users = users
  }

  /** To be called when the clock may be believed; resolves to how many went. Between two accounts `stop` ends it. */
  async sweep(): Promise<number> {
    const { accounts, clock, config, records, log } = this.#services
    const today = dayOf(clock.now())
    if (today === this.#lookedOn) return 0
    const since = await countSince(records, today)
    this.#lookedOn = today
    const days = config.inactiveAccountDays
    if (days === 0) return 0
    let gone = 0
    for await (const name of accounts.names('')) {
      if (this.#isStopped) break
      try {
        const stored = await accounts.byName(name)
        if (stored === null || !(await this.#isInactive(stored, today, since, days))) continue
        await this.#users.delete(name)
        gone++
      } catch (error) {
        // the others do not wait for it; tomorrow it is tried again
        log.error('server.inactive-not-deleted', { code: codeOf(error) })
      }
    }
    return gone
  }

  stop(): void {
    this.#isStopped = true
  }

  async #isInactive(
    stored: StoredAccount,
    today: number,
    since: number,
    days: number,
  ): Promise<boolean> {
    if (this.#isKept(stored)) return false
    const signedIn = (await this.#services.signIns.day(stored.id)) ?? 0
    // a day that is still to come was written by a wrong clock
    const known = [since, dayOf(stored.account.created), signedIn].filter((day) => day <= today)
    const last = Math.max(...known)
    // it may have come back while this was read
    return known.length > 0 && today - last > days && !this.#isKept(stored)
  }

  /** What is disabled cannot sign in: the operator decides about it. */
  #isKept(stored: StoredAccount): boolean {
    const { presence, accountSessions } = this.#services
    return (
      stored.account.state === 'disabled' ||
      accountSessions.has(stored.id) ||
      boxesOf(stored).some((box) => presence.isHere(box))
    )
  }
}

async function countSince(records: Records, today: number): Promise<number> {
  const rec = await records.get(KIND, COUNT)
  const body = rec === null ? null : view(rec.body)
  const looked = body?.readUInt32BE(4) ?? -Infinity
  if (looked === today && body !== null) return body.readUInt32BE(0)
  const isContinued = body !== null && Math.abs(today - looked) <= GAP_DAYS
  const since = isContinued ? body.readUInt32BE(0) : today
  await records.put(KIND, COUNT, concat(u32(since), u32(today)))
  return since
}
