// Which message a row answers (PROTOCOL 7.1 `re`).
import { decodePayload } from '../../protocol/payloads.ts'
import { hex } from '../../util/bytes.ts'
import type { MessageRow } from './row.ts'

/** hex of the mid that a row answers. */
export function answerOf(row: MessageRow): string | null {
  if (row.payload.length === 0) return null
  const payload = decodePayload(row.payload)
  const isAnswer = payload.k === 'text' || payload.k === 'file'
  return isAnswer && payload.re !== undefined ? hex(payload.re) : null
}

/** The message that a row answers, if it belongs to the same conversation; null when there is none here. */
export async function answeredBy(
  row: MessageRow,
  byKey: (key: string) => Promise<MessageRow | null>,
): Promise<MessageRow | null> {
  const key = answerOf(row)
  const found = key === null ? null : await byKey(key)
  return found?.conv === row.conv ? found : null
}
