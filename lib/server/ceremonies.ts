// Password ceremonies cost milliseconds of the event loop and strangers may begin them: the whole process does so many a
// second, and asks for puzzles long before it is busy with nothing else (PROTOCOL 4.5).
import { LIMITS } from '../protocol/limits.ts'
import { Bucket } from '../util/rate.ts'

const BURST_S = 4

export class Ceremonies {
  /** Half of them cost no puzzle. */
  readonly #free: Bucket
  readonly #all: Bucket

  /** `perSecond` 0: no limit. */
  constructor(perSecond: number, now: number) {
    this.#free = new Bucket({ perSecond: perSecond / 2, burst: (BURST_S * perSecond) / 2 }, now)
    this.#all = new Bucket({ perSecond, burst: BURST_S * perSecond }, now)
  }

  /** The puzzle the next one costs, at least `bits`. */
  puzzleBits(bits: number, now: number): number {
    return this.#free.take(now) > 0 ? Math.max(bits, LIMITS.puzzleMinBits) : bits
  }

  /** 0: it may begin. Else the milliseconds to wait. */
  begin(now: number): number {
    return this.#all.take(now)
  }
}
