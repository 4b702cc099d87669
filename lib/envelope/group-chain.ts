// The states of one group that a member knows, and which of them counts: a tree, from which everybody with the same states
// takes the same line, in whatever order they came (PROTOCOL 8). Pure; knows no signatures.
import { LIMITS } from '../protocol/limits.ts'
import { type Bytes, compare, equal, hex } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import {
  checkFollows,
  type GroupState,
  isAdmin,
  memberOf,
  type SeenGroupState,
} from './group-state.ts'

export interface KnownGroupState extends SeenGroupState {
  /** When it stopped to be the current one here; absent: it is. */
  readonly replaced?: number
  /** Made by this device and not with the server yet: it gives way to whatever others have made meanwhile. */
  readonly quiet?: true
}

/** States of the same number that one account may have made: two of its devices at once do that, more is a flood. */
const RIVALS_OF_ONE = 4

export class GroupChain {
  readonly #states = new Map<string, KnownGroupState>()
  #root: string
  #current: string

  /** Of one group; at least one. What a crash left of an older tree is passed over: the latest beginning counts. */
  constructor(states: readonly KnownGroupState[]) {
    for (const state of states) this.#states.set(hex(state.h), state)
    const [first] = states
      .filter(({ state }) => this.find(state.prev) === undefined)
      .sort((p, q) => q.state.n - p.state.n)
    if (first === undefined) throw new RangeError('a group has a state')
    this.#root = hex(first.h)
    this.#current = hex(this.#best().h)
  }

  get current(): KnownGroupState {
    return this.#get(this.#current)
  }

  /** The last one on the line that others know as well; the current one where they know none. */
  get told(): KnownGroupState {
    return this.line().findLast(({ quiet }) => quiet !== true) ?? this.current
  }

