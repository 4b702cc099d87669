// Where a line stands in its conversation. Lines stand in the order of their numbers, which is the order of arrival; but what
// comes late from the history goes where it belongs: before what its author's device said later (PROTOCOL 11).
import { equal } from '../../util/bytes.ts'
import type { MessageRow } from './row.ts'

export type Order = 'ascending' | 'descending'

/** What decides about the place of a line. */
export type Placed = Pick<MessageRow, 'number' | 'before' | 'ts'>

/** Lines that are looked at: at first, and when these do not tell. */
export const LOOK_BACK = [64, 1024] as const

export function compareLines(p: Placed, q: Placed): number {
  const place = (p.before ?? p.number) - (q.before ?? q.number)
  if (place !== 0) return place
  if (p.before === undefined || q.before === undefined) {
    return Number(p.before === undefined) - Number(q.before === undefined)
  }
  return p.ts - q.ts || p.number - q.number
}

export function inPlace<R extends Placed>(lines: readonly R[], order: Order): R[] {
  const sign = order === 'ascending' ? 1 : -1
  return [...lines].sort((p, q) => sign * compareLines(p, q))
}

/**
 * The number before which a late line stands; null: at the end of these.
 *
 * `lines`: those that stand before its number, newest first. `isLate`: they came live, and it did not. `isInOrder`: the clock
 * of its device had not been ahead before, so that it tells the order of its messages.
 * `newest`: when that device said the last thing among them; `isKnown`: false when older lines could change the answer.
 */
export function placeAmong(
  row: Omit<MessageRow, 'number'>,
  lines: readonly MessageRow[],
  { isLate, isInOrder }: { readonly isLate: boolean; readonly isInOrder: boolean },
): { readonly before: number | null; readonly newest: number; readonly isKnown: boolean } {
  let newest = row.ts
  let before: number | null = null
  let isMoving = isLate
  for (const line of lines) {
    // nobody knows yet when this was said
    if (line.placeholder !== undefined) continue
    const isLater = line.ts > row.ts
    const isSameDevice = equal(line.acct, row.acct) && equal(line.dev, row.dev)
    if (isSameDevice) newest = Math.max(newest, line.ts)
    if (isSameDevice && (!isLater || !isInOrder)) return { before, newest, isKnown: true }
    // what others said later goes along, down to the first that they did not
    if (isSameDevice) isMoving = true
    else if (!isMoving) continue
    else if (!isLater) isMoving = false
    if (isMoving) before = line.before ?? line.number
  }
  return { before, newest, isKnown: false }
}
