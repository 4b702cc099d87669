// What the message log is asked to write.
import type { Restoring } from './archived-log.ts'
import type { MessageRow } from './row.ts'

export type Update = (row: MessageRow) => MessageRow | null

export type Op =
  | { readonly do: 'insert'; readonly row: Omit<MessageRow, 'number'>; readonly replaces?: string }
  | { readonly do: 'update'; readonly key: string; readonly change: Update }
  | { readonly do: 'expire'; readonly number: number }
  | {
      readonly do: 'forget'
      readonly conv: string
      readonly isGone: (row: MessageRow) => boolean
      /** Stored before anything goes. */
      readonly mark?: Omit<MessageRow, 'number'>
    }
  | { readonly do: 'discard'; readonly key: string }
  | { readonly do: 'settle'; readonly row: MessageRow }
  | ({ readonly do: 'restore' } & Restoring)
