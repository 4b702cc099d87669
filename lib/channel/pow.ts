// Puzzles against floods (PROTOCOL 4.5): cheap to check, 2^w hashes to solve. Used by the handshake (seed = h0) and, with
// a seed of the server's choice, by requests answered with E_POW.
import { ctx } from '../crypto/ctx.ts'
import { sha256 } from '../crypto/hash.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

export const POW_BYTES = 8

/** Hashes between two pauses: about ten milliseconds, so a prompt stays alive while the puzzle is solved. */
const SLICE = 1 << 14

function leadingZeroBits(hash: Bytes): number {
  let bits = 0
  for (const byte of hash) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24
    bits += 8
  }
  return bits
}

/** True when H(ctx("pow", seed, pow)) starts with at least `bits` zero bits; with bits = 0 every pow will do. */
export function powOk(seed: Bytes, bits: number, pow: Bytes): boolean {
  if (pow.length !== POW_BYTES) return false
  return bits === 0 || leadingZeroBits(sha256(ctx('pow', seed, pow))) >= bits
}

export interface PowOptions {
  /** Lets other work run between two slices. */
  readonly pause: () => Promise<void>
  /** Throws when the solution is no longer wanted. */
  readonly check?: () => void
}

/**
 * The first counter that solves the puzzle.
 *
 * @throws E_POW when the puzzle is harder than a client should accept, or what `check` throws
 */
export async function solvePow(seed: Bytes, bits: number, options: PowOptions): Promise<Buffer> {
  if (bits > LIMITS.puzzleRefusedAboveBits) {
    fail('E_POW', `The server asks for a puzzle of ${bits} bits, which is not reasonable.`)
  }
  const pow = Buffer.alloc(POW_BYTES)
  if (bits === 0) return pow
  const input = ctx('pow', seed, pow) // the counter is its last part and is written in place
  const at = input.length - POW_BYTES
  for (let i = 0; leadingZeroBits(sha256(input)) < bits;) {
    i += 1
    input.writeUInt32BE(i, at + 4)
    if (i % SLICE === 0) {
      await options.pause()
      options.check?.()
    }
  }
  input.copy(pow, 0, at)
  return pow
}
