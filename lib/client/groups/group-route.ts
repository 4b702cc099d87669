// The way to a group: to all devices of all members that can be reached now and every other device of our own (PROTOCOL 6.2,
// 8). A member who cannot be reached, or may not be written to, stops nobody else.
import type { VerifiedBundle } from '../../identity/bundle.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import { sha256 } from '../../crypto/hash.ts'
import type { GroupChain, KnownGroupState } from '../../envelope/group-chain.ts'
import { memberOf } from '../../envelope/group-state.ts'
import { decodePayload, encodePayload, isContentKind } from '../../protocol/payloads.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { codeOf, type ErrorCode, fail } from '../../util/errors.ts'
import type { Emit } from '../emitter.ts'
import { mustWait } from '../inbox/later.ts'
import type { OutItem } from '../outbox/item.ts'
import type { Hold } from '../outbox/lane.ts'
import type { DeviceReach, Opening, Route } from '../outbox/route.ts'
import type { Directory } from '../people/directory.ts'
import type { Peer } from '../people/peer.ts'
import type { Peers } from '../people/peers.ts'
import type { Group } from './group.ts'
import type { GroupTable } from './group-table.ts'
import { payloadOf } from './state-row.ts'

/** A full mailbox is tried again after this long. */
const FULL_MS = 3_600_000
/** Whose keys were not to be had is looked up again after this long, for a stream that goes to them as well. */
const UNREACHED_MS = 600_000
/** Look-ups at a time. */
const AT_ONCE = 8

export interface GroupRouteDeps {
  readonly device: DeviceId
  readonly groups: GroupTable
  readonly peers: Peers
  readonly directory: Directory
  readonly reach: DeviceReach
  readonly clock: Clock
  readonly emit: Emit
  /** Everything that waited on the server is taken: what others decided meanwhile is known (PROTOCOL 8). */
  readonly caughtUp: () => Promise<void>
  /** This must not go any more: takes it out of the queue. */
  readonly voided: (item: OutItem) => void
}

export class GroupRoute implements Route {
  readonly #deps: GroupRouteDeps
  /** conv/acct: until when. */
  readonly #full = new Map<string, number>()
  /** conv/acct of whom no device could receive: until when nobody looks. */
  readonly #unreached = new Map<string, number>()
  readonly #told = new Set<string>()

  constructor(deps: GroupRouteDeps) {
    this.#deps = deps
  }

