// What an opened message of a group means (PROTOCOL 7, 8). Everything that must survive a crash is durable when the returned
// promise resolves; rows are stored by the inbox.
import { memberOf, parseGroupState } from '../../envelope/group-state.ts'
import { messageId } from '../../identity/conversation.ts'
import { isContentKind, type Payload, type PayloadOf } from '../../protocol/payloads.ts'
import { type Bytes, equal, fromHex, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { codeOf, type ErrorCode, fail } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { IncomingFiles } from '../files/incoming.ts'
import {
  type Content,
  type GroupArrival,
  readable,
  rowOf,
  type Unnumbered,
} from '../inbox/arrival.ts'
import { gapKey } from '../inbox/gap-key.ts'
import type { MessageLog } from '../messages/message-log.ts'
import { counts, started } from '../messages/timing.ts'
import type { Resends } from '../outbox/resends.ts'
import type { Chats } from '../people/chats.ts'
import { absentIn, nobodyYet } from './audience.ts'
import { type Group, PENDING_ITEMS } from './group.ts'
import type { GroupBook } from './group-book.ts'
import type { GroupReceipts } from './group-receipts.ts'
import type { GroupTable } from './group-table.ts'

export interface GroupDispatchDeps {
  readonly me: Bytes
  readonly groups: GroupTable
  readonly book: GroupBook
  readonly receipts: GroupReceipts
  readonly messages: MessageLog
  readonly files: IncomingFiles
  readonly resends: Resends
  readonly chats: Chats
  readonly clock: Clock
  readonly log: Log
  /** Accepted, by a person here or on another device of ours. */
  readonly accepted: (conv: string) => Promise<void>
  /** Somebody did what nobody may. */
  readonly warn: (code: ErrorCode, conv: string, acct: Bytes) => void
  /** What this placeholder stands for is nothing to show. */
  readonly needless: (key: string) => Promise<void>
}

export class GroupDispatch {
  readonly #deps: GroupDispatchDeps

  constructor(deps: GroupDispatchDeps) {
    this.#deps = deps
  }

  /** @throws E_GROUP: it cannot be judged, and its sender is to send it again */
  async take(arrival: GroupArrival): Promise<readonly Content[]> {
    const { payload } = arrival
    if (payload.k === 'group') return this.#state(arrival, payload)
    if (payload.k === 'again') return this.#again(arrival, payload)
    const group = this.#heard(arrival)
    if (group === null) return []
    if (payload.k === 'group.get') {
      await this.#deps.book.answer(arrival.conv, payload.n, arrival.from)
      return []
    }
    if (!this.#isProper(arrival, group)) return []
    if (payload.k === 'unsupported' || isContentKind(payload.k)) {
      return this.#content(arrival, group)
    }
    await this.#service(arrival, payload, group)
    return []
  }

  async #state(arrival: GroupArrival, payload: PayloadOf<'group'>): Promise<readonly Content[]> {
    const { book, log, groups } = this.#deps
    const { conv, from, peer } = arrival
    let seen
    try {
      seen = parseGroupState({ by: payload.by, b: payload.b, s: payload.s })
    } catch (error) {
      log.info('client.group.state', { code: codeOf(error) })
      return []
    }
    if (hex(seen.state.conv) !== conv) return []
    const learnt = await book.learn(seen, from)
    if (learnt === 'unlinked') log.info('client.group.unlinked', { n: seen.state.n })
    // vouched for by somebody we know, or by another device of ours
    const isKnown = peer.accepted || equal(from.acct, this.#deps.me)
    const isPending = groups.get(conv)?.standing === 'pending'
    if (isPending && learnt === 'known' && isKnown) await this.#deps.accepted(conv)
    // one of our own came from another device of ours: it has left
    return book
      .untold(conv)
      .map((row) => ({ row: row.own ? { ...row, state: 'accepted' as const } : row }))
  }

  /** Null: from somebody who is not in it any more, or about a group that is not here. */
  #heard({ conv, from }: GroupArrival): Group | null {
    const group = this.#deps.groups.get(conv)
    if (group === undefined || memberOf(group.state, from.acct) === undefined) return null
    return group.standing === 'left' || group.standing === 'removed' ? null : group
  }

  /** Rule 3 of PROTOCOL 6.5: a live state, and nobody in the stream who is not in that state. */
  #isProper({ conv, from, stream }: GroupArrival, group: Group): boolean {
    const { groups, clock, warn } = this.#deps
    const chain = groups.chain(conv)
    const basis = chain.isLive(stream.gs, clock.now()) ? chain.find(stream.gs) : undefined
    if (basis === undefined) fail('E_GROUP', `A message in #${group.name} rests on another state.`)
    const isStrange = [from.acct, ...stream.to].some(
      (acct) => memberOf(basis.state, acct) === undefined,
    )
    if (isStrange) warn('E_GHOST_USER', conv, from.acct)
    return !isStrange
  }

  /** As in dispatch.ts. */
  async #again(
    arrival: GroupArrival,
    outer: PayloadOf<'again'>,
    isInner = false,
  ): Promise<readonly Content[]> {
    const { messages, needless } = this.#deps
    const inner = readable(outer.p)
    if (inner === null) return []
    const { from, conv } = arrival
    const gap = gapKey(from, outer.id)
    const isAnswer = arrival.isAnswer === true || (await messages.byKey(gap)) !== null
    if (inner.k === 'again') {
      await needless(gap)
      return isInner ? [] : this.#again({ ...arrival, isAnswer }, inner, true)
    }
    if (this.#deps.groups.get(conv) === undefined && inner.k !== 'group') return []
    const mid = messageId(fromHex(conv), from.acct, inner.id)
    const again = { ...arrival, payload: inner, bytes: outer.p, mid, resent: true, isAnswer }
    const known = inner.k === 'group' ? null : await messages.byKey(hex(mid))
    const [first, ...others] = known === null ? await this.take(again) : []
    if (first !== undefined) return [{ ...first, replaces: gap }, ...others]
    // also what came in another stream: nothing is missing
    await needless(gap)
    return known === null ? [] : [{ row: this.#row(again) }]
  }

  async #content(arrival: GroupArrival, group: Group): Promise<readonly Content[]> {
    const { payload, from, conv } = arrival
    const { groups, accepted, me } = this.#deps
    if (payload.k === 'profile') return []
    const own = equal(from.acct, me)
    if (own && group.standing === 'pending') await accepted(conv)
    const isPending = groups.get(conv)?.standing === 'pending'
    if (isPending && group.held >= PENDING_ITEMS) return []
    const row = await this.#rowFor(arrival, group)
    if (row === null) return []
    if (!isPending) return [{ row }]
    await groups.change(conv, (g) => ({ ...g, held: g.held + 1 }))
    return [{ row: { ...row, withheld: true } }]
  }

  async #rowFor(arrival: GroupArrival, group: Group): Promise<Unnumbered | null> {
    const { payload, from } = arrival
    const isByAdmin = memberOf(group.state, from.acct)?.admin === true
    if (payload.k === 'timer' && !(isByAdmin && (await this.#timer(arrival, payload)))) return null
    const row = this.#row(arrival)
    if (payload.k === 'del') {
      const adminOf = isByAdmin ? arrival.conv : undefined
      for (const mid of payload.m) {
        await this.#deps.files.withdrawn(hex(mid), arrival.peer, adminOf)
      }
      return isByAdmin ? { ...row, admin: true } : row
    }
    if (payload.k === 'file' && !row.own) {
      const { files } = this.#deps
      const offer = files.known(row.key) ?? (await files.offered(payload, arrival, row.key))
      return { ...row, offer }
    }
    return row.own ? (started(row, row.at) ?? row) : row
  }

  /** With the members it was not sent to, and, of our own, those who are to get it. */
  #row(arrival: GroupArrival): Unnumbered {
    const { me, clock, groups } = this.#deps
    const { stream, from, conv } = arrival
    const row = rowOf(arrival, me, clock.now())
    const state = groups.chain(conv).find(stream.gs)?.state
    if (state === undefined) return row.own ? { ...row, state: 'accepted' } : row
    // what this device has asked for came to it alone
    const absent = arrival.isAnswer === true ? undefined : absentIn(state, from.acct, stream.to)
    const reached = row.own ? nobodyYet(state, me) : undefined
    return {
      ...row,
      ...(row.own ? { state: 'accepted' } : {}),
      ...(absent === undefined ? {} : { absent }),
      ...(reached === undefined ? {} : { reached }),
    }
  }

  async #timer({ conv, mid }: GroupArrival, payload: PayloadOf<'timer'>): Promise<boolean> {
    if (!counts(payload, this.#deps.clock.now())) return false
    const timer = { seconds: payload.sec, ts: payload.ts, id: hex(mid) }
    await this.#deps.chats.setTimer(conv, timer)
    return true
  }

  async #service(arrival: GroupArrival, payload: Payload, group: Group): Promise<void> {
    const { resends, receipts, files, log, accepted, me } = this.#deps
    const { conv, from } = arrival
    if (payload.k === 'req.ok' && equal(from.acct, me)) {
      if (group.standing === 'pending') await accepted(conv)
      return
    }
    // before it is accepted nothing is answered
    if (group.standing !== 'member') return
    if (payload.k === 'rcpt') await receipts.heard(conv, from.acct, payload)
    else if (payload.k === 'file.ack') await files.acknowledged(payload, arrival)
    else if (payload.k === 'resend') await resends.asked(payload, arrival)
    else log.debug('client.payload.ignored', { kind: payload.k })
  }
}