  get all(): readonly KnownGroupState[] {
    return [...this.#states.values()]
  }

  find(h: Bytes): KnownGroupState | undefined {
    return this.#states.get(hex(h))
  }

  /** The current one, or replaced a short time ago: streams may rest on it (PROTOCOL 6.5). */
  isLive(h: Bytes, now: number): boolean {
    const found = this.find(h)
    return found !== undefined && now - (found.replaced ?? now) < LIMITS.groupGraceMs
  }

  /** The states that led to the current one, as far as they are kept, oldest first. */
  line(): KnownGroupState[] {
    const line: KnownGroupState[] = []
    let at: KnownGroupState | undefined = this.current
    while (at !== undefined) {
      line.unshift(at)
      at = this.find(at.state.prev)
    }
    return line
  }

  isInLine(h: Bytes): boolean {
    return this.line().some((each) => equal(each.h, h))
  }

  /**
   * A state whose signature is good. It need not become the current one: see `current` afterwards.
   *
   * @throws E_GROUP: it does not link; E_NOT_ADMIN; E_ROLLBACK: it would undo what has been settled for long
   */
  add(next: KnownGroupState, now: number): void {
    if (this.#states.has(hex(next.h))) return
    if (!this.#isRivalOfRoot(next, now)) this.#checkNext(next, now)
    this.#states.set(hex(next.h), { ...next, replaced: now })
    if (next.quiet !== true) this.#toldBefore(next)
    this.#settle(now)
  }

  /** The server has it, or others have shown it. */
  announced(h: Bytes, now: number): void {
    const found = this.find(h)
    if (found?.quiet !== true) return
    const { state, signed, replaced } = found
    const told = { state, h: found.h, signed }
    this.#states.set(hex(h), replaced === undefined ? told : { ...told, replaced })
    this.#settle(now)
  }

  /** Whoever builds on a state of ours has seen it, even if we never learnt that it had left. */
  #toldBefore({ state }: KnownGroupState): void {
    let before = this.find(state.prev)
    while (before?.quiet === true) {
      const { state: told, h, signed, replaced } = before
      this.#states.set(hex(h), { state: told, h, signed, ...(replaced ? { replaced } : {}) })
      before = this.find(before.state.prev)
    }
  }

  /** Forgets what is older than anybody asks for, and what is too much of one author. The forgotten ones. */
  prune(): KnownGroupState[] {
    const gone = this.#surplus()
    const line = this.line()
    const root = line[line.length - LIMITS.groupStates]
    if (root !== undefined) {
      this.#root = hex(root.h)
      const kept = this.#below(root)
      gone.push(...this.all.filter((each) => !kept.has(each)))
    }
    for (const each of gone) this.#states.delete(hex(each.h))
    return [...new Set(gone)]
  }

  /**
   * Beside the line, of the states of one number by one account only the smallest count, with everybody alike, and none that is
   * further ahead of the line than anybody asks for. So a member who leaves a thousand times fills nothing, nor does an admin who
   * makes a tree of states that nobody follows. What is dropped and counts one day comes again with whoever stands on it.
   */
  #surplus(): KnownGroupState[] {
    const byPlace = new Map<string, KnownGroupState[]>()
    for (const each of this.all) {
      const { n, by } = each.state
      const place = `${n}/${hex(by.acct)}`
      const rivals = byPlace.get(place)
      if (rivals === undefined) byPlace.set(place, [each])
      else rivals.push(each)
    }
    const kept = new Set(this.line())
    const end = this.current.state.n + LIMITS.groupStates
    const surplus = [...byPlace.values()].flatMap((rivals) =>
      rivals
        .sort((p, q) => compare(p.h, q.h))
        .slice((rivals[0]?.state.n ?? 0) > end ? 0 : RIVALS_OF_ONE),
    )
    return surplus
      .filter((each) => each.quiet !== true && !kept.has(each))
      .flatMap((each) => [...this.#below(each)])
  }

  /** Whether it can be judged: what it follows is known, or not needed. */
  isNext(next: SeenGroupState, now: number): boolean {
    return this.find(next.state.prev) !== undefined || this.#isRivalOfRoot(next, now)
  }

  /** Whether only an admin can say that it is true: what our first state followed is not known here. */
  isHearsay({ state }: SeenGroupState): boolean {
    const isRival = this.find(state.prev) === undefined
    return isRival && !isAdmin(this.#get(this.#root).state, state.by.acct)
  }

  #checkNext(next: KnownGroupState, now: number): void {
    const root = this.#get(this.#root)
    if (next.state.n <= root.state.n) fail('E_ROLLBACK', 'A state of a group from long ago.')
    const before =
      this.find(next.state.prev) ??
      fail('E_GROUP', 'A state of a group that does not follow the one that is known.')
    checkFollows(before, next)
    const isSettled = this.#children(before).some((child) => child.quiet !== true)
    if (isSettled && now - (before.replaced ?? now) >= LIMITS.groupGraceMs) {
      fail('E_ROLLBACK', 'A change of a group that comes too late.')
    }
  }

  /**
   * A newcomer does not know what his first state followed; somebody else's may have won against it all the same. By an
   * admin of the first one, or by a member who only left.
   */
  #isRivalOfRoot({ state }: SeenGroupState, now: number): boolean {
    const root = this.#get(this.#root)
    const { n, prev, by } = state
    if (n !== root.state.n || n === 1 || !equal(prev, root.state.prev)) return false
    if (now - (root.replaced ?? now) >= LIMITS.groupGraceMs) return false
    return isAdmin(root.state, by.acct) || hasOnlyLeft(root.state, state)
  }

  #settle(now: number): void {
    const best = this.#best()
    const before = this.#get(this.#current)
    if (equal(best.h, before.h)) return
    this.#states.set(this.#current, { ...before, replaced: now })
    this.#current = hex(best.h)
    const { state, h, signed, quiet } = best
    const current = { state, h, signed }
    this.#states.set(this.#current, quiet === undefined ? current : { ...current, quiet })
  }

  #best(): KnownGroupState {
    const root = this.#get(this.#root)
    const { n, prev } = root.state
    const roots = this.all.filter(({ state }) => state.n === n && equal(state.prev, prev))
    let best = winner(undefined, roots) ?? root
    for (;;) {
      const next = winner(best.state, this.#children(best))
      if (next === undefined) return best
      best = next
    }
  }

  #below(root: KnownGroupState): Set<KnownGroupState> {
    const found = new Set([root])
    for (const each of found) for (const child of this.#children(each)) found.add(child)
    return found
  }

  #children({ h }: KnownGroupState): KnownGroupState[] {
    return this.all.filter(({ state }) => equal(state.prev, h))
  }

  #get(key: string): KnownGroupState {
    return this.#states.get(key) ?? fail('E_INTERNAL')
  }
}

/** Whether `next` takes from this author of another state the right to change the group. */
function deprives(before: GroupState, next: GroupState, { acct }: GroupState['by']): boolean {
  return isAdmin(before, acct) && !isAdmin(next, acct) && !equal(next.by.acct, acct)
}

/** As far as it can be told by a rival of the state: nobody else than its author is missing, and nobody is more than there. */
function hasOnlyLeft(rival: GroupState, { mem, by, name, topic }: GroupState): boolean {
  const isSame = rival.name === name && rival.topic === topic
  const isWithin = mem.every(({ acct, admin }) => memberOf(rival, acct)?.admin === admin)
  const isOut = mem.every(({ acct }) => !equal(acct, by.acct))
  return isSame && isWithin && isOut && memberOf(rival, by.acct) !== undefined
}

/**
 * Of several that follow the same one (`before`, if that is known): a state whose author loses that right in another gives way, so that nobody undoes his
 * own removal; then the smaller H(b).
 */
export function winner(
  before: GroupState | undefined,
  all: readonly KnownGroupState[],
): KnownGroupState | undefined {
  const told = all.filter(({ quiet }) => quiet !== true)
  const heard = told.length > 0 ? told : all
  const free = heard.filter(
    ({ state }) => !heard.some((other) => deprives(before ?? state, other.state, state.by)),
  )
  return [...(free.length > 0 ? free : heard)].sort((p, q) => compare(p.h, q.h))[0]
}
