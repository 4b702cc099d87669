// Who may begin a handshake, and how hard that is made, before any cryptography (PROTOCOL 4.5): a token bucket per address
// block, a puzzle while hellos pour in, a number of RSA operations at once.
import { LIMITS } from '../protocol/limits.ts'
import { BucketTable } from '../util/rate.ts'
import { addressBlock } from './address.ts'

export interface AdmissionLimits {
  /** Handshakes one address block may begin: so many at once, so many per second after that; 0: no limit. */
  readonly burst: number
  readonly perSecond: number
  /** Hellos per second above which a puzzle is asked for. */
  readonly puzzleAbovePerSecond: number
}

export const ADMISSION_LIMITS: AdmissionLimits = {
  burst: LIMITS.handshakeBurst,
  perSecond: LIMITS.handshakesPerSecond,
  puzzleAbovePerSecond: LIMITS.puzzleAboveHandshakesPerSecond,
}

/** Blocks remembered: those used longest ago are forgotten, which only gives them a full bucket again. */
const MAX_BLOCKS = 65_536
/** A puzzle stays for so long after the rush: else it would come and go each second. */
const PUZZLE_HOLD_MS = 10_000

export class Admission {
  readonly #limits: AdmissionLimits
  readonly #buckets: BucketTable
  #second = 0
  #hellos = 0
  #bits = 0
  #bitsUntil = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
    this.#buckets = new BucketTable(limits, MAX_BLOCKS)
  }

  /** Takes a token of the address block; false when it has none. */
  admit(remoteAddress: string, now: number): boolean {
    if (this.#limits.perSecond === 0) return true
    return this.#buckets.of(addressBlock(remoteAddress), now).take(now) === 0
  }

  /** Counts a ClientHello, whatever it is worth. */
  helloArrived(now: number): void {
    const second = Math.floor(now / 1000)
    if (second !== this.#second) this.#hellos = 0
    this.#second = second
    this.#hellos += 1
    const above = this.#hellos / this.#limits.puzzleAbovePerSecond
    if (above <= 1) return
    const { puzzleMinBits, puzzleMaxBits } = LIMITS
    const bits = Math.min(puzzleMaxBits, puzzleMinBits + Math.floor(Math.log2(above)))
    if (bits < this.puzzleBits(now)) return
    this.#bits = bits
    this.#bitsUntil = now + PUZZLE_HOLD_MS
  }

  /** Zero bits that the next hello must pay; 0 in quiet times. */
  puzzleBits(now: number): number {
    return now < this.#bitsUntil ? this.#bits : 0
  }
}
