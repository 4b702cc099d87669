// What is asked when a state of a group does not link, of whom and how often; and the answers to others' questions (PROTOCOL 8).
// States are signed and chained, so whoever was a member may pass them on.
import { randomBytes } from '../../crypto/random.ts'
import type { GroupChain } from '../../envelope/group-chain.ts'
import { memberOf, type SeenGroupState } from '../../envelope/group-state.ts'
import { type Bytes, hex } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { BoundedMap, BucketTable } from '../../util/rate.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Group } from './group.ts'
import type { GroupTable } from './group-table.ts'
import { payloadOf } from './state-row.ts'

/** Between two questions, and between two answers to one device. */
const ASK_EVERY_MS = 10_000
/** While an answer does not come, or does not help. */
const AGAIN_MS = [ASK_EVERY_MS, 10 * 60_000, 6 * 3_600_000] as const
/** Answers to all devices of one account: 64 states each, in the queue of everything else that we say there. */
const ANSWERS = { burst: 6, perSecond: 1 / 600 } as const
const COUNTED_MAX = 1000
/** A rival of our own last states may be the one that won: so many are asked for again. */
const ASK_BACK = 3
/** The second question is for everything. */
const ASKED_FOR_ALL = 2

export interface Sender {
  readonly acct: Bytes
  readonly dev: Bytes
}

export interface GroupQuestionsDeps {
  readonly me: Bytes
  readonly groups: GroupTable
  readonly outbox: () => Outbox
  readonly clock: Clock
  readonly log: Log
  /** It does not link yet. */
  readonly isOpen: (seen: SeenGroupState) => boolean
}

export class GroupQuestions {
  readonly #deps: GroupQuestionsDeps
  readonly #asked = new Map<string, { at: number; count: number }>()
  readonly #askLater = new Map<string, Timer>()
  /** The last state that did not link, and who showed it. */
  readonly #wanted = new Map<string, { readonly seen: SeenGroupState; readonly from: Sender }>()
  readonly #answered = new BoundedMap<number>(COUNTED_MAX)
  readonly #answers = new BucketTable(ANSWERS, COUNTED_MAX)
  #stopped = false

  constructor(deps: GroupQuestionsDeps) {
    this.#deps = deps
  }

