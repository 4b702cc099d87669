// The message log as the history on the server needs it (PROTOCOL 11).
import type { MessageRow } from './row.ts'

/** Numbers that are kept free for rows of the history. */
export interface FreeNumbers {
  /** Null: there is none left. */
  take(): number | null
  /** A row of the history has this number already. */
  used(number: number): void
}

export interface Restoring {
  /** `restored` and `filled` say what it is. */
  readonly row: Omit<MessageRow, 'number'>
  readonly numbers: FreeNumbers
}

export interface Restored {
  readonly row: MessageRow
  /** It was not here before. */
  readonly fresh: boolean
  /** It took the number and place of a placeholder. */
  readonly replaced: boolean
}

export interface ArchivedLog {
  byKey(key: string): Promise<MessageRow | null>
  /** The first rows that the history lacks in this version, ascending. */
  due(limit: number): Promise<MessageRow[]>
  /** The history has these versions; what has changed meanwhile stays due. */
  settle(rows: readonly MessageRow[]): Promise<void>
  /** A row of the history is not due. */
  restore(what: Restoring): Promise<Restored>
  /** Numbers up to this one are never given to new rows. */
  reserve(upTo: number): void
  readonly isEmpty: boolean
}
