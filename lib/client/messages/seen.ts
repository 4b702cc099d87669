// How far a conversation had been read, as the history tells a new device: the last row there that says so (PROTOCOL 11). Numbers
// are each device's own, so the mark is with the row.
import type { MessageLog } from './message-log.ts'
import type { MessageRow } from './row.ts'

const PAGE = 200

/** Its conversation was read up to here. Null: it says so already. */
export function seen(row: MessageRow): MessageRow | null {
  return row.seen === true ? null : { ...row, seen: true }
}

/** Of the rows up to the number `upTo` the last that says so; 0: there is none. */
export async function seenTo(
  messages: Pick<MessageLog, 'arrivals'>,
  conv: string,
  upTo: number,
): Promise<number> {
  for (let before = upTo + 1; ;) {
    const rows = await messages.arrivals(conv, before, PAGE)
    const last = rows.findLast((row) => row.seen === true)
    if (last !== undefined || rows.length < PAGE) return last?.number ?? 0
    before = rows[0]?.number ?? 0
  }
}