  gate(item: OutItem): Hold | null {
    const { standing, name } = this.#group(item)
    // what ends a membership goes out after it, and own devices are always told
    if (item.kind === 'group' || this.#isForOwn(item)) return null
    if (standing === 'member' || this.#isNeedless(item) || this.#isLeaving(item)) return null
    return { code: 'E_STATE', reason: `You are not a member of #${name} any more.` }
  }

  /** Nothing is said before it is known what others have decided meanwhile (PROTOCOL 8). */
  ready(): Promise<void> {
    return this.#deps.caughtUp()
  }

  async recipients(item: OutItem): Promise<VerifiedBundle[]> {
    const { reach, voided } = this.#deps
    if (this.#isNeedless(item)) return []
    if (this.#isVoid(item)) {
      voided(item)
      fail('E_CLOSED') // it waits until it is taken out
    }
    if (item.only !== undefined && item.acct !== undefined) {
      return this.#onlyDevice(item.acct, item.only)
    }
    if (this.#isForOwn(item)) return reach.ownOthers()
    const targets = this.#targets(item)
    const found: VerifiedBundle[] = []
    for (let at = 0; at < targets.length; at += AT_ONCE) {
      const batch = targets.slice(at, at + AT_ONCE)
      for (const bundles of await Promise.all(batch.map((acct) => this.#reachable(item, acct)))) {
        found.push(...bundles)
      }
    }
    if (item.acct !== undefined) return found
    if (found.length === 0 && targets.length > 0) {
      const { name } = this.#group(item)
      fail('E_NO_DEVICE', `Nobody in #${name} can receive now. Trying again later.`)
    }
    return [...found, ...(await reach.ownOthers())]
  }

  /** Receipts, questions and answers of somebody who is out: nobody waits for them, and nobody would hear them. */
  #isNeedless(item: OutItem): boolean {
    const { standing } = this.#group(item)
    const isOut = standing === 'left' || standing === 'removed'
    return isOut && !isContentKind(item.kind) && !this.#isForOwn(item)
  }

  /** A change of ours that nobody was told of, and that gave way to somebody else's: nobody is told of it any more. */
  #isVoid(item: OutItem): boolean {
    const chain = this.#deps.groups.chain(item.conv)
    const carried = carriedBy(item, chain)
    // of a tree that was given up
    if (carried === undefined) return item.kind === 'group' && item.only === undefined
    return carried.quiet === true && !chain.isInLine(carried.h)
  }

  /** We have left, and nobody was told yet: what waits was said before, and goes before the news does (PROTOCOL 8). */
  #isLeaving({ conv }: OutItem): boolean {
    const { groups } = this.#deps
    return groups.get(conv)?.standing === 'left' && groups.chain(conv).current.quiet === true
  }

  basis(item: OutItem): string {
    const { peers, reach, device } = this.#deps
    const parts = this.#targets(item).map((acct) => {
      const peer = peers.get(acct)
      const why = peer === undefined ? 'unknown' : (this.#refusal(item, peer) ?? '')
      const isLeftOut = this.#isBefore(this.#unreached, item, acct)
      return `${why}${isLeftOut ? 'unreached' : ''}${reach.basisOf(peer?.pin)}`
    })
    const own = reach.basisOf(peers.get(device.acct)?.pin)
    if (this.#isVoid(item)) return 'void'
    return [hex(this.#stateFor(item).h), own, ...parts].join(';')
  }

  accounts(item: OutItem): Bytes[] {
    return this.#targets(item)
  }

  full(item: OutItem, accounts: readonly Bytes[]): boolean {
    const others = this.#targets(item).length > accounts.length
    if (accounts.length === 0 || !others) return false
    const until = this.#deps.clock.now() + FULL_MS
    for (const acct of accounts) this.#full.set(`${item.conv}/${hex(acct)}`, until)
    return true
  }

  opening(item: OutItem): Opening {
    const state = this.#stateFor(item)
    return { gs: state.h, payload: encodePayload(payloadOf(state)) }
  }

  /** What the stream rests on: the current state, but for the news of an end of membership the one before (PROTOCOL 8). */
  #stateFor(item: OutItem): KnownGroupState {
    const chain = this.#deps.groups.chain(item.conv)
    const last = this.#isLeaving(item) ? chain.find(chain.current.state.prev) : undefined
    if (item.kind !== 'group') return last ?? stateOf(chain, item.acct)
    const carried = carriedBy(item, chain)
    if (carried === undefined) return last ?? chain.current
    const end = [this.#deps.device.acct, ...(item.acct === undefined ? [] : [item.acct])]
    const isInside = end.every((acct) => memberOf(carried.state, acct) !== undefined)
    return isInside ? (last ?? chain.current) : (chain.find(carried.state.prev) ?? chain.current)
  }

  #targets(item: OutItem): Bytes[] {
    if (item.acct !== undefined) return [item.acct]
    const { mem } = this.#stateFor(item).state
    return mem.map(({ acct }) => acct).filter((acct) => !equal(acct, this.#deps.device.acct))
  }

  #isForOwn({ acct }: OutItem): boolean {
    return acct !== undefined && equal(acct, this.#deps.device.acct)
  }

  /** Nobody, when it was removed from its account meanwhile: nobody waits for that. */
  async #onlyDevice(acct: Bytes, dev: Bytes): Promise<VerifiedBundle[]> {
    const { directory, reach, peers } = this.#deps
    try {
      return await reach.only(acct, dev)
    } catch (error) {
      const peer = peers.get(acct)
      if (codeOf(error) !== 'E_NO_DEVICE' || peer === undefined) throw error
      if (directory.listOf(peer).devs.some(({ id }) => equal(id, dev))) throw error
      return []
    }
  }

  /** No devices: nothing goes to this member now, and everybody else gets it. */
  async #reachable(item: OutItem, acct: Bytes): Promise<VerifiedBundle[]> {
    const { directory } = this.#deps
    let peer: Peer | undefined
    try {
      peer = await directory.meetAccount(acct)
      if (this.#refusal(item, peer) === null) {
        const bundles = await directory.reach(acct)
        if (bundles.length > 0) return bundles
        return this.#without(item, acct, peer, 'E_NO_DEVICE')
      }
    } catch (error) {
      if (mustWait(error)) throw error
      const now = this.#deps.peers.get(acct)
      if (now === undefined) return this.#without(item, acct, null, codeOf(error))
      peer = now
    }
    return this.#without(item, acct, peer, this.#refusal(item, peer) ?? 'E_NO_DEVICE')
  }

  #isBefore(times: ReadonlyMap<string, number>, { conv }: OutItem, acct: Bytes): boolean {
    // asked of every member with every message, and nearly always nobody is in it
    if (times.size === 0) return false
    return (times.get(`${conv}/${hex(acct)}`) ?? 0) > this.#deps.clock.now()
  }

  /** Why a member gets nothing from us, null when nothing stands in the way. */
  #refusal(item: OutItem, peer: Peer): ErrorCode | null {
    if (peer.alarm !== undefined) return peer.alarm
    if (peer.pin.unconfirmed) return 'E_UNTRUSTED'
    if (peer.deleted) return 'E_NOT_FOUND'
    return this.#isBefore(this.#full, item, peer.acct) ? 'E_MAILBOX_FULL' : null
  }

  /** Said once. */
  #without(item: OutItem, acct: Bytes, peer: Peer | null, code: ErrorCode): [] {
    if (peer === null || code === 'E_NO_DEVICE') {
      this.#unreached.set(`${item.conv}/${hex(acct)}`, this.#deps.clock.now() + UNREACHED_MS)
    }
    const user = peer?.pin.user
    const key = `${item.conv}/${peer?.id ?? ''}/${code}`
    if (this.#told.has(key)) return []
    this.#told.add(key)
    const { name } = this.#group(item)
    const who = user === undefined ? 'somebody whom the server does not show' : `@${user}`
    const text = `What you write in #${name} does not go to ${who} now: ${WHY[code] ?? `their keys do not check out (${code})`}.`
    const level = code === 'E_NO_DEVICE' || code === 'E_NOT_FOUND' ? 'info' : 'warning'
    const about = user === undefined ? {} : { user }
    this.#deps.emit({ type: 'notice', level, code, text, ...about })
    return []
  }

  #group(item: OutItem): Group {
    return this.#deps.groups.get(item.conv) ?? fail('E_NOT_FOUND')
  }
}

/** The state that an item brings. */
function carriedBy(item: OutItem, chain: GroupChain): KnownGroupState | undefined {
  if (item.kind !== 'group') return undefined
  const payload = decodePayload(item.payload)
  return payload.k === 'group' ? chain.find(sha256(payload.b)) : undefined
}

/** Whoever was removed meanwhile hears of no newer state than those he was in. */
function stateOf(chain: GroupChain, acct: Bytes | undefined): KnownGroupState {
  const { current } = chain
  if (acct === undefined || memberOf(current.state, acct) !== undefined) return current
  const last = chain.line().findLast(({ state }) => memberOf(state, acct) !== undefined)
  return last ?? fail('E_NO_DEVICE', 'They are not in the group any more.')
}

const WHY: Partial<Record<ErrorCode, string>> = {
  E_UNTRUSTED: 'their account key was replaced; compare, then !trust them',
  E_NO_DEVICE: 'none of their devices can receive',
  E_NOT_FOUND: 'their account does not exist any more',
  E_MAILBOX_FULL: 'their mailbox is full',
}
