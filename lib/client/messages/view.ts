// From a stored row to what a front end shows. Texts stay raw: the output filter is the front end's (PROTOCOL 13).
import { decodePayload } from '../../protocol/payloads.ts'
import type { MessageBody, MessageView } from '../events.ts'
import { hex } from '../../util/bytes.ts'
import type { MessageRow } from './row.ts'

const DAY_MS = 24 * 3_600_000
/** PROTOCOL 6.5, 7: outside of this the author's clock is not believed. */
const AHEAD_MS = DAY_MS
const OLD_MS = 31 * DAY_MS

export interface Names {
  /** The other person of a conversation. */
  chat(conv: string): string
  user(acct: Uint8Array): string
}

function bodyOf(row: MessageRow): MessageBody {
  if (row.placeholder !== undefined) return { kind: 'placeholder', why: row.placeholder }
  const payload = decodePayload(row.payload)
  if (payload.k === 'text') return { kind: 'text', text: payload.b }
  if (payload.k === 'file') {
    const { name, size, cap } = payload
    const caption = cap === undefined ? {} : { caption: cap }
    return { kind: 'file', offer: row.offer ?? 0, name, size, ...caption }
  }
  if (payload.k === 'req') return { kind: 'request', request: row.offer ?? 0, note: payload.b }
  return { kind: 'unsupported', what: payload.k === 'unsupported' ? payload.kind : payload.k }
}

export function viewOf(row: MessageRow, names: Names): MessageView {
  return {
    number: row.number,
    mid: row.placeholder === undefined ? row.key : '',
    conv: row.conv,
    chat: names.chat(row.conv),
    from: names.user(row.acct),
    acct: hex(row.acct),
    own: row.own,
    ts: row.ts,
    at: row.at,
    timeDoubtful: row.ts - row.at > AHEAD_MS || row.at - row.ts > OLD_MS,
    body: bodyOf(row),
    ...(row.state === undefined ? {} : { state: row.state }),
    resent: row.resent,
  }
}
