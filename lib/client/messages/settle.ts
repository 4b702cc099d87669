// A row and what has been made of it. Pure: the marks in, the row as it must lie in the store out.
import { decodePayload } from '../../protocol/payloads.ts'
import { equal } from '../../util/bytes.ts'
import { without } from '../without.ts'
import { counting, type Marks, NO_MARKS } from './marks.ts'
import type { MessageRow } from './row.ts'

type Unnumbered = Omit<MessageRow, 'number'>

const NOTHING = new Uint8Array(0)

/** A line of a conversation that edits, reactions and deletions can be about. */
export function canBeMarked(row: Unnumbered): boolean {
  return row.placeholder === undefined && row.aside === undefined
}

/** The row with these marks on it; the very same row when they change nothing. */
export function settled<R extends Unnumbered>(row: R, marks: Marks): R {
  if (!canBeMarked(row) || row.deleted === true) return row
  const isText = row.payload.length > 0 && decodePayload(row.payload).k === 'text'
  const counted = counting(marks, row.acct, row.at, isText)
  if (counted.deletions.length > 0) {
    const deleted: Unnumbered = {
      ...row,
      payload: NOTHING,
      deleted: true,
      marks: { ...NO_MARKS, deletions: counted.deletions },
    }
    return deleted as R
  }
  const isEmpty = counted.edits.length + counted.reactions.length + counted.rows.length === 0
  return isEmpty && row.marks === undefined ? row : { ...row, marks: counted }
}

/** What is left of a row whose time is over, or of an edit of a deleted message: its name, so that it does not come back. */
export function emptied<R extends Unnumbered>(row: R): R {
  return row.payload.length === 0 ? row : { ...row, payload: NOTHING }
}

/** Nobody takes the place of what somebody else has sent. */
export function standsFor(row: MessageRow, late: Unnumbered): boolean {
  return row.placeholder !== undefined && equal(row.acct, late.acct)
}

/** A placeholder that stands for nothing here: what is left of it tells the history, which may have it (PROTOCOL 11). */
export function voided<R extends Unnumbered>(row: R): R {
  return { ...without(row, 'placeholder'), aside: 'void' } as Unnumbered as R
}
