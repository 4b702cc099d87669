// A property of a world full of devices: the same few runs each time, so that a suite never fails by chance; with SLOW=1 many,
// and random ones as well. A failure names seed and path: SEED=... SEED_PATH=... runs it again.
import type { ExecutionContext } from 'ava'
import fc from 'fast-check'

import { runs } from '../helpers/refusals.ts'
import type { Fleet } from './fleet.ts'

/** Of one property: with SLOW=1 there are many runs, and only then is a failure shrunk. */
const PATIENCE_MS = 3_600_000
const FIXED_RUNS = 1

/** `seed`: of the runs that are always made. */
export async function endsWell<F extends Fleet, T>(
  t: ExecutionContext,
  plans: fc.Arbitrary<T>,
  seed: number,
  gather: () => Promise<F>,
  run: (fleet: F, plan: T) => Promise<void>,
): Promise<void> {
  t.timeout(2 * PATIENCE_MS)
  const property = fc.asyncProperty(plans, async (plan) => {
    const fleet = await gather()
    try {
      await run(fleet, plan)
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      throw new Error(`${text}\n${fleet.log.join('\n')}`, { cause: error })
    } finally {
      fleet.end()
    }
  })
  const { SEED, SEED_PATH: path, SLOW } = process.env
  const isSlow = SLOW !== undefined
  const limits = { interruptAfterTimeLimit: PATIENCE_MS, endOnFailure: !isSlow }
  const options = { includeErrorInReport: true, ...limits }
  const fixed = SEED === undefined ? seed : Number(SEED)
  const again = path === undefined ? {} : { path }
  await fc.assert(property, { ...options, ...again, ...runs(FIXED_RUNS), seed: fixed })
  if (SEED === undefined && isSlow) await fc.assert(property, { ...options, ...runs(1) })
  t.pass()
}
