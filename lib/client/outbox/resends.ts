// Answers those who could not read a message of ours: the original payload again, to that device only, within limits that
// keep it from becoming a tap (PROTOCOL 9.4).
import type { PayloadOf } from '../../protocol/payloads.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import { againId } from '../inbox/gaps.ts'
import type { Directory } from '../people/directory.ts'
import type { Peer } from '../people/peer.ts'
import type { OutItem } from './item.ts'
import type { Outbox } from './outbox.ts'

const DAY_MS = 24 * 3_600_000
const HOUR_MS = 3_600_000
const AGE_MAX_MS = 7 * DAY_MS
const PER_MESSAGE_AND_DEVICE = 3
const PER_HOUR_AND_PEER = 100
const RENEW_EVERY_MS = 10 * 60_000

/** Who asks, and where. */
interface Asking {
  readonly conv: string
  readonly peer: Peer
  readonly from: { readonly acct: Bytes; readonly dev: Bytes }
}

export interface ResendDeps {
  readonly outbox: () => Outbox
  readonly directory: Directory
  readonly clock: Clock
  readonly log: Log
  readonly emit: Emit
}

export class Resends {
  readonly #deps: ResendDeps
  readonly #answered = new Map<string, number>()
  readonly #hours = new Map<string, { since: number; count: number }>()
  readonly #renewed = new Map<string, number>()
  readonly #told = new Map<string, number>()

  constructor(deps: ResendDeps) {
    this.#deps = deps
  }

  /** The sender asks in this conversation (and may be another device of our own). */
  async asked(request: PayloadOf<'resend'>, { conv, peer, from }: Asking): Promise<void> {
    for (const i of request.i) {
      const item = await this.#deps.outbox().sentAs(request.st, i)
      if (item !== null && this.#mayAnswer(item, conv, peer, from)) {
        await this.#deps.outbox().add(
          {
            k: 'again',
            id: againId(request.st, i),
            ts: this.#deps.clock.now(),
            p: item.payload,
          },
          { conv, acct: from.acct, only: from.dev },
        )
      }
    }
    if (request.why === 'nokey') this.#renew(conv, from)
  }

  #mayAnswer(item: OutItem, conv: string, peer: Peer, who: Asking['from']): boolean {
    const now = this.#deps.clock.now()
    if (item.kind === 'again' || item.conv !== conv) return false
    if (peer.alarm !== undefined || peer.pin.unconfirmed) return false
    const device = Buffer.concat([who.acct, who.dev])
    if (item.tx?.devs.some((each) => equal(each, device)) !== true) return false
    if (now - item.at > AGE_MAX_MS) return this.#refuse(peer, now)
    const key = `${item.mid}:${hex(who.dev)}`
    const count = this.#answered.get(key) ?? 0
    if (count >= PER_MESSAGE_AND_DEVICE || !this.#underHourlyLimit(peer, now)) {
      return this.#refuse(peer, now)
    }
    this.#answered.set(key, count + 1)
    return true
  }

  /** The person hears of it, seldom; the asking device hears nothing. */
  #refuse(peer: Peer, now: number): false {
    const last = this.#told.get(peer.id)
    if (last !== undefined && now - last < HOUR_MS) return false
    this.#told.set(peer.id, now)
    const { user } = peer.pin
    const text = `@${user} could not read a message of yours, and it is not sent again by itself. Send it again?`
    this.#deps.emit({ type: 'notice', level: 'warning', code: 'E_NO_KEY', text, user })
    return false
  }

  #underHourlyLimit(peer: Peer, now: number): boolean {
    const hour = this.#hours.get(peer.id)
    if (hour === undefined || now - hour.since >= HOUR_MS) {
      this.#hours.set(peer.id, { since: now, count: 1 })
      return true
    }
    hour.count += 1
    if (hour.count === PER_HOUR_AND_PEER + 1) this.#deps.log.warn('client.resend.limit')
    return hour.count <= PER_HOUR_AND_PEER
  }

  /** The device has lost the key we use: the next message takes the present one. */
  #renew(conv: string, who: Asking['from']): void {
    const key = `${conv}/${hex(who.dev)}`
    const now = this.#deps.clock.now()
    const last = this.#renewed.get(key)
    if (last !== undefined && now - last < RENEW_EVERY_MS) return
    this.#renewed.set(key, now)
    this.#deps.directory.forget(who.acct)
    this.#deps.outbox().renew(conv)
  }
}
