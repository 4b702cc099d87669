// Some requests cost a puzzle when the server is under pressure (PROTOCOL 4.5): solved here, then asked again.
import { solvePow } from '../../channel/pow.ts'
import type { Bytes } from '../../util/bytes.ts'
import { type Clock, sleep } from '../../util/clock.ts'
import { Refusal } from '../refusal.ts'

export interface PuzzleProof {
  readonly pow?: Bytes
  readonly seed?: Bytes
}

const TRIES = 3

export async function withPuzzle<T>(
  clock: Clock,
  ask: (proof: PuzzleProof) => Promise<T>,
): Promise<T> {
  let proof: PuzzleProof = {}
  for (let tries = 1; ; tries++) {
    try {
      return await ask(proof)
    } catch (error) {
      const puzzle = error instanceof Refusal ? error.puzzle : undefined
      if (puzzle === undefined || tries === TRIES) throw error
      const { seed, w } = puzzle
      proof = { seed, pow: await solvePow(seed, w, { pause: () => sleep(clock, 0) }) }
    }
  }
}
