// First contact (PROTOCOL 7.3): what strangers may send us and we them, and when a conversation is accepted by both.
import { randomBytes } from '../../crypto/random.ts'
import { LIMITS } from '../../protocol/limits.ts'
import type { PayloadKind } from '../../protocol/payloads.ts'
import type { Clock } from '../../util/clock.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import type { OutItem } from '../outbox/item.ts'
import type { Hold } from '../outbox/lane.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { without } from '../without.ts'
import type { ContactBook } from './contact-book.ts'
import { contactOf, type Peer } from './peer.ts'
import type { Peers } from './peers.ts'

export interface AcceptanceDeps {
  /** hex of the own account */
  readonly me: string
  readonly peers: Peers
  readonly book: ContactBook
  readonly outbox: () => Outbox
  readonly clock: Clock
  readonly log: Log
  readonly emit: Emit
  readonly displayName: () => string
  /** Strangers must ask first: nothing else of theirs is announced. */
  readonly isStrict: () => boolean
  /** Receipts may go out from now on. */
  readonly onAccepted: (peer: Peer) => Promise<void>
}

const NOT_ANSWERED: Hold = {
  code: 'E_STATE',
  reason: 'Waiting for an answer: until then only the first few messages are sent.',
}

const REFUSED: Hold = {
  code: 'E_STATE',
  reason: 'They declined your request: it goes out if they write to you after all.',
}

export class Acceptance {
  readonly #deps: AcceptanceDeps

  constructor(deps: AcceptanceDeps) {
    this.#deps = deps
  }

  /** Before a content message to this contact is queued: its place in the quota, 0 when there is none. */
  async sending(peer: Peer, kind: PayloadKind): Promise<number> {
    if (peer.id === this.#deps.me || peer.accepted) return 0
    if (peer.received.messages + peer.received.offers > 0 || peer.request !== undefined) {
      await this.accept(peer, true) // writing back is accepting
      return 0
    }
    const now = await this.#deps.peers.change(peer.id, (p) => ({
      ...p,
      sent: counted(p.sent, kind),
    }))
    return kind === 'file' ? now.sent.offers : now.sent.messages
  }

  /** Whether a content message of this contact is kept; durable when it resolves. */
  async receiving(peer: Peer, kind: PayloadKind | 'unsupported'): Promise<boolean> {
    if (peer.accepted) return true
    if (wroteFirst(peer)) {
      await this.accept(peer, false)
      return true
    }
    const received = counted(peer.received, kind)
    const isOver =
      received.messages > LIMITS.strangerMessages || received.offers > LIMITS.strangerFileOffers
    if (isOver) return false
    const isFirst = peer.received.messages + peer.received.offers === 0
    const now = await this.#deps.peers.change(peer.id, (p) => ({ ...p, received }))
    if (isFirst && !this.#deps.isStrict()) {
      this.#deps.emit({ type: 'contact', change: 'new', contact: contactOf(now) })
    }
    return true
  }

  /** A content message to this contact must wait: nobody has answered yet. */
  gate(item: OutItem, peer: Peer): Hold | null {
    if (peer.accepted || item.nth === 0) return null
    if (peer.requestedAt !== undefined && item.kind !== 'req') {
      return peer.refused === true ? REFUSED : NOT_ANSWERED
    }
    const max = item.kind === 'file' ? LIMITS.strangerFileOffers : LIMITS.strangerMessages
    return item.nth > max ? NOT_ANSWERED : null
  }

  /** Both may write freely from now on: we said so (`own`), or they did. */
  async accept(peer: Peer, own: boolean): Promise<Peer> {
    const { peers, emit, book, outbox, onAccepted } = this.#deps
    if (peer.accepted) return peer
    const now = await peers.change(peer.id, (p) => ({ ...without(p, 'request'), accepted: true }))
    emit({ type: 'contact', change: 'accepted', contact: contactOf(now), own })
    book.changed()
    outbox().release(now.conv)
    await onAccepted(now)
    await this.introduce(now)
    return now
  }

  /** No to their request, said here or on another device of ours: the next one is heard 30 days after. */
  async decline(peer: Peer): Promise<void> {
    const { peers, emit, clock } = this.#deps
    const now = await peers.change(peer.id, (p) => ({
      ...without(p, 'request'),
      declinedAt: clock.now(),
      // they have written: writing to them is accepting, after all
      received: { ...p.received, messages: Math.max(1, p.received.messages) },
    }))
    emit({ type: 'contact', change: 'declined', contact: contactOf(now), own: true })
  }

  /** They said no to ours. */
  async refused(peer: Peer): Promise<void> {
    const { peers, emit, outbox } = this.#deps
    if (peer.accepted || peer.requestedAt === undefined || peer.refused === true) return
    const now = await peers.change(peer.id, (p) => ({ ...p, refused: true as const }))
    emit({ type: 'contact', change: 'declined', contact: contactOf(now), own: false })
    outbox().release(now.conv) // what waits has another reason now
  }

  /** Another device of ours accepted this contact, or was accepted by it: the same holds here, and is said only once. */
  async adopted(peer: Peer): Promise<void> {
    if (peer.accepted) return
    const { peers, emit, outbox, onAccepted } = this.#deps
    const now = await peers.change(peer.id, (p) => ({ ...without(p, 'request'), accepted: true }))
    emit({ type: 'contact', change: 'accepted', contact: contactOf(now) })
    outbox().release(now.conv)
    await onAccepted(now)
  }

  /** Our display name, once per accepted contact and change. */
  async introduce(peer: Peer): Promise<void> {
    const { outbox, clock, peers, log, displayName, me } = this.#deps
    const name = displayName()
    if (!peer.accepted || peer.id === me || peer.profileSent === name) return
    try {
      const payload = { k: 'profile', id: randomBytes(16), ts: clock.now(), name } as const
      await outbox().add(payload, { conv: peer.conv })
      await peers.change(peer.id, (p) => ({ ...p, profileSent: name }))
    } catch (error) {
      log.warn('client.introduce', { code: codeOf(error) })
    }
  }
}

function wroteFirst(peer: Peer): boolean {
  return peer.sent.messages + peer.sent.offers > 0 || peer.requestedAt !== undefined
}

function counted(
  quota: Peer['received'],
  kind: PayloadKind | 'unsupported',
): { messages: number; offers: number } {
  return kind === 'file'
    ? { messages: quota.messages, offers: quota.offers + 1 }
    : { messages: quota.messages + 1, offers: quota.offers }
}
