// From one mail to an opened message, or to the reason why there is none: rules 1 to 5 of PROTOCOL 6.5. Changes stream states
// in memory only; storing them is for the caller.
import {
  acceptHead,
  type AcceptedHead,
  ghostsIn,
  type HeadView,
} from '../../envelope/head-check.ts'
import { headHash } from '../../envelope/chain.ts'
import { decodeHead, type Head } from '../../envelope/head.ts'
import { type OpenedMessage, ReceiverStream } from '../../envelope/receiver-stream.ts'
import { type ResendReason, resendReason } from '../../envelope/refusal.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import type { FrameOf } from '../../protocol/frames.ts'
import { memberOf } from '../../envelope/group-state.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { codeOf, type ErrorCode, fail } from '../../util/errors.ts'
import { BoundedMap } from '../../util/rate.ts'
import type { KeyRing } from '../account/key-ring.ts'
import type { GroupTable } from '../groups/group-table.ts'
import type { Directory } from '../people/directory.ts'
import type { Peer } from '../people/peer.ts'
import type { Peers } from '../people/peers.ts'
import { isOfDisk, mustWait } from './later.ts'
import type { Receiver, Receivers } from './receivers.ts'

export type Mail = FrameOf<'mail'>

/** The keys of skipped messages are small, but not for nothing. */
const KEPT_MAX = 2000

/** Streams of groups whose beginning was refused: what follows belongs there and not between two. */
const REFUSED_MAX = 1000
/** Lists that are fetched anew before anybody is called a ghost. */
const REFRESHED_MAX = 8

export interface Opened {
  readonly is: 'opened'
  readonly message: OpenedMessage
  readonly receiver: Receiver
  /** hex */
  readonly conv: string
  /** The account at the other end of the conversation (own account: notes); in a group the one that sent it. */
  readonly peer: Peer
  /** Indices that were passed over just now. */
  readonly skipped: readonly number[]
  /** For a message that could not be taken: the stream expects it again. */
  readonly undo: () => void
  /** Its author is blocked: only the stream goes on, so that what comes after the block opens. */
  readonly isBlocked?: true
}

export type Result =
  | Opened
  /** Nothing to show and nothing to ask for. `code`: why, when a person should hear of it. */
  | {
      readonly is: 'nothing'
      readonly code: ErrorCode | null
      readonly user: string | null
      /** The stream it came in, of somebody blocked: it may be closed since. */
      readonly receiver?: Receiver
    }
  /** Something was sent to us and does not open. */
  | {
      readonly is: 'unreadable'
      readonly why: ResendReason | 'removed'
      readonly conv: string
      /** The stream it came in, if that opened. */
      readonly receiver: Receiver | null
    }

export interface OpeningDeps {
  readonly device: DeviceId
  readonly clock: Clock
  readonly peers: Peers
  readonly directory: Directory
  readonly receivers: Receivers
  readonly keyRing: () => KeyRing
  readonly isBlocked: (acct: Bytes) => boolean
  readonly groups: GroupTable
}

/** Loud: the server has shown us something that only a lying server would. */
const LOUD: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'E_GHOST_USER',
  'E_GHOST_DEVICE',
  'E_NAME',
  'E_IDENTITY',
  'E_FORK',
  'E_ROLLBACK',
])

const NO_GROUP = Buffer.alloc(32)
const NOTHING = { is: 'nothing', code: null, user: null } as const

export class Opening {
  readonly #deps: OpeningDeps
  readonly #refusedGroups = new BoundedMap<string>(REFUSED_MAX)

  constructor(deps: OpeningDeps) {
    this.#deps = deps
  }

