// Puzzles for single requests (PROTOCOL 4.5, last lines): the request comes back with E_POW, and again with the solution.
// A seed belongs to one connection and is good for one request.
import { powOk } from '../channel/pow.ts'
import { randomBytes } from '../crypto/random.ts'
import { type Bytes, equal } from '../util/bytes.ts'
import type { Caller } from './handler.ts'
import { refuse } from './refusal.ts'

const SEED_BYTES = 16

interface Solved {
  readonly pow?: Bytes
  readonly seed?: Bytes
}

/** Returns when a password ceremony may begin; `bits` is the puzzle it costs anyway. @throws E_POW E_BUSY */
export function beginCeremony(caller: Caller, bits: number, request: Solved, now: number): void {
  const { ceremonies } = caller.services
  demandPuzzle(caller, ceremonies.puzzleBits(bits, now), request)
  const wait = ceremonies.begin(now)
  if (wait > 0) refuse('E_BUSY', { after: wait })
}

/** Returns when `bits` is 0 or the request carries the solution. @throws E_POW with a fresh seed otherwise */
function demandPuzzle(caller: Caller, bits: number, request: Solved): void {
  if (bits === 0) return
  const { pow, seed } = request
  const given = caller.puzzleSeed
  caller.puzzleSeed = null
  if (given !== null && seed !== undefined && pow !== undefined) {
    if (equal(seed, given) && powOk(seed, bits, pow)) return
  }
  caller.puzzleSeed = randomBytes(SEED_BYTES)
  refuse('E_POW', { w: bits, seed: caller.puzzleSeed })
}
