// The message log as the history on the server needs it (PROTOCOL 11).
import type { Inserted, MessageLog } from './log.ts'
import type { MessageRow } from './row.ts'

/** Numbers that are kept free for rows of the history. */
export interface FreeNumbers {
  /** Null: there is none left. */
  take(): number | null
  /** A row of the history has this number already. */
  used(number: number): void
}

/** What the history on the server needs beyond that (PROTOCOL 11). */
export interface ArchivedLog extends MessageLog {
  /** The first rows that the history lacks in this version, ascending. */
  due(limit: number): Promise<MessageRow[]>
  /** The history has these versions; what has changed meanwhile stays due. */
  settle(rows: readonly MessageRow[]): Promise<void>
  /** A row of the history: `restored` and `filled` say what it is. It is not due. */
  restore(row: Omit<MessageRow, 'number'>, numbers: FreeNumbers): Promise<Inserted>
  /** Numbers up to this one are never given to new rows. */
  reserve(upTo: number): void
  readonly isEmpty: boolean
}
