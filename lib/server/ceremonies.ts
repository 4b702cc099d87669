// Password ceremonies cost milliseconds of the event loop and strangers may begin them: the whole process does so many a
// second, and asks for puzzles long before it is busy with nothing else (PROTOCOL 4.5).
import { LIMITS } from '../protocol/limits.ts'
import type { Bytes } from '../util/bytes.ts'
import { Bucket } from '../util/rate.ts'
import { type Debtor, demandPuzzle } from './puzzle.ts'
import { refuse } from './refusal.ts'

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

  /** Returns when one may begin; `bits` is the puzzle it costs anyway. @throws E_POW E_BUSY */
  begin(
    caller: Debtor,
    bits: number,
    request: { readonly pow?: Bytes; readonly seed?: Bytes },
    now: number,
  ): void {
    const isRush = this.#free.take(now) > 0
    demandPuzzle(caller, isRush ? Math.max(bits, LIMITS.puzzleMinBits) : bits, request)
    const wait = this.#all.take(now)
    if (wait > 0) refuse('E_BUSY', { after: wait })
  }
}