  /** Everything was asked for, and an answer was to be expected. */
  isExhausted(conv: string): boolean {
    return (this.#asked.get(conv)?.count ?? 0) >= ASKED_FOR_ALL
  }

  stop(): void {
    this.#stopped = true
    for (const timer of this.#askLater.values()) timer.cancel()
  }

  /** Somebody who is out by what we know rests on what has lost here: he may be the one who missed it. */
  async contradict(conv: string, { state, h }: SeenGroupState, from: Sender): Promise<void> {
    const chain = this.#deps.groups.chain(conv)
    const isIn = memberOf(chain.current.state, from.acct) !== undefined
    if (!isIn && wasIn(chain, from.acct) && !chain.isInLine(h)) {
      await this.answer(conv, state.n, from)
    }
  }

  /** Somebody wants the states from n on: a member, or who was one hears of his end, and not what came after it. */
  async answer(conv: string, n: number, to: Sender): Promise<void> {
    const { groups, outbox, clock } = this.#deps
    const key = `${conv}/${hex(to.acct)}/${hex(to.dev)}`
    const now = clock.now()
    if (now - (this.#answered.get(key) ?? -Infinity) < ASK_EVERY_MS) return
    this.#answered.set(key, now)
    const monotonic = clock.monotonic()
    if (this.#answers.of(`${conv}/${hex(to.acct)}`, monotonic).take(monotonic) > 0) return
    const chain = groups.chain(conv)
    const isIn = memberOf(chain.current.state, to.acct) !== undefined
    for (const known of chain.line()) {
      const concerned = [known, chain.find(known.state.prev)]
      const isHis = concerned.some((each) => each && memberOf(each.state, to.acct) !== undefined)
      if (known.state.n < n || !(isIn || isHis)) continue
      await outbox().add(payloadOf(known), { conv, acct: to.acct, only: to.dev })
    }
  }

  /** Now, or when the last question is old enough; and again, to somebody else, while it does not help. */
  async ask(conv: string, seen: SeenGroupState, from: Sender): Promise<void> {
    const { clock } = this.#deps
    if (this.#stopped) return
    const before = this.#wanted.get(conv)
    if (before !== undefined && !this.#deps.isOpen(before.seen)) this.enough(conv)
    this.#wanted.set(conv, { seen, from })
    if (this.#askLater.has(conv)) return
    const last = this.#asked.get(conv) ?? { at: -Infinity, count: 0 }
    const wait = last.at + ASK_EVERY_MS - clock.now()
    if (wait <= 0) {
      this.#asked.set(conv, { at: clock.now(), count: last.count + 1 })
      await this.#askOne(conv, seen, from, last.count)
    }
    const pause = AGAIN_MS[Math.min(last.count, AGAIN_MS.length - 1)] ?? ASK_EVERY_MS
    const timer = clock.after(wait > 0 ? wait : pause, () => {
      this.#askLater.delete(conv)
      this.#askAgain(conv)
    })
    this.#askLater.set(conv, timer)
  }

  #askAgain(conv: string): void {
    const wanted = this.#wanted.get(conv)
    if (wanted === undefined || !this.#deps.isOpen(wanted.seen)) {
      this.enough(conv)
      return
    }
    this.ask(conv, wanted.seen, wanted.from).catch((error: unknown) => {
      this.#deps.log.warn('client.group.ask', { code: codeOf(error) })
    })
  }

  /** What was asked for is here. */
  enough(conv: string): void {
    this.#wanted.delete(conv)
    this.#askLater.get(conv)?.cancel()
    this.#askLater.delete(conv)
    this.#asked.set(conv, { at: this.#asked.get(conv)?.at ?? -Infinity, count: 0 })
  }

  async #askOne(conv: string, seen: SeenGroupState, from: Sender, count: number): Promise<void> {
    const { groups, outbox, clock } = this.#deps
    const group = groups.get(conv)
    if (group === undefined) return
    const candidates = this.#whoMayKnow(group, seen, from)
    const target = candidates[count % Math.max(1, candidates.length)]
    if (target === undefined) return
    const n = count === 0 ? Math.max(1, group.state.n - ASK_BACK) : 1
    await outbox().add(
      { k: 'group.get', id: randomBytes(16), ts: clock.now(), n },
      { conv, acct: target.acct, ...(target.dev === undefined ? {} : { only: target.dev }) },
    )
  }

  /**
   * Who showed it, those who are in it, admins, and everybody else. The stream of a question tells a state: who is not a member
   * any more hears of none that is newer than those he was in, and who never was one is not asked.
   */
  #whoMayKnow(
    { conv, state }: Group,
    { state: next }: SeenGroupState,
    from: Sender,
  ): { readonly acct: Bytes; readonly dev?: Bytes }[] {
    const chain = this.#deps.groups.chain(conv)
    const admins = state.mem.filter(({ admin }) => admin)
    const inside = next.mem.filter(({ acct }) => wasIn(chain, acct))
    const all = [...inside, ...admins, ...state.mem].map(({ acct }) => acct)
    const others = new Map(all.map((acct) => [hex(acct), acct]))
    others.delete(hex(this.#deps.me))
    others.delete(hex(from.acct))
    const rest = [...others.values()].map((acct) => ({ acct }))
    return wasIn(chain, from.acct) ? [from, ...rest] : rest
  }
}

/** A member by the current state, or by one before it. */
function wasIn(chain: GroupChain, acct: Bytes): boolean {
  return chain.line().some(({ state }) => memberOf(state, acct) !== undefined)
}
