// What an opened message means: content becomes a row, service payloads change what they are about (PROTOCOL 7). Everything
// that must survive a crash is durable when the returned promise resolves; the row itself is stored by the inbox.
import { messageId } from '../../identity/conversation.ts'
import {
  decodePayload,
  isContentKind,
  type Payload,
  type PayloadOf,
  type UnsupportedPayload,
} from '../../protocol/payloads.ts'
import { type Bytes, equal, fromHex, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import type { IncomingFiles } from '../files/incoming.ts'
import type { MessageLog } from '../messages/log.ts'
import { advances, type MessageRow } from '../messages/row.ts'
import type { Resends } from '../outbox/resends.ts'
import type { Acceptance } from '../people/acceptance.ts'
import type { Blocks } from '../people/blocks.ts'
import type { ContactBook } from '../people/contact-book.ts'
import { contactOf, type Peer } from '../people/peer.ts'
import type { Peers } from '../people/peers.ts'

export interface Arrival {
  /** The account at the other end of the conversation. */
  readonly peer: Peer
  readonly from: { readonly acct: Bytes; readonly dev: Bytes }
  readonly payload: Payload | UnsupportedPayload
  readonly bytes: Bytes
  readonly mid: Bytes
  readonly resent: boolean
}

/** What is left to do with a row: store it, then show it. */
export interface Content {
  readonly row: Omit<MessageRow, 'number'>
  /** The placeholder it fills. */
  readonly replaces?: string
}

export interface DispatchDeps {
  readonly acct: Bytes
  readonly peers: Peers
  readonly messages: MessageLog
  readonly acceptance: Acceptance
  readonly files: IncomingFiles
  readonly resends: Resends
  readonly blocks: () => Blocks
  readonly book: ContactBook
  readonly clock: Clock
  readonly log: Log
  readonly emit: Emit
  readonly nextNumber: () => number
  /** What this placeholder stands for is nothing to show. */
  readonly needless: (key: string) => Promise<void>
}

const DAY_MS = 24 * 3_600_000
/** One request per pair (PROTOCOL 7.3). */
const REQUEST_EVERY_MS = 30 * DAY_MS

export class Dispatch {
  readonly #deps: DispatchDeps

  constructor(deps: DispatchDeps) {
    this.#deps = deps
  }

  /** The content to store, null when there is none. */
  async take(arrival: Arrival): Promise<Content | null> {
    if (equal(arrival.from.acct, this.#deps.acct)) return this.#fromMyself(arrival)
    const { payload } = arrival
    if (payload.k === 'again') return this.#again(arrival, payload)
    if (payload.k === 'file') return this.#file(arrival, payload)
    if (payload.k === 'req') return this.#request(arrival, payload)
    if (payload.k === 'profile') return this.#profile(arrival, payload)
    if (payload.k === 'group' || payload.k === 'group.get') return null // a later version's
    if (payload.k === 'unsupported' || isContentKind(payload.k)) {
      const kept = await this.#deps.acceptance.receiving(arrival.peer, payload.k)
      if (payload.k === 'del' && kept && (await this.#withdraw(arrival, payload))) return null
      return kept ? { row: this.#row(arrival) } : null
    }
    await this.#service(arrival, payload)
    return null
  }

  #row({ peer, from, payload, bytes, mid, resent }: Arrival): Omit<MessageRow, 'number'> {
    return {
      key: hex(mid),
      conv: peer.conv,
      acct: from.acct,
      dev: from.dev,
      ts: payload.ts,
      at: this.#deps.clock.now(),
      payload: bytes,
      own: equal(from.acct, this.#deps.acct),
      resent,
    }
  }

  /** Another device of ours wrote to somebody: it belongs into the conversation here as well. */
  async #fromMyself(arrival: Arrival): Promise<Content | null> {
    const { payload, peer } = arrival
    if (payload.k === 'again') return this.#again(arrival, payload)
    if (payload.k === 'sync') {
      const ver = payload.bl?.find(([name]) => name === 'blocks')?.[1] ?? 0
      if (ver > this.#deps.blocks().version) void this.#deps.blocks().sync()
      return null
    }
    if (payload.k === 'resend') {
      await this.#deps.resends.asked(payload, peer, arrival.from)
      return null
    }
    if (payload.k === 'req.ok') await this.#deps.acceptance.accept(peer)
    if (payload.k === 'req') {
      await this.#deps.peers.change(peer.id, (p) => ({ ...p, requestedAt: payload.ts }))
    }
    if (payload.k === 'profile' || payload.k === 'group') return null
    if (payload.k !== 'unsupported' && payload.k !== 'req' && !isContentKind(payload.k)) return null
    if (payload.k !== 'unsupported') await this.#deps.acceptance.sending(peer, payload.k)
    return { row: { ...this.#row(arrival), state: 'accepted' } }
  }

  /** The payload inside counts as the one that could not be read (PROTOCOL 9.4). */
  async #again(arrival: Arrival, outer: PayloadOf<'again'>): Promise<Content | null> {
    const inner = decodePayload(outer.p)
    if (inner.k === 'again' || inner.k === 'resend') return null
    const { from, peer } = arrival
    const mid = messageId(fromHex(peer.conv), from.acct, inner.id)
    const again = { ...arrival, payload: inner, bytes: outer.p, mid, resent: true }
    const known = await this.#deps.messages.byKey(hex(mid))
    const content = known === null ? await this.take(again) : { row: this.#row(again) }
    const gap = `gap-${hex(outer.id)}`
    if (content !== null) return { ...content, replaces: gap }
    await this.#deps.needless(gap)
    return null
  }

  async #file(arrival: Arrival, payload: PayloadOf<'file'>): Promise<Content | null> {
    const row = this.#row(arrival)
    const known = this.#deps.files.known(row.key)
    // an offer stored before a crash has passed the quota already
    if (known === null && !(await this.#deps.acceptance.receiving(arrival.peer, 'file')))
      return null
    const offer = known ?? (await this.#deps.files.offered(payload, arrival.peer, row.key))
    return { row: { ...row, offer } }
  }

  async #request(arrival: Arrival, payload: PayloadOf<'req'>): Promise<Content | null> {
    const { peers, nextNumber, emit, clock } = this.#deps
    const { peer } = arrival
    if (peer.accepted) return null
    const now = clock.now()
    const row = this.#row(arrival)
    if (peer.request !== undefined) {
      // the same one again after a crash, or one too many
      const isSame = (await this.#deps.messages.byKey(row.key)) === null
      const isRecent = now - peer.request.at < REQUEST_EVERY_MS && peer.request.note !== payload.b
      return isSame && !isRecent ? { row: { ...row, offer: peer.request.number } } : null
    }
    const request = { number: nextNumber(), note: payload.b, at: now }
    const changed = await peers.change(peer.id, (p) => ({ ...p, request }))
    emit({ type: 'contact', change: 'new', contact: contactOf(changed) })
    return { row: { ...row, offer: request.number } }
  }

  async #profile({ peer }: Arrival, { name }: PayloadOf<'profile'>): Promise<null> {
    if (!peer.accepted || peer.displayName === name) return null
    const { peers, emit, book } = this.#deps
    const changed = await peers.change(peer.id, (p) => ({ ...p, displayName: name }))
    emit({ type: 'contact', change: 'profile', contact: contactOf(changed) })
    book.changed()
    return null
  }

  /** The author takes back an offer: an unfinished download goes with it (PROTOCOL 7.2). */
  async #withdraw(arrival: Arrival, payload: PayloadOf<'del'>): Promise<boolean> {
    const withdrawn: boolean[] = []
    for (const mid of payload.m) {
      withdrawn.push(await this.#deps.files.withdrawn(hex(mid), arrival.peer))
    }
    return withdrawn.every((each) => each)
  }

  async #service(arrival: Arrival, payload: Payload): Promise<void> {
    const { acceptance, resends, files, log } = this.#deps
    const { peer, from } = arrival
    if (payload.k === 'req.ok') {
      if (peer.requestedAt !== undefined || peer.sent.messages + peer.sent.offers > 0) {
        await acceptance.accept(peer)
      }
      return
    }
    // a stranger is told nothing and changes nothing
    if (!peer.accepted) return
    if (payload.k === 'rcpt') await this.#receipt(peer, payload)
    else if (payload.k === 'file.ack') await files.acknowledged(payload, peer)
    else if (payload.k === 'resend') await resends.asked(payload, peer, from)
    else log.debug('client.payload.ignored', { kind: payload.k })
  }

  /** `delivered` with the first receipt of the account, `read` when it says so (PROTOCOL 9.1). */
  async #receipt(peer: Peer, { y, m }: PayloadOf<'rcpt'>): Promise<void> {
    if (y !== 'dlv' && y !== 'read') return
    const state = y === 'dlv' ? 'delivered' : 'read'
    const { messages, emit } = this.#deps
    const changed = await Promise.all(
      m.map((mid) =>
        messages.update(hex(mid), (row) =>
          row.own && row.conv === peer.conv && advances(row.state, state)
            ? { ...row, state }
            : null,
        ),
      ),
    )
    for (const row of changed) {
      if (row === null) continue
      const { number, key } = row
      emit({ type: 'message-state', number, mid: key, chat: peer.pin.user, state })
    }
  }
}
