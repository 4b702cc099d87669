// States of groups that do not link yet, or whose signature cannot be checked any more: in memory, a few of each group. Whoever
// sent them sends them again.
import type { GroupChain } from '../../envelope/group-chain.ts'
import { type GroupState, isAdmin, type SeenGroupState } from '../../envelope/group-state.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { equal, hex } from '../../util/bytes.ts'

interface Unlinked {
  readonly seen: SeenGroupState
  /** Its signature is good; else the device that made it is gone. */
  readonly isSigned: boolean
}

const CONVERSATIONS_MAX = 64

export class UnlinkedStates {
  readonly #byConv = new Map<string, Map<string, Unlinked>>()

  add(seen: SeenGroupState, isSigned: boolean): void {
    const conv = hex(seen.state.conv)
    const states = this.#byConv.get(conv) ?? new Map<string, Unlinked>()
    if (states.size >= LIMITS.groupStates) return
    states.set(hex(seen.h), { seen, isSigned })
    this.#byConv.set(conv, states)
    for (const oldest of this.#byConv.keys()) {
      if (this.#byConv.size <= CONVERSATIONS_MAX) break
      this.#byConv.delete(oldest)
    }
  }

  has({ state, h }: SeenGroupState): boolean {
    return this.#byConv.get(hex(state.conv))?.has(hex(h)) === true
  }

  /** Takes out one that can be judged now; null when there is none. */
  next(conv: string, chain: GroupChain, now: number): SeenGroupState | null {
    const states = this.#byConv.get(conv) ?? new Map<string, Unlinked>()
    for (const [key, { seen, isSigned }] of states) {
      if (!chain.isNext(seen, now)) continue
      const before = chain.find(seen.state.prev)?.state ?? chain.current.state
      const isDoubtful = !isSigned || chain.isHearsay(seen)
      if (isDoubtful && !this.#isVouchedFor(states, seen, before)) continue
      states.delete(key)
      return seen
    }
    return null
  }

  /** Those that can never link. */
  drop(conv: string, below: number): void {
    const states = this.#byConv.get(conv)
    for (const [key, { seen }] of states ?? []) if (seen.state.n <= below) states?.delete(key)
  }

  /** An admin of the last state that verified has signed one that follows this one (PROTOCOL 8). */
  #isVouchedFor(
    states: ReadonlyMap<string, Unlinked>,
    seen: SeenGroupState,
    before: GroupState,
  ): boolean {
    const after = [seen]
    for (const at of after) {
      for (const next of states.values()) {
        if (!equal(next.seen.state.prev, at.h)) continue
        if (!next.isSigned) after.push(next.seen)
        else if (isAdmin(before, next.seen.state.by.acct)) return true
      }
    }
    return false
  }
}
