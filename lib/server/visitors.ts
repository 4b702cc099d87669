// Connections on which nobody is logged in yet: how many there may be, how long each may stay, who makes room for the next
// (PROTOCOL 4.5). They cost a stranger nothing, so they may never take the place of people: the oldest goes.
import type { WireCode } from '../util/errors.ts'

/** At most one connection in so many is a visitor's. */
const SHARE = 4
const MIN_VISITORS = 16

/** A connection, as far as it matters here. */
export interface Visitor {
  readonly block: string
  /** Monotonic. */
  readonly since: number
  /** Until when it may stay because a login or registration is under way (monotonic). */
  readonly patientUntil: number
  bye(code: WireCode): Promise<void>
}

export interface VisitorLimits {
  /** Of all connections. */
  readonly maxClients: number
  /** 0: no limit. */
  readonly perBlock: number
  readonly lifeMs: number
}

export class Visitors {
  /** The oldest first, here and in each block. */
  readonly #all = new Set<Visitor>()
  readonly #blocks = new Map<string, Set<Visitor>>()
  #max!: number
  #perBlock!: number
  #lifeMs!: number

  constructor(limits: VisitorLimits) {
    this.limit(limits)
  }

  /** From now on; nobody who is here is sent away for it. */
  limit(limits: VisitorLimits): void {
    this.#max = Math.max(MIN_VISITORS, Math.ceil(limits.maxClients / SHARE))
    this.#perBlock = limits.perBlock
    this.#lifeMs = limits.lifeMs
  }

  get count(): number {
    return this.#all.size
  }

  /** Takes one more; who was here longest goes when there are too many, of its block or in all. */
  add(visitor: Visitor, now: number): void {
    const { block } = visitor
    const here = this.#blocks.get(block) ?? new Set()
    if (this.#perBlock > 0 && here.size >= this.#perBlock) this.dismiss(now, block)
    if (this.#all.size >= this.#max) this.dismiss(now)
    this.#all.add(visitor)
    this.#blocks.set(block, here.add(visitor))
  }

  /** It logged in, or is gone. */
  delete(visitor: Visitor): void {
    if (!this.#all.delete(visitor)) return
    const here = this.#blocks.get(visitor.block)
    here?.delete(visitor)
    if (here?.size === 0) this.#blocks.delete(visitor.block)
  }

  /**
   * Sends the oldest away (of a block, if one is named), before any that is busy logging in. Its client connects again
   * when its person has typed what it asked for. False: there is none.
   */
  dismiss(now: number, block?: string): boolean {
    const among = block === undefined ? this.#all : (this.#blocks.get(block) ?? [])
    let oldest: Visitor | null = null
    for (const visitor of among) {
      oldest ??= visitor
      if (visitor.patientUntil > now) continue
      oldest = visitor
      break
    }
    if (oldest !== null) this.#send(oldest)
    return oldest !== null
  }

  /** Sends away those whose time is over. */
  sweep(now: number): void {
    for (const visitor of this.#all) {
      if (now < visitor.since + this.#lifeMs) return
      if (now >= visitor.patientUntil) this.#send(visitor)
    }
  }

  #send(visitor: Visitor): void {
    this.delete(visitor)
    void visitor.bye('E_RATE')
  }
}
