// How far an own message got with each member of a group (PROTOCOL 8, 9.1): delivered with the first receipt, read when
// everybody says so. Pure.
import { LIMITS } from '../../protocol/limits.ts'
import { equal } from '../../util/bytes.ts'
import type { MessageState } from '../events.ts'
import { advances, type MessageRow } from './row.ts'

export type Reached = NonNullable<MessageRow['reached']>

/** The row with what is known of these members; null when that is nothing new. */
export function withReached(row: MessageRow, more: Reached): MessageRow | null {
  const before = row.reached ?? []
  const reached = mergedReached(before, more)
  const state = stateOf(reached)
  const isAhead = state !== null && advances(row.state, state)
  const isSame =
    reached.length === before.length && reached.every(([, how], i) => how === before[i]?.[1])
  if (isSame && !isAhead) return null
  return { ...row, reached, ...(isAhead ? { state } : {}) }
}

/**
 * Of each member the furthest; in the order in which they came. Not more than a group has members: an admin could put any
 * number of accounts into it, one after the other, and a row of them all could not be read again.
 */
export function mergedReached(one: Reached, other: Reached): Reached {
  const merged = [...one]
  for (const [acct, how] of other) {
    const at = merged.findIndex(([each]) => equal(each, acct))
    const before = merged[at]
    if (before === undefined) {
      if (merged.length < LIMITS.members) merged.push([acct, how])
    } else if (how > before[1]) merged[at] = [acct, how]
  }
  return merged
}

function stateOf(reached: Reached): MessageState | null {
  if (reached.length > 0 && reached.every(([, how]) => how === 2)) return 'read'
  return reached.some(([, how]) => how > 0) ? 'delivered' : null
}
