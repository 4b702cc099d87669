// Answers those who could not read a message of ours: the original payload again, to that device only, within limits that
// keep it from becoming a tap (PROTOCOL 9.4).
import {
  decodePayload,
  encodePayload,
  type Payload,
  type PayloadOf,
} from '../../protocol/payloads.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import type { Parties } from '../groups/parties.ts'
import { againId } from '../inbox/gap-key.ts'
import type { Directory } from '../people/directory.ts'
import type { Peer } from '../people/peer.ts'
import { laneOf, type OutItem } from './item.ts'
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
  readonly parties: Pick<Parties, 'isHeard'>
  /** What every stream of this conversation begins with now; null: with nothing. */
  readonly opening: (conv: string) => Payload | null
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
  async asked({ st, i: wanted, why }: PayloadOf<'resend'>, asking: Asking): Promise<void> {
    const { conv, from } = asking
    const outbox = this.#deps.outbox()
    const sent = await Promise.all(
      wanted.map(async (i) => ({ i, item: await outbox.sentAs(st, i) })),
    )
    const found = sent.flatMap(({ i, item }) => (item === null ? [] : [{ i, item }]))
    // first: the answer may go where the question says nothing can be read
    if (why === 'nokey') {
      for (const lane of new Set([conv, ...found.map(({ item }) => laneOf(item))]))
        this.#renew(lane, from)
    }
    for (const { i, item } of found) {
      if (this.#mayAnswer(item, item.mid, asking))
        await this.#answer(item, st, i, sayingOf(item), from)
    }
    const isOpened = found.some(({ i }) => i === 0)
    if (wanted.includes(0) && !isOpened) await this.#openAgain(found[0]?.item, st, asking)
  }

  /** Index 0 of a group stream is no item: what stands there now says as much, and more. */
  async #openAgain(known: OutItem | undefined, st: Bytes, asking: Asking): Promise<void> {
    const { outbox, opening } = this.#deps
    const item = known ?? (await outbox().sentAs(st, 1))
    const payload = item === null ? null : opening(item.conv)
    if (item === null || payload === null) return
    if (!this.#mayAnswer(item, hex(st), asking)) return
    await this.#answer(item, st, 0, encodePayload(payload), asking.from)
  }

  /** In the conversation of the message, wherever the question came. */
  async #answer(
    { conv }: OutItem,
    st: Bytes,
    i: number,
    p: Bytes,
    { acct, dev }: Asking['from'],
  ): Promise<void> {
    const ts = this.#deps.clock.now()
    await this.#deps
      .outbox()
      .add({ k: 'again', id: againId(st, i), ts, p }, { conv, acct, only: dev })
  }

  /** `name`: of what is counted. */
  #mayAnswer(item: OutItem, name: string, { conv, peer, from: who }: Asking): boolean {
    const now = this.#deps.clock.now()
    // who lost the head of a stream cannot know which conversation it was in: the same people must be in that one
    if (item.conv !== conv && !this.#deps.parties.isHeard(item.conv, who.acct)) return false
    if (peer.alarm !== undefined || peer.pin.unconfirmed) return false
    const device = Buffer.concat([who.acct, who.dev])
    if (item.tx?.devs.some((each) => equal(each, device)) !== true) return false
    if (now - item.at > AGE_MAX_MS) return this.#refuse(peer, now)
    const key = `${name}:${hex(who.dev)}`
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
  #renew(lane: string, who: Asking['from']): void {
    const key = `${lane}/${hex(who.dev)}`
    const now = this.#deps.clock.now()
    const last = this.#renewed.get(key)
    if (last !== undefined && now - last < RENEW_EVERY_MS) return
    this.#renewed.set(key, now)
    this.#deps.directory.forget(who.acct)
    this.#deps.outbox().renew(lane)
  }
}

/** An answer to an answer is enough: of one more the outermost is left off. */
function sayingOf({ payload }: OutItem): Bytes {
  const said = decodePayload(payload)
  return said.k === 'again' && decodePayload(said.p).k === 'again' ? said.p : payload
}
