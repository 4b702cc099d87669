// Puzzles for single requests (PROTOCOL 4.5, last lines): the request comes back with E_POW, and again with the solution.
// A seed belongs to one connection and is good for one request.
import { powOk } from '../channel/pow.ts'
import { randomBytes } from '../crypto/random.ts'
import { type Bytes, equal } from '../util/bytes.ts'
import { refuse } from './refusal.ts'

const SEED_BYTES = 16

/** Who owes the solution of a puzzle: a connection. */
export interface Debtor {
  puzzleSeed: Bytes | null
}

/** Returns when `bits` is 0 or the request carries the solution. @throws E_POW with a fresh seed otherwise */
export function demandPuzzle(
  caller: Debtor,
  bits: number,
  request: { readonly pow?: Bytes; readonly seed?: Bytes },
): void {
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