  /** Rejects only when it should be tried again later: offline, a busy server, a broken store. */
  async open(mail: Mail): Promise<Result> {
    if (!this.#deps.isBlocked(mail.f[0])) return this.#open(mail)
    try {
      const result = await this.#open(mail)
      if (result.is === 'opened') return { ...result, isBlocked: true }
      const { receiver = null } = result
      return receiver === null ? NOTHING : { ...NOTHING, receiver }
    } catch (error) {
      // nobody waits for somebody blocked
      if (isOfDisk(error)) throw error
      return NOTHING
    }
  }

  async #open(mail: Mail): Promise<Result> {
    const from = { acct: mail.f[0], dev: mail.f[1] }
    const known = await this.#deps.receivers.find(from, mail.st)
    if (known !== null) return this.#known(mail, known)
    if (mail.h === undefined || mail.w === undefined) return this.#unknownStream(mail)
    let head: Head | null = null
    let accepted: AcceptedHead
    try {
      head = decodeHead(mail.h)
      accepted = await this.#accept(head, mail)
    } catch (error) {
      return this.#refused(mail, error, head)
    }
    const { keyRing, receivers, clock } = this.#deps
    try {
      const stream = await ReceiverStream.open(accepted, mail.w, (klid) => keyRing().find(klid))
      if (this.#isStranger(from.acct)) await receivers.makeRoomForStranger(from.acct)
      return this.#next(mail, receivers.add(stream, accepted.klid, clock.now()))
    } catch (error) {
      if (accepted.group !== undefined) this.#refuseGroup(accepted.head)
      return unreadable(error, hex(accepted.head.conv), null)
    }
  }

  /**
   * A stream has one head. Who sends another one under its id means to say to some of those in it what the others do not
   * hear; what is true in it comes again in a stream with a head of its own.
   */
  #known(mail: Mail, receiver: Receiver): Result {
    const isOther = mail.h !== undefined && !equal(headHash(mail.h), receiver.stream.hp)
    if (isOther) receiver.isClosed = true
    return this.#next(mail, receiver)
  }

  /** Rules 1 to 3, with one fresh look at the directory before anybody is called a ghost. */
  async #accept(head: Head, mail: Mail): Promise<AcceptedHead> {
    const { directory, device } = this.#deps
    // the server says who sent it; only the header counts, and they must agree
    if (!equal(head.st, mail.st) || !equal(head.from.acct, mail.f[0])) fail('E_BINDING')
    if (!equal(head.from.dev, mail.f[1])) fail('E_BINDING')
    for (const acct of partiesOf(head, device)) await directory.meetAccount(acct)
    await this.#meetMembers(head)
    const view = this.#view()
    try {
      return acceptHead(head, view)
    } catch (error) {
      const code = codeOf(error)
      if (code !== 'E_GHOST_DEVICE' && code !== 'E_NO_DEVICE') throw error
      await this.#refresh([...partiesOf(head, device), ...ghostsIn(head, view)])
      return acceptHead(head, this.#view())
    }
  }

