// What this device believes about groups: takes states from wherever they come, checks them, joins, keeps what does not link
// yet; what is missing is asked for in group-questions.ts (PROTOCOL 7.3, 8). Own changes are made in group-changes.ts.
import {
  isAdmin,
  memberOf,
  type SeenGroupState,
  verifyGroupState,
} from '../../envelope/group-state.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { codeOf, type ErrorCode, fail } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { BucketTable } from '../../util/rate.ts'
import { mustWait } from '../inbox/later.ts'
import type { MessageRow } from '../messages/row.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Directory } from '../people/directory.ts'
import type { Peers } from '../people/peers.ts'
import { without } from '../without.ts'
import type { Group } from './group.ts'
import { GroupQuestions, type Sender } from './group-questions.ts'
import type { GroupTable } from './group-table.ts'
import { rowOfState } from './state-row.ts'
import { stepsOf } from './steps.ts'
import { UnlinkedStates } from './unlinked-states.ts'

/** Groups that one stranger may have us wait for. */
const PENDING_PER_STRANGER = 3
/** Accounts that we look up because a state of this sender names them: they need not exist. */
const LOOK_UPS = { burst: 20, perSecond: 1 / 60 } as const
const COUNTED_MAX = 1000
/** `unlinked`: it cannot be judged yet. */
export type Learnt = 'known' | 'unlinked' | 'refused'

export interface GroupBookDeps {
  readonly me: Bytes
  readonly groups: GroupTable
  readonly peers: Peers
  readonly directory: Directory
  readonly outbox: () => Outbox
  readonly clock: Clock
  readonly log: Log
  readonly nextNumber: () => number
  /** The current state of a group may be another one. */
  readonly moved: (conv: string) => void
  /** Somebody did what nobody may. */
  readonly warn: (code: ErrorCode, conv: string, acct: Bytes) => void
}

export class GroupBook {
  readonly #deps: GroupBookDeps
  readonly #unlinked = new UnlinkedStates()
  readonly #questions: GroupQuestions
  /** Lines that are on their way into the store. */
  readonly #handed = new Map<string, Bytes[]>()
  readonly #lookUps = new BucketTable(LOOK_UPS, COUNTED_MAX)

  constructor(deps: GroupBookDeps) {
    this.#deps = deps
    const isOpen = (seen: SeenGroupState): boolean => this.#unlinked.has(seen)
    this.#questions = new GroupQuestions({ ...deps, isOpen })
  }

