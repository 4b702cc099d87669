// What the server turned away, counted by reason since its start; and once a minute, in the log, the networks that were turned
// away most, so that its operator knows whom to ban. Strangers decide what is counted here: memory and lines are bounded.
import { addressBlock } from '../channel/address.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Log } from '../util/log.ts'
import { BoundedMap } from '../util/rate.ts'

/** Whole connections (banned, no room, no valid handshake), then single requests. */
export const REASONS = [
  'banned',
  'full',
  'handshake',
  'login',
  'guess',
  'rate',
  'registration',
  'invitation',
] as const
export type Reason = (typeof REASONS)[number]

/** Of one reason. */
interface Tally {
  total: number
  /** Since the last report. */
  recent: number
  readonly networks: BoundedMap<number>
}

export interface RefusalLogDeps {
  readonly log: Log
  /** What is told apart in the log; default: the block that limits count by. */
  readonly networkOf?: ((remoteAddress: string) => string) | undefined
  /** Monotonic. */
  readonly now: number
}

export class RefusalLog {
  readonly #log: Log
  readonly #networkOf: (remoteAddress: string) => string
  readonly #tallies = new Map<Reason, Tally>(
    REASONS.map((reason) => [
      reason,
      { total: 0, recent: 0, networks: new BoundedMap(LIMITS.reportedNetworks) },
    ]),
  )
  #reportedAt: number

  constructor({ log, networkOf = addressBlock, now }: RefusalLogDeps) {
    this.#log = log
    this.#networkOf = networkOf
    this.#reportedAt = now
  }

  note(reason: Reason, remoteAddress: string): void {
    const tally = this.#tallies.get(reason)
    if (tally === undefined) return
    const { networks } = tally
    const network = this.#networkOf(remoteAddress)
    tally.total++
    tally.recent++
    networks.set(network, (networks.get(network) ?? 0) + 1)
  }

  totals(): Readonly<Record<Reason, number>> {
    const totals = [...this.#tallies].map(([reason, { total }]) => [reason, total] as const)
    return Object.fromEntries(totals) as Record<Reason, number>
  }

  /** Reports when it is time to. */
  sweep(now: number): void {
    if (now - this.#reportedAt < LIMITS.reportEveryMs) return
    this.#reportedAt = now
    this.report()
  }

  /** Names who was turned away since the last report: the worst of each reason, and how often all others were. */
  report(): void {
    for (const [reason, tally] of this.#tallies) {
      if (tally.recent === 0) continue
      const worst = [...tally.networks.entries()]
        .sort(([, a], [, b]) => b - a)
        .slice(0, LIMITS.reportedLines)
      let others = tally.recent
      for (const [address, count] of worst) {
        others -= count
        this.#log.warn(`refused.${reason}`, { address, count })
      }
      // whom there was no line for, or no memory
      if (others > 0) this.#log.warn(`refused.${reason}`, { others })
      tally.recent = 0
      tally.networks.clear()
    }
  }
}
