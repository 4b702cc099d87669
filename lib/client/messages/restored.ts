// Two versions of one row, one of them from the history on the server: which one counts (PROTOCOL 11). Pure.
import { equal } from '../../util/bytes.ts'
import { mergedReached } from './reached.ts'
import { merged, NO_MARKS } from './marks.ts'
import { advances, encodeRow, type MessageRow } from './row.ts'
import { settled, voided } from './settle.ts'

/**
 * The row with what the other version adds to it, null when that is nothing. What was changed on this device is newer than
 * any version of the history; between versions the later one counts; a delivery state never goes back, and what is deleted
 * stays deleted, what was read stays read. Edits and reactions of both are one set.
 */
export function joined(known: MessageRow, archived: Omit<MessageRow, 'number'>): MessageRow | null {
  // whatever stands for nothing on one device does so on all
  if (known.aside === 'void') return null
  if (archived.aside === 'void') return known.placeholder === undefined ? null : voided(known)
  const version = known.restored ?? Infinity
  const { number, before, ts, at } = known
  // when it came here decides about its place, and that stays
  const other = { ...archived, number, ts, at, ...(before === undefined ? {} : { before }) }
  const isLater = (archived.restored ?? 0) > version
  const base = isLater || (archived.deleted === true && known.deleted !== true) ? other : known
  const marks = merged(known.marks ?? NO_MARKS, archived.marks ?? NO_MARKS)
  const reached = reachedOf(known, archived)
  const isSeen = known.seen === true || archived.seen === true
  const seen = isSeen ? ({ seen: true } as const) : {}
  const next = { ...settled(base, marks), ...stateOf(known, archived), ...reached, ...seen }
  return equal(encodeRow(next), encodeRow(known)) ? null : next
}

/** What members of a group said on either side. */
function reachedOf(
  { reached }: MessageRow,
  { reached: other }: Omit<MessageRow, 'number'>,
): Pick<MessageRow, 'reached'> {
  if (reached === undefined && other === undefined) return {}
  return { reached: mergedReached(reached ?? [], other ?? []) }
}

function stateOf(
  { state }: MessageRow,
  { state: other }: Omit<MessageRow, 'number'>,
): Pick<MessageRow, 'state'> {
  if (other === undefined || (state !== undefined && !advances(state, other))) {
    return state === undefined ? {} : { state }
  }
  return { state: other }
}