  /** A state that this account sent. Durable when it resolves. @throws what says nothing about it: E_CLOSED, E_STORE */
  async learn(seen: SeenGroupState, from: Sender): Promise<Learnt> {
    const { groups, peers, clock } = this.#deps
    const conv = hex(seen.state.conv)
    if (peers.byConv(conv) !== undefined) return 'refused'
    const group = groups.get(conv)
    if (group === undefined) return this.#found(seen, from)
    const known = groups.chain(conv).find(seen.h)
    if (known !== undefined) {
      if (known.quiet === true) {
        await groups.announced(conv, seen.h, clock.now())
        await this.settle(conv)
      }
      await this.#questions.contradict(conv, known, from)
      return 'known'
    }
    if (this.#comesBack(group, seen)) return this.#found(seen, from, group)
    return this.#next(group, seen, from)
  }

  /**
   * States that our own history holds: this account has believed them before. `invited`: when somebody whom we do not know
   * brought it, and nobody had answered. Resolves to true when it waits for an answer here, and was given one elsewhere.
   */
  async restored(seen: SeenGroupState, invited: number | null, upTo: number): Promise<boolean> {
    const { groups, peers, me, nextNumber } = this.#deps
    const { conv: id, by } = seen.state
    const conv = hex(id)
    if (peers.byConv(conv) !== undefined) return false
    const group = groups.get(conv)
    const isLater = group === undefined || this.#comesBack(group, seen)
    if (isLater) {
      if (memberOf(seen.state, me) === undefined) return false
      const readTo = group?.readTo ?? 0
      if (invited === null) {
        await groups.found(seen, {}, { standing: 'member', readTo, receiptedFrom: upTo })
      } else {
        const request = { number: nextNumber(), acct: by.acct, at: invited }
        await groups.found(seen, {}, { standing: 'pending', readTo, receiptedFrom: 0, request })
      }
      await this.settle(conv)
      return false
    }
    if (groups.chain(conv).find(seen.h) === undefined) {
      this.#unlinked.add(seen, true)
      await this.#link(conv)
    }
    return invited === null && groups.get(conv)?.standing === 'pending'
  }

  /** Lines for states that count and have none yet; `told` when they are stored. */
  untold(conv: string): Omit<MessageRow, 'number'>[] {
    const { groups, me, clock } = this.#deps
    const group = groups.get(conv)
    if (group === undefined) return []
    const chain = groups.chain(conv)
    const handed = this.#handed.get(conv) ?? []
    const waiting = chain
      .line()
      .filter(({ h }) => groups.note(h).untold === true && !handed.some((each) => equal(each, h)))
    if (waiting.length === 0) return []
    this.#handed.set(conv, [...handed, ...waiting.map(({ h }) => h)])
    const at = clock.now()
    const withheld = group.standing === 'pending'
    return waiting.map((known) => {
      const steps = stepsOf(chain.find(known.state.prev)?.state, known.state, me)
      return rowOfState(known, steps, { me, at, withheld })
    })
  }

  async told(): Promise<void> {
    const { groups } = this.#deps
    for (const [conv, states] of [...this.#handed]) {
      this.#handed.delete(conv)
      for (const h of states) await groups.setNote(conv, h, without(groups.note(h), 'untold'))
    }
  }

  /** A member wants the states from n on. */
  answer(conv: string, n: number, to: Sender): Promise<void> {
    return this.#questions.answer(conv, n, to)
  }

  /** Nobody knows us there, and now we do: shown and answered from now on. */
  async accept(conv: string): Promise<Group> {
    const now = await this.#deps.groups.change(conv, (g) => ({
      ...without(g, 'request'),
      standing: g.standing === 'pending' ? 'member' : g.standing,
      held: 0,
    }))
    this.#deps.moved(conv)
    return now
  }

  /** Where we stand by the state that counts now; also after a crash between the two. */
  async settle(conv: string): Promise<void> {
    const { groups, me, moved } = this.#deps
    const group = groups.get(conv) ?? fail('E_NOT_FOUND')
    const { state, standing } = group
    const isIn = memberOf(state, me) !== undefined
    const out = equal(state.by.acct, me) ? 'left' : 'removed'
    const back = standing === 'pending' ? 'pending' : 'member'
    await groups.settle(conv, isIn ? back : standing === 'left' ? 'left' : out)
    if (!isIn && group.request !== undefined) {
      await groups.change(conv, (g) => without(g, 'request'))
    }
    moved(conv)
  }

  stop(): void {
    this.#questions.stop()
  }

  #comesBack({ standing, state }: Group, { state: next }: SeenGroupState): boolean {
    const isOut = standing === 'left' || standing === 'removed'
    return isOut && next.n > state.n && memberOf(next, this.#deps.me) !== undefined
  }

  /** A group that is new here: its inviter is believed (PROTOCOL 8). */
  async #found(seen: SeenGroupState, from: Sender, before?: Group): Promise<Learnt> {
    const { groups, peers, me, clock, nextNumber } = this.#deps
    const { state } = seen
    const isIn = memberOf(state, me) !== undefined && memberOf(state, from.acct) !== undefined
    const mayDecide = isAdmin(state, state.by.acct) || memberOf(state, state.by.acct) === undefined
    if (!isIn || !mayDecide) return 'refused'
    const own = equal(from.acct, me)
    const isTrusted = own || peers.get(from.acct)?.accepted === true
    const checked = await this.#check(seen, from)
    if (checked === 'refused' || (checked === 'gone' && !isTrusted)) return 'refused'
    const isFriend = isTrusted || peers.get(state.by.acct)?.accepted === true
    if (!isFriend && this.#pendingOf(from.acct) >= PENDING_PER_STRANGER) return 'refused'
    const request = isFriend
      ? {}
      : { request: { number: nextNumber(), acct: from.acct, at: clock.now() } }
    await groups.found(
      seen,
      { untold: true },
      {
        standing: isFriend ? 'member' : 'pending',
        readTo: before?.readTo ?? 0,
        receiptedFrom: before?.receiptedFrom ?? 0,
        ...request,
      },
    )
    await this.settle(hex(state.conv))
    return 'known'
  }

  /** Of a group that we have. Whoever is not in it brings us only what a present admin has signed. */
  async #next(group: Group, seen: SeenGroupState, from: Sender): Promise<Learnt> {
    const { groups, me } = this.#deps
    const { conv } = group
    // whom a change of ours is going to remove decides with the others until it has left
    const { state } = groups.chain(conv).told
    const isRemoved = group.standing === 'removed'
    const isInside =
      memberOf(state, from.acct) !== undefined || (equal(from.acct, me) && !isRemoved)
    if (!isInside && !isAdmin(state, seen.state.by.acct)) return 'refused'
    const checked = await this.#check(seen, from)
    if (checked === 'refused' || (checked === 'gone' && !isInside)) return 'refused'
    this.#unlinked.add(seen, checked === 'good')
    await this.#link(conv)
    if (groups.chain(conv).find(seen.h) !== undefined) return 'known'
    if (!this.#unlinked.has(seen)) return 'refused'
    // it links, and its signature cannot be checked: an admin signs the same again
    if (groups.chain(conv).isNext(seen, this.#deps.clock.now())) return 'unlinked'
    if (checked === 'good' && this.#isAllThereIs(group, seen, from)) return this.#anew(group, seen)
    await this.#questions.ask(conv, seen, from)
    return 'unlinked'
  }

  /** We have asked for everything, it does not lead here, and one of our admins stands on it: then we begin there (PROTOCOL 8). */
  #isAllThereIs({ conv, state }: Group, { state: next }: SeenGroupState, from: Sender): boolean {
    const { me } = this.#deps
    const isVouchedFor = isAdmin(state, from.acct) && memberOf(next, from.acct) !== undefined
    const isAsked = this.#questions.isExhausted(conv)
    return isAsked && isVouchedFor && next.n > state.n && memberOf(next, me) !== undefined
  }

  async #anew(group: Group, seen: SeenGroupState): Promise<Learnt> {
    const { conv, standing, readTo, receiptedFrom, request } = group
    const as = { standing, readTo, receiptedFrom, ...(request === undefined ? {} : { request }) }
    await this.#deps.groups.found(seen, { untold: true }, as)
    this.#unlinked.drop(conv, seen.state.n)
    this.#questions.enough(conv)
    await this.settle(conv)
    return 'known'
  }

  /** Takes everything that links by now. */
  async #link(conv: string): Promise<void> {
    const { groups, clock, warn } = this.#deps
    const chain = groups.chain(conv)
    for (;;) {
      const next = this.#unlinked.next(conv, chain, clock.now())
      if (next === null) break
      try {
        await groups.add(conv, next, { untold: true }, clock.now())
      } catch (error) {
        const code = codeOf(error)
        if (mustWait(error)) throw error
        if (code === 'E_NOT_ADMIN') warn(code, conv, next.state.by.acct)
      }
    }
    this.#unlinked.drop(conv, chain.line()[0]?.state.n ?? 0)
    await this.settle(conv)
  }

  /** `gone`: the device that signed is removed, so nobody can say. */
  async #check(seen: SeenGroupState, from: Sender): Promise<'good' | 'gone' | 'refused'> {
    const { directory, peers, log } = this.#deps
    const { acct } = seen.state.by
    try {
      if (peers.get(acct) === undefined) this.#lookUp(from)
      const peer = await directory.meetAccount(acct)
      try {
        await verifyGroupState(seen, directory.listOf(peer))
      } catch (error) {
        // signed by a device that we have not heard of
        if (codeOf(error) !== 'E_GHOST_DEVICE') throw error
        this.#lookUp(from)
        await verifyGroupState(seen, directory.listOf(await directory.refresh(acct)))
      }
      return 'good'
    } catch (error) {
      if (mustWait(error)) throw error
      const code = codeOf(error)
      log.info('client.group.state', { code })
      return code === 'E_NO_DEVICE' ? 'gone' : 'refused'
    }
  }

  /** @throws E_RATE: this sender has had us look for enough */
  #lookUp({ acct }: Sender): void {
    const now = this.#deps.clock.monotonic()
    if (this.#lookUps.of(hex(acct), now).take(now) > 0) fail('E_RATE')
  }

  #pendingOf(acct: Bytes): number {
    return this.#deps.groups
      .all()
      .filter(({ request }) => request !== undefined && equal(request.acct, acct)).length
  }
}
