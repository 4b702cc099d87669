// What the user decides about people: block, compare, trust, accept (PROTOCOL 5.4, 5.6, 7.3, 11).
import { randomBytes } from '../../crypto/random.ts'
import { safetyNumber } from '../../identity/safety-number.ts'
import { confirmSuccession, setVerified } from '../../identity/pin.ts'
import { parseUsername } from '../../protocol/names.ts'
import type { Bytes } from '../../util/bytes.ts'
import { codeOf, fail, SecureChatError } from '../../util/errors.ts'
import type { ChatRequest, SafetyNumber } from '../api.ts'
import type { ContactInfo } from '../events.ts'
import { contactOf, type Peer, trustOf } from '../people/peer.ts'
import type { Group } from '../groups/group.ts'
import { without } from '../without.ts'
import type { Core } from './core.ts'
import type { GroupActions } from './group-actions.ts'

export class PeopleActions {
  readonly #core: Core
  readonly #groups: GroupActions

  constructor(core: Core, groups: GroupActions) {
    this.#core = core
    this.#groups = groups
  }

  async block(user: string, blocked: boolean): Promise<ContactInfo> {
    const peer = await this.#meet(user)
    if (this.#core.isMe(peer.acct)) fail('E_USAGE', 'You cannot block yourself.')
    await this.#core.blocks.set(peer.acct, blocked, this.#core.clock.now())
    if (!blocked) this.#core.outbox.release(peer.conv)
    return this.#contact(peer)
  }

  blocked(): ContactInfo[] {
    return this.#others()
      .filter((peer) => peer.blocked)
      .map(contactOf)
  }

  contacts(): ContactInfo[] {
    return this.#others()
      .filter((peer) => !this.#isOnlyMember(peer))
      .map(contactOf)
  }

  requests(): ChatRequest[] {
    const ofPeople = this.#others().flatMap(({ request, pin, blocked }) =>
      request === undefined || blocked ? [] : [{ ...request, user: pin.user }],
    )
    const ofGroups = this.#core.groups.all().flatMap((group) => this.#groupRequest(group) ?? [])
    return [...ofPeople, ...ofGroups].sort((a, b) => a.number - b.number)
  }

  /** What the directory says now, checked against the pin. */
  async whois(user: string): Promise<ContactInfo> {
    const peer = await this.#meet(user)
    if (this.#core.link.online) {
      await this.#core.directory.refresh(peer.acct).catch((error: unknown) => {
        // an alarm is shown by the contact itself
        if (this.#now(peer).alarm === undefined) throw error
      })
    }
    return this.#contact(peer)
  }

  async safetyNumber(user: string): Promise<SafetyNumber> {
    const peer = await this.#meet(user)
    const groups = safetyNumber(this.#party(this.#core.me), this.#party(peer))
    return { user: peer.pin.user, groups, verified: peer.pin.verified }
  }

  async setVerified(user: string, verified: boolean): Promise<ContactInfo> {
    const peer = await this.#meet(user)
    if (trustOf(peer) === 'blocked') this.#refuseAlarm(peer)
    const now = await this.#core.peers.change(peer.id, (p) => ({
      ...p,
      pin: setVerified(p.pin, verified),
    }))
    this.#core.emitter.emit({ type: 'contact', change: 'verified', contact: contactOf(now) })
    this.#core.book.changed()
    if (verified) this.#core.outbox.release(now.conv)
    return contactOf(now)
  }

  async trust(user: string): Promise<ContactInfo> {
    let peer = await this.#meet(user)
    if (peer.alarm !== undefined) {
      try {
        peer = await this.#core.directory.recheck(peer)
      } catch (error) {
        if (codeOf(error) === 'E_CLOSED') throw error
        this.#refuseAlarm(peer, error)
      }
    }
    const now = await this.#core.peers.change(peer.id, (p) => ({
      ...without(p, 'alarm'),
      pin: confirmSuccession(p.pin),
    }))
    this.#core.emitter.emit({ type: 'contact', change: 'trusted', contact: contactOf(now) })
    this.#core.book.changed()
    this.#core.outbox.release(now.conv)
    return contactOf(now)
  }

  /** Accepts a stranger, or the request with this number. */
  async accept(peer: Peer): Promise<void> {
    const { acceptance, outbox, clock } = this.#core
    if (peer.accepted) return
    await acceptance.accept(peer, true)
    const payload = { k: 'req.ok', id: randomBytes(16), ts: clock.now() } as const
    await outbox.add(payload, { conv: peer.conv })
  }

  async acceptContact(user: string): Promise<ContactInfo> {
    const peer = await this.#meet(user)
    await this.accept(peer)
    return this.#contact(peer)
  }

  /** Null: there is no request with this number. */
  async answerRequest(number: number, accepted: boolean): Promise<ChatRequest | null> {
    const group = this.#core.groups.all().find(({ request }) => request?.number === number)
    if (group !== undefined) return this.#answerGroup(group, accepted)
    const peer = this.#others().find(({ request }) => request?.number === number)
    const request = peer?.request
    if (peer === undefined || request === undefined) return null
    if (accepted) await this.accept(peer)
    else {
      const { acceptance, clock, outbox } = this.#core
      await acceptance.decline(peer)
      const payload = { k: 'req.no', id: randomBytes(16), ts: clock.now() } as const
      await outbox.add(payload, { conv: peer.conv })
    }
    return { ...request, user: peer.pin.user }
  }

  async #answerGroup(group: Group, accepted: boolean): Promise<ChatRequest | null> {
    const request = this.#groupRequest(group)
    const now = await (accepted ? this.#groups.accept(group) : this.#groups.leaveGroup(group))
    return request === null ? null : { ...request, group: this.#core.groupInfo(now) }
  }

  #groupRequest(group: Group): ChatRequest | null {
    const { request } = group
    if (request === undefined) return null
    const { number, acct, at } = request
    const user = this.#core.names.user(acct)
    return { number, user, note: '', at, group: this.#core.groupInfo(group) }
  }

  /** Somebody whom we know from a group, and from nothing else. */
  #isOnlyMember(peer: Peer): boolean {
    const { sent, received, accepted, pin, request, blocked } = peer
    const passed = sent.messages + sent.offers + received.messages + received.offers
    if (passed > 0 || accepted || pin.verified || request !== undefined || blocked) return false
    return this.#core.groups.sharedWith(peer.acct).length > 0
  }

  #others(): Peer[] {
    return this.#core.peers
      .all()
      .filter((peer) => !this.#core.isMe(peer.acct))
      .sort((a, b) => (a.pin.user < b.pin.user ? -1 : 1))
  }

  #meet(user: string): Promise<Peer> {
    return this.#core.meet(parseUsername(user.replace(/^@/, '')))
  }

  #now(peer: Peer): Peer {
    return this.#core.peers.get(peer.id) ?? peer
  }

  #contact(peer: Peer): ContactInfo {
    return contactOf(this.#now(peer))
  }

  /** SPKI of the current account key: the last of the history in the signed list. */
  #party(peer: Peer): { readonly srv: Bytes; readonly acct: Bytes; readonly aik: Bytes } {
    const aik = peer.list.ik.at(-1) ?? fail('E_IDENTITY')
    return { srv: peer.pin.srv, acct: peer.acct, aik }
  }

  #refuseAlarm(peer: Peer, cause?: unknown): never {
    throw new SecureChatError(
      'E_UNTRUSTED',
      `The server still shows another identity for @${peer.pin.user} than the one you know (${peer.alarm ?? ''}). Nothing can be sent before it shows the known one again.`,
      { cause },
    )
  }
}