  /** The sender may know a device that is new to us: of his own, of ours, of another member. */
  async #refresh(accts: readonly Bytes[]): Promise<void> {
    const { directory } = this.#deps
    const unique = new Map(accts.map((acct) => [hex(acct), acct]))
    for (const acct of [...unique.values()].slice(0, REFRESHED_MAX)) {
      await directory.refresh(acct)
    }
  }

  /** So that their devices can be checked; whoever cannot be met stops nobody else. */
  async #meetMembers(head: Head): Promise<void> {
    const { peers, groups, directory } = this.#deps
    const group = groups.get(hex(head.conv))
    if (group?.standing !== 'member') return
    for (const { acct } of head.to) {
      if (peers.get(acct) !== undefined || memberOf(group.state, acct) === undefined) continue
      await directory.meetAccount(acct).catch((error: unknown) => {
        if (mustWait(error)) throw error
      })
    }
  }

  /** Nobody we have accepted, and in no group that we are in. */
  #isStranger(acct: Bytes): boolean {
    const { peers, groups } = this.#deps
    return peers.get(acct)?.accepted !== true && groups.sharedWith(acct).length === 0
  }

  #refuseGroup({ st, from, conv }: Head): void {
    this.#refusedGroups.set(`${hex(from.acct)}/${hex(st)}`, hex(conv))
  }

  #view(): HeadView {
    const { device, peers, directory } = this.#deps
    return {
      me: device,
      listOf: (acct) => {
        const peer = peers.get(acct)
        return peer === undefined || peer.alarm !== undefined ? undefined : directory.listOf(peer)
      },
      peerOf: (conv) => peers.byConv(hex(conv))?.acct,
    }
  }

  #next(mail: Mail, receiver: Receiver): Result {
    const { stream } = receiver
    const { peers, clock } = this.#deps
    const conv = hex(stream.conv)
    const peer = peers.get(stream.peer) ?? fail('E_NOT_FOUND')
    if (!this.#isPresent(stream)) return { is: 'unreadable', why: 'removed', conv, receiver }
    if (receiver.isClosed) return { is: 'unreadable', why: 'nokey', conv, receiver }
    const { next } = stream
    if (stream.missing().length + mail.i - next > KEPT_MAX) {
      return { is: 'unreadable', why: 'gap', conv, receiver }
    }
    const undo = stream.checkpoint()
    try {
      const message = stream.open(mail, clock.now())
      receiver.usedAt = clock.now()
      const skipped: number[] = []
      for (let i = next; i < mail.i; i++) skipped.push(i)
      return { is: 'opened', message, receiver, conv, peer, skipped, undo }
    } catch (error) {
      return unreadable(error, conv, receiver)
    }
  }

  /** A stream outlives the removal of its device only here: the last look is at the pinned list. */
  #isPresent(stream: ReceiverStream): boolean {
    const { peers } = this.#deps
    const sender = peers.get(stream.from.acct)
    return sender?.pin.devs.some((device) => equal(device.id, stream.from.dev)) === true
  }

  /** The first message of the stream was lost on our side, or the server sends half of it. */
  #unknownStream(mail: Mail): Result {
    const group = this.#refusedGroups.get(`${hex(mail.f[0])}/${hex(mail.st)}`)
    const conv = group ?? this.#meetingPlace(mail.f[0])
    if (conv === undefined) return NOTHING
    return { is: 'unreadable', why: 'nokey', conv, receiver: null }
  }

  /** Where this account can be asked what it was: between us two, or in a group where both of us are (PROTOCOL 9.4). */
  #meetingPlace(acct: Bytes): string | undefined {
    const { peers, groups, device } = this.#deps
    const peer = peers.get(acct)
    if (peer?.accepted === true || equal(acct, device.acct)) return peer?.conv
    return groups.sharedWith(acct)[0]?.conv ?? peer?.conv
  }

  #refused(mail: Mail, error: unknown, head: Head | null): Result {
    const code = codeOf(error)
    if (mustWait(error)) throw error
    const peer = this.#deps.peers.get(mail.f[0])
    const group = head === null ? undefined : this.#deps.groups.get(hex(head.conv))
    if (head !== null && group !== undefined) this.#refuseGroup(head)
    const conv = group?.conv ?? peer?.conv
    if (code === 'E_NO_DEVICE' && conv !== undefined) {
      return { is: 'unreadable', why: 'removed', conv, receiver: null }
    }
    // a contact under alarm: what came meanwhile can be asked for when it is trusted again
    if (peer?.alarm !== undefined && conv !== undefined) {
      return { is: 'unreadable', why: 'bad', conv, receiver: null }
    }
    return { is: 'nothing', code: LOUD.has(code) ? code : null, user: peer?.pin.user ?? null }
  }
}

/**
 * The sender, my own account, and whom another device of mine writes to: this one may never have heard of them, or not of
 * their newest device. Others are met for nobody: what names a third one is dropped, and of a group only members are met.
 */
function partiesOf({ from, to, gs }: Head, { acct: me }: DeviceId): Bytes[] {
  if (!equal(from.acct, me) || !equal(gs, NO_GROUP)) return [from.acct, me]
  const other = to.find(({ acct }) => !equal(acct, me))
  return other === undefined ? [me] : [me, other.acct]
}

function unreadable(error: unknown, conv: string, receiver: Receiver | null): Result {
  if (mustWait(error)) throw error
  const why = resendReason(codeOf(error))
  if (why !== null) return { is: 'unreadable', why, conv, receiver }
  // E_FORMAT: the device itself signed something that is no payload
  if (codeOf(error) === 'E_FORMAT') return { is: 'unreadable', why: 'bad', conv, receiver }
  return NOTHING
}
