// The small interface behind which the rest of the client sees the message store: what was said, paged by conversation, and
// what was made of it afterwards.
import type { Change } from './marks.ts'
import type { MessageRow } from './row.ts'
import type { Newest } from './row-table.ts'

/** A message that was changed. */
export interface Touched {
  readonly before: MessageRow
  readonly after: MessageRow
}

export interface Inserted {
  readonly row: MessageRow
  /** False: it was there already; only a placeholder that it makes superfluous was removed. */
  readonly fresh: boolean
  /** It took the number and place of a placeholder. */
  readonly replaced: boolean
  /** The row is a change (PROTOCOL 7.2), and this is what it did to messages that are here. */
  readonly change?: Change
  readonly touched?: readonly Touched[]
  /** The message it answers, if that is here. */
  readonly answers?: MessageRow
}

export interface MessageLog {
  /** Gives the row the next number unless its key is known. `replaces`: the placeholder whose place and number it takes. */
  insert(row: Omit<MessageRow, 'number'>, replaces?: string): Promise<Inserted>
  /** `change` gives the new row or null for "leave it"; resolves to the changed row, null when nothing changed. */
  update(key: string, change: (row: MessageRow) => MessageRow | null): Promise<MessageRow | null>
  /** This placeholder stands for nothing. Resolves to it; null when there is none. */
  discard(key: string): Promise<MessageRow | null>
  byKey(key: string): Promise<MessageRow | null>
  byNumber(number: number): Promise<MessageRow | null>
  /** The last `limit` lines that stand before the one of this number, ascending. */
  page(conv: string, before: number | null, limit: number): Promise<MessageRow[]>
  /** The first `limit` lines that stand behind the one of this number, ascending. */
  after(conv: string, after: number, limit: number): Promise<MessageRow[]>
  /** The last `limit` lines that arrived before the one of this number, ascending. */
  arrivals(conv: string, before: number | null, limit: number): Promise<MessageRow[]>
  /** When the last thing was said in it (ms, as far as that is believed); 0: nothing was. */
  lastSaid(conv: string): Promise<number>
  /** As `after`, of what lies beside the lines, by number. */
  changesAfter(conv: string, after: number, limit: number): Promise<MessageRow[]>
  /** Of each of these conversations in which there is a line. */
  newest(convs: readonly string[]): Promise<Map<string, Newest>>
  /** From this number on, looking costs nothing. */
  readonly recentFrom: number
  /** Blocks of lines, newest first, among them all whose texts hold `needle` (lower case). */
  scan(conv: string | null, needle: string): AsyncGenerator<readonly MessageRow[]>
  /** Removes those rows of one conversation. `mark` is what says so to others, stored first; resolves to it with its number. */
  forget(
    conv: string,
    isGone: (row: MessageRow) => boolean,
    mark?: Omit<MessageRow, 'number'>,
  ): Promise<MessageRow | null>
  /** Leaves nothing but the name of a message; null when there is nothing left to remove. */
  expire(number: number): Promise<MessageRow | null>
  /** Waits for everything asked for so far. */
  idle(): Promise<void>
}
