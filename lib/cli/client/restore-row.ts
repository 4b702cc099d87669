// What is said while the history comes back.
import type { RestoreProgress } from '../../client/archive-api.ts'

/** A sentence for the time until everything is there. */
export function restoring({ restored, expected }: RestoreProgress): string {
  const of = expected > 0 ? `: ${String(restored)} of about ${String(expected)} messages` : ''
  return `Your history is still coming back${of}.`
}
