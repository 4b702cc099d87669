// Two versions of one row, one of them from the archive: which one counts (PROTOCOL 11). Pure.
import { advances, type MessageRow } from './row.ts'

/**
 * The row with what the archive adds to it, null when that is nothing. What was changed on this device is newer than any
 * version of the archive; between versions the later one counts, and a delivery state never goes back.
 */
export function joined(known: MessageRow, archived: Omit<MessageRow, 'number'>): MessageRow | null {
  if (known.restored === undefined) return null
  const later = (archived.restored ?? 0) > known.restored
  const [base, other] = later ? [archived, known] : [known, archived]
  const { state } = other
  const isAhead = state !== undefined && base.state !== state && advances(base.state, state)
  if (!later && !isAhead) return null
  return { ...base, number: known.number, ...(isAhead ? { state } : {}) }
}
