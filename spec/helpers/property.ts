// Properties in runs of any length: few by default, many with SLOW=1, in batches between which the test runner is heard.
import { setImmediate } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import fc from 'fast-check'
import { runs } from './refusals.ts'

const BATCH = 1000
const PATIENCE_MS = 900_000

/** Checks a property `few` times, a hundred times as often with SLOW=1. */
export async function holds<T>(
  t: ExecutionContext,
  property: fc.IProperty<T>,
  few: number,
): Promise<void> {
  t.timeout(PATIENCE_MS)
  for (let left = runs(few).numRuns; left > 0; left -= BATCH) {
    await setImmediate()
    fc.assert(property, { numRuns: Math.min(left, BATCH) })
  }
  t.pass()
}
