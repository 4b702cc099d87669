// Everything this device wants to say, from "safe on disk" to "accepted": one lane per conversation, any number at once.
import { randomBytes } from '../../crypto/random.ts'
import { messageId } from '../../identity/conversation.ts'
import { decodePayload, encodePayload, type Payload } from '../../protocol/payloads.ts'
import type { Records } from '../../storage/ports.ts'
import { type Bytes, fromHex, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { ErrorCode } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { MessageState } from '../events.ts'
import type { Link } from '../link.ts'
import { againId } from '../inbox/gap-key.ts'
import {
  FORMER_MAX,
  isContent,
  laneOf,
  type OutItem,
  type Sent,
  type Transmission,
} from './item.ts'
import { type Hold, Lane } from './lane.ts'
import type { Outgoing } from './outgoing.ts'
import type { SideWay } from './side-way.ts'
import { OutboxStore } from './store.ts'
import { Traffic } from './traffic.ts'

/** Where a payload goes. */
export interface Destination {
  /** hex */
  readonly conv: string
  /** As in OutItem. */
  readonly acct?: Bytes
  readonly only?: Bytes
  /** See OutItem. */
  readonly nth?: number
}

export interface OutboxDeps {
  readonly acct: Bytes
  readonly records: Records
  readonly link: Link
  readonly clock: Clock
  readonly log: Log
  readonly sideWay: SideWay
  /** Opens a stream to everybody the item goes to. */
  readonly open: (item: OutItem) => Promise<Outgoing>
  readonly ready: (item: OutItem) => Promise<void>
  readonly gate: (item: OutItem) => Hold | null
  readonly stale: (item: OutItem, accounts: readonly Bytes[]) => void
  readonly full: (item: OutItem, accounts: readonly Bytes[]) => boolean
  /** Told after the change is durable ('sent' is not stored). */
  changed(item: OutItem, state: MessageState, code?: ErrorCode, reason?: string): void
  /** The local store failed: nothing may go on. */
  broken(error: unknown): void
}

const EXPIRY_MS = 31 * 24 * 3_600_000
const CANCELLED = 'Cancelled.'

export class Outbox {
  readonly #deps: OutboxDeps
  readonly #store: OutboxStore
  readonly #traffic: Traffic
  readonly #lanes = new Map<string, Lane>()
  readonly #settled: (() => void)[] = []
  /** Why an item is held, as it was told last. */
  readonly #held = new Map<string, ErrorCode>()
  #saving = 0
  #adding = 0
  #stopped = false

  private constructor(deps: OutboxDeps, store: OutboxStore) {
    this.#deps = deps
    this.#store = store
    this.#traffic = new Traffic(deps.link, deps.clock)
    deps.link.add({
      online: () => {
        this.wakeAll()
      },
      offline: () => {
        for (const lane of this.#lanes.values()) lane.offline()
      },
    })
  }

  /** With what an earlier run left unaccepted: its streams are gone, so all of it is queued again (PROTOCOL 9.1). */
  static async open(deps: OutboxDeps): Promise<Outbox> {
    const { store, items } = await OutboxStore.open(deps.records, deps.clock.now())
    const outbox = new Outbox(deps, store)
    for (const item of items) {
      if (deps.clock.now() - item.at > EXPIRY_MS) outbox.#fail(item, 'E_TIMEOUT', EXPIRED)
      else outbox.#lane(item).push({ ...item, state: 'queued' })
    }
    return outbox
  }

  /** Items that wait for something else than the connection. */
  get heldCount(): number {
    return this.#held.size
  }

  /** Items that are not accepted or failed. */
  get open(): readonly OutItem[] {
    return [...this.#lanes.values()].flatMap((lane) => lane.items)
  }

  /** Resolves when the payload is durable and its turn has come; `before` is what must be stored before it is sent. */
  async add(
    payload: Payload,
    to: Destination,
    before: (item: OutItem) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<OutItem> {
    const bytes = encodePayload(payload)
    const now = this.#deps.clock.now()
    const item: OutItem = {
      seq: this.#store.nextSeq(now),
      mid: hex(messageId(fromHex(to.conv), this.#deps.acct, payload.id)),
      conv: to.conv,
      ...(to.acct === undefined ? {} : { acct: to.acct }),
      ...(to.only === undefined ? {} : { only: to.only }),
      kind: payload.k,
      payload: bytes,
      at: now,
      nth: to.nth ?? 0,
      state: 'queued',
    }
    this.#adding += 1
    try {
      await this.#save(item)
      await before(item)
    } finally {
      this.#adding -= 1
    }
    this.#lane(item).push(item)
    return item
  }

  /** False when it is on its way already. */
  async cancel(mid: string): Promise<boolean> {
    for (const lane of this.#lanes.values()) {
      const item = lane.remove(mid)
      if (item === null) continue
      await this.#save({ ...item, state: 'failed', code: 'E_CANCELLED' })
      this.#deps.changed(item, 'failed', 'E_CANCELLED', CANCELLED)
      this.#check()
      return true
    }
    return false
  }

  /** Drops the copies that are kept for resends of a message that was deleted, with `instead`: that is sent again. */
  async forget(mid: string, instead: Payload): Promise<void> {
    const { clock, acct } = this.#deps
    const gone = await this.#store.forget(mid, clock.now(), (item) => withdrawn(item, instead))
    // answers that hold it may be asked for as well
    for (const { conv, tx, former = [] } of gone) {
      for (const { st, i } of [...(tx === undefined ? [] : [tx]), ...former]) {
        const answer = messageId(fromHex(conv), acct, againId(st, i))
        await this.forget(hex(answer), instead)
      }
    }
  }

  /** Its time is over: whoever could not read it, and asks now, hears that it is gone (PROTOCOL 9.4). */
  expired(mid: string): Promise<void> {
    const ts = this.#deps.clock.now()
    return this.forget(mid, { k: 'del', id: randomBytes(16), ts, m: [fromHex(mid)] })
  }

  sentAs(st: Bytes, i: number): Promise<OutItem | null> {
    return this.#store.sentAs(st, i)
  }

  /** The cause of a hold in this conversation may be gone. */
  release(conv: string): void {
    for (const [key, lane] of this.#lanes) if (key.startsWith(conv)) lane.release()
  }

  /** The next message of this lane (see laneOf) opens a new stream. */
  renew(lane: string): void {
    this.#lanes.get(lane)?.renew()
  }

  wakeAll(): void {
    for (const lane of this.#lanes.values()) lane.release()
  }

  /** Resolves when nothing moves any more: all is accepted, failed or held. */
  settled(): Promise<void> {
    if (!this.#moves()) return Promise.resolve()
    return new Promise((resolve) => {
      this.#settled.push(resolve)
    })
  }

  sweep(sinceDay: number): Promise<number> {
    return this.#store.sweep(this.#deps.clock.now(), sinceDay)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const lane of this.#lanes.values()) lane.stop()
    await this.#store.idle()
    for (const resolve of this.#settled.splice(0)) resolve()
  }

  #lane(item: OutItem): Lane {
    const key = laneOf(item)
    const known = this.#lanes.get(key)
    if (known !== undefined) return known
    const { clock, log, open, ready, gate, stale, full, sideWay } = this.#deps
    const lane = new Lane({
      clock,
      log,
      traffic: this.#traffic,
      isOpen: (next) => this.#traffic.online || sideWay.covers(next),
      open,
      ready,
      gate,
      stale,
      full,
      sent: (sent) => {
        this.#held.delete(sent.mid)
        this.#deps.changed(sent, 'sent')
      },
      buried: (unanswered, at) => this.#buried(unanswered, at),
      accepted: (accepted, tx) => {
        this.#accepted(accepted, tx)
      },
      held: (held, hold) => {
        this.#hold(held, hold)
      },
      failed: (failed, code, reason) => {
        this.#fail(failed, code, reason)
      },
    })
    this.#lanes.set(key, lane)
    return lane
  }

  #buried(item: OutItem, at: Sent): OutItem {
    const next = { ...item, former: [at, ...(item.former ?? [])].slice(0, FORMER_MAX) }
    this.#save(next).then(
      () => {
        this.#check()
      },
      (error: unknown) => {
        if (!this.#stopped) this.#deps.broken(error)
      },
    )
    return next
  }

  #accepted(item: OutItem, tx: Transmission | null): void {
    const done: OutItem = { ...item, state: 'accepted', ...(tx === null ? {} : { tx }) }
    this.#conclude(done, 'accepted')
  }

  #hold(item: OutItem, hold: Hold): void {
    if (this.#deps.clock.now() - item.at > EXPIRY_MS) {
      this.#lane(item).remove(item.mid)
      this.#fail(item, 'E_TIMEOUT', EXPIRED)
    } else if (isContent(item) && this.#held.get(item.mid) !== hold.code) {
      this.#held.set(item.mid, hold.code)
      this.#deps.changed(item, 'held', hold.code, hold.reason)
    }
    this.#check()
  }

  #fail(item: OutItem, code: ErrorCode, reason: string): void {
    this.#conclude({ ...item, state: 'failed', code }, 'failed', code, reason)
  }

  #conclude(item: OutItem, state: MessageState, code?: ErrorCode, reason?: string): void {
    this.#held.delete(item.mid)
    this.#save(item).then(
      () => {
        this.#deps.changed(item, state, code, reason)
        this.#check()
      },
      (error: unknown) => {
        if (!this.#stopped) this.#deps.broken(error)
      },
    )
  }

  async #save(item: OutItem): Promise<void> {
    this.#saving += 1
    try {
      await this.#store.save(item, this.#deps.clock.now())
    } finally {
      this.#saving -= 1
    }
  }

  #moves(): boolean {
    return this.#saving + this.#adding > 0 || [...this.#lanes.values()].some((lane) => lane.busy)
  }

  #check(): void {
    if (this.#settled.length > 0 && !this.#moves()) {
      for (const resolve of this.#settled.splice(0)) resolve()
    }
  }
}

const EXPIRED = 'It was not accepted for 31 days.'

/** What an item says when its message is gone; an answer stays one, so that it fills what it would have filled. */
function withdrawn(
  { kind, payload }: OutItem,
  instead: Payload,
): Pick<OutItem, 'kind' | 'payload'> {
  const told = (bytes: Bytes): Buffer => {
    const said = decodePayload(bytes)
    return encodePayload(said.k === 'again' ? { ...said, p: told(said.p) } : instead)
  }
  return { kind: kind === 'again' ? kind : instead.k, payload: told(payload) }
}
