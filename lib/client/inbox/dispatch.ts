// What an opened message means: content becomes a row, service payloads change what they are about (PROTOCOL 7). Everything
// that must survive a crash is durable when the returned promise resolves; the row itself is stored by the inbox.
import { messageId } from '../../identity/conversation.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { isContentKind, type Payload, type PayloadOf } from '../../protocol/payloads.ts'
import { type Bytes, equal, fromHex, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import type { IncomingFiles } from '../files/incoming.ts'
import type { MessageLog } from '../messages/message-log.ts'
import { advances } from '../messages/row.ts'
import { counts, started } from '../messages/timing.ts'
import type { Resends } from '../outbox/resends.ts'
import type { Acceptance } from '../people/acceptance.ts'
import type { ContactBook } from '../people/contact-book.ts'
import type { Chats } from '../people/chats.ts'
import type { OwnSync } from '../people/own-sync.ts'
import { contactOf, type Peer } from '../people/peer.ts'
import type { Peers } from '../people/peers.ts'
import { type Arrival, type Content, readable, rowOf, type Unnumbered } from './arrival.ts'
import { without } from '../without.ts'
import { type DirectPayload, isDirect } from '../direct/payloads.ts'
import { gapKey } from './gap-key.ts'

export interface DispatchDeps {
  readonly acct: Bytes
  readonly peers: Peers
  readonly messages: MessageLog
  readonly acceptance: Acceptance
  readonly files: IncomingFiles
  readonly resends: Resends
  readonly sync: OwnSync
  readonly book: ContactBook
  readonly chats: Chats
  readonly clock: Clock
  readonly log: Log
  readonly emit: Emit
  /** An introduction, or what belongs to one (PROTOCOL 12). */
  readonly introduced: (payload: DirectPayload, arrival: Arrival) => void
  /** Strangers must ask first (PROTOCOL 7.3). */
  readonly isStrict: () => boolean
  /** Others are told what was read here; only then it counts what they tell (PROTOCOL 9.1). */
  readonly tellsReads: () => boolean
  readonly nextNumber: () => number
  /** What this placeholder stands for is nothing to show. */
  readonly needless: (key: string) => Promise<void>
}

export class Dispatch {
  readonly #deps: DispatchDeps

  constructor(deps: DispatchDeps) {
    this.#deps = deps
  }

  /** The content to store. */
  async take(arrival: Arrival): Promise<readonly Content[]> {
    const content = await this.#take(arrival)
    return content === null ? [] : [content]
  }

  async #take(arrival: Arrival): Promise<Content | null> {
    if (equal(arrival.from.acct, this.#deps.acct)) return this.#fromMyself(arrival)
    const { payload } = arrival
    if (payload.k === 'again') return this.#again(arrival, payload)
    if (payload.k === 'file') return this.#file(arrival, payload)
    if (payload.k === 'req') return this.#request(arrival, payload)
    if (payload.k === 'profile') return this.#profile(arrival, payload)
    if (payload.k === 'group' || payload.k === 'group.get') return null // not between two
    if (payload.k === 'unsupported' || isContentKind(payload.k)) {
      const kept = await this.#deps.acceptance.receiving(arrival.peer, payload.k)
      if (!kept) return null
      if (payload.k === 'del') await this.#withdraw(arrival, payload)
      if (payload.k === 'timer' && !(await this.#timer(arrival, payload))) return null
      return { row: this.#withheld(this.#row(arrival), arrival) }
    }
    await this.#service(arrival, payload)
    return null
  }

  #row(arrival: Arrival): Unnumbered {
    return rowOf(arrival, this.#deps.acct, this.#deps.clock.now())
  }

  /** Another device of ours wrote to somebody: it belongs into the conversation here as well. */
  async #fromMyself(arrival: Arrival): Promise<Content | null> {
    const { payload, peer } = arrival
    if (payload.k === 'again') return this.#again(arrival, payload)
    if (payload.k === 'sync') {
      await this.#deps.sync.take(payload, arrival.from.dev)
      return null
    }
    if (payload.k === 'resend') {
      await this.#deps.resends.asked(payload, arrival)
      return null
    }
    if (payload.k === 'req.ok') await this.#deps.acceptance.accept(peer, true)
    if (payload.k === 'req.no' && peer.request !== undefined) {
      await this.#deps.acceptance.decline(peer)
    }
    if (payload.k === 'req') {
      // its time may be ahead of all clocks (PROTOCOL 9.2)
      const requestedAt = Math.min(payload.ts, this.#deps.clock.now())
      await this.#deps.peers.change(peer.id, (p) => ({ ...without(p, 'refused'), requestedAt }))
    }
    if (payload.k === 'profile' || payload.k === 'group') return null
    if (payload.k !== 'unsupported' && payload.k !== 'req' && !isContentKind(payload.k)) return null
    if (payload.k !== 'unsupported') await this.#deps.acceptance.sending(peer, payload.k)
    if (payload.k === 'timer' && !(await this.#timer(arrival, payload))) return null
    const row: Unnumbered = { ...this.#row(arrival), state: 'accepted' }
    return { row: started(row, row.at) ?? row }
  }

  /** The payload inside counts as the one that could not be read (PROTOCOL 9.4). `isInner`: an answer that was lost itself. */
  async #again(
    arrival: Arrival,
    outer: PayloadOf<'again'>,
    isInner = false,
  ): Promise<Content | null> {
    const inner = readable(outer.p)
    if (inner === null) return null
    const { from, peer } = arrival
    const gap = gapKey(from, outer.id)
    if (inner.k === 'again') {
      await this.#deps.needless(gap)
      return isInner ? null : this.#again(arrival, inner, true)
    }
    const mid = messageId(fromHex(peer.conv), from.acct, inner.id)
    const again = { ...arrival, payload: inner, bytes: outer.p, mid, resent: true }
    const known = await this.#deps.messages.byKey(hex(mid))
    const content = known === null ? await this.#take(again) : null
    if (content !== null) return { ...content, replaces: gap }
    // also what came in another stream: nothing is missing
    await this.#deps.needless(gap)
    return known === null ? null : { row: this.#row(again) }
  }

  async #file(arrival: Arrival, payload: PayloadOf<'file'>): Promise<Content | null> {
    const row = this.#row(arrival)
    const known = this.#deps.files.known(row.key)
    // an offer stored before a crash has passed the quota already
    if (known === null && !(await this.#deps.acceptance.receiving(arrival.peer, 'file')))
      return null
    const offer = known ?? (await this.#deps.files.offered(payload, arrival, row.key))
    return { row: this.#withheld({ ...row, offer }, arrival) }
  }

  /** Out of sight until its author is accepted, if strangers must ask first. */
  #withheld(row: Unnumbered, { peer }: Arrival): Unnumbered {
    const isStranger = this.#deps.peers.get(peer.id)?.accepted !== true
    return isStranger && this.#deps.isStrict() ? { ...row, withheld: true } : row
  }

  async #request(arrival: Arrival, payload: PayloadOf<'req'>): Promise<Content | null> {
    const { peers, nextNumber, emit, clock } = this.#deps
    const { peer } = arrival
    if (peer.accepted) return null
    const now = clock.now()
    if (now - (peer.declinedAt ?? -Infinity) < LIMITS.requestEveryMs) return null
    const row = this.#row(arrival)
    // the same one again after a crash
    if (peer.request?.mid === row.key) return { row: { ...row, offer: peer.request.number } }
    if (now - (peer.request?.at ?? -Infinity) < LIMITS.requestEveryMs) return null
    const request = { mid: row.key, number: nextNumber(), note: payload.b, at: now }
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
  async #withdraw(arrival: Arrival, payload: PayloadOf<'del'>): Promise<void> {
    for (const mid of payload.m) await this.#deps.files.withdrawn(hex(mid), arrival.peer)
  }

  /** Either side sets it, and both follow the one that was set last. False: it does not count. */
  async #timer({ peer, mid }: Arrival, payload: PayloadOf<'timer'>): Promise<boolean> {
    if (!counts(payload, this.#deps.clock.now())) return false
    const timer = { seconds: payload.sec, ts: payload.ts, id: hex(mid) }
    await this.#deps.chats.setTimer(peer.conv, timer)
    return true
  }

  async #service(arrival: Arrival, payload: Payload): Promise<void> {
    const { acceptance, resends, files, log } = this.#deps
    const { peer } = arrival
    if (payload.k === 'req.ok') {
      if (peer.requestedAt !== undefined || peer.sent.messages + peer.sent.offers > 0) {
        await acceptance.accept(peer, false)
      }
      return
    }
    if (payload.k === 'req.no') {
      await acceptance.refused(peer)
      return
    }
    // a stranger is told nothing and changes nothing
    if (!peer.accepted) return
    if (payload.k === 'rcpt') await this.#receipt(peer, payload)
    else if (payload.k === 'file.ack') await files.acknowledged(payload, arrival)
    else if (payload.k === 'resend') await resends.asked(payload, arrival)
    else if (isDirect(payload)) this.#deps.introduced(payload, arrival)
    else log.debug('client.payload.ignored', { kind: payload.k })
  }

  /** `delivered` with the first receipt of the account, `read` when it says so and so do we (PROTOCOL 9.1). */
  async #receipt(peer: Peer, { y, m }: PayloadOf<'rcpt'>): Promise<void> {
    if (y !== 'dlv' && y !== 'read') return
    const { messages, emit, tellsReads } = this.#deps
    const state = y === 'read' && tellsReads() ? 'read' : 'delivered'
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
