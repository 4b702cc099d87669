// A row of the message log as an item of a history batch and back (PROTOCOL 11). What this version does not know of a row
// travels along: the item carries the stored form, not a list of fields.
import { type HistoryItem, REST_MAX_BYTES } from '../../envelope/history.ts'
import { messageId } from '../../identity/conversation.ts'
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { decodePayload } from '../../protocol/payloads.ts'
import { type Bytes, equal, fromHex, hex } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import { isGoneKey } from '../messages/gone.ts'
import { decodeRow, encodeRow, type MessageRow } from '../messages/row.ts'

type Fields = Record<string, unknown>

/** Fields of a stored row that the item has itself, or that mean something on one device only. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['n', 'c', 'a', 'd', 'at', 'p', 'v', 'of', 'be'])
/** What was made of it later. */
const MARKS = 'mk'
/** Of a message that was on its way: nobody else knows what became of it. */
const UNSETTLED: ReadonlySet<unknown> = new Set(['queued', 'sent', 'held'])
const PLACEHOLDER = /^gap-[0-9a-f]{32}$/
const MID = /^[0-9a-f]{32}$/

/** Messages with a timer never go into the history (PROTOCOL 7.2). */
export function isKept(row: MessageRow): boolean {
  if (row.aside === 'expired' || row.expires !== undefined || row.ttl !== undefined) return false
  if (row.payload.length === 0) return true
  const payload = decodePayload(row.payload)
  return !('ttl' in payload)
}

/** What the history keeps of a row that it does not keep itself: the place that it took was a placeholder there. Null: nothing. */
export function remainderOf(row: MessageRow): MessageRow | null {
  if (row.filled === undefined) return null
  const { number, conv, acct, dev, ts, at, own, filled: key } = row
  const payload = new Uint8Array(0)
  return { number, key, conv, acct, dev, ts, at, payload, own, resent: false, aside: 'void' }
}

/** `other`: the account at the other end of its conversation. */
export function itemOf(row: MessageRow, other: Bytes | undefined, now: number): HistoryItem {
  const stored = decodeStrict(encodeRow(row)) as Fields
  const { [MARKS]: marks, ...rest } = Object.fromEntries(
    Object.entries(stored).filter(([name]) => !OWN_FIELDS.has(name)),
  )
  const whole = encode({ ...rest, [MARKS]: marks })
  return {
    c: fromHex(row.conv),
    f: [row.acct, row.dev],
    at: row.at,
    p: row.payload,
    n: row.number,
    v: now,
    ...(row.own && other !== undefined ? { w: other } : {}),
    // reactions of a crowd come back all the same: each of them is a row as well
    x: whole.length > REST_MAX_BYTES ? encode(rest) : whole,
  }
}

/**
 * The row of an item, as `me` keeps it.
 *
 * @throws E_FORMAT when it is none: the key does not follow from the payload, for example
 */
export function rowOf(item: HistoryItem, me: Bytes): Omit<MessageRow, 'number'> {
  const [acct, dev] = item.f
  const x = decodeStrict(item.x) as Fields
  const own = equal(acct, me)
  const stored: Fields = {
    ...x,
    ...{ n: item.n, c: hex(item.c), a: acct, d: dev, at: item.at, p: item.p, v: item.v },
    o: own ? true : undefined,
    s: UNSETTLED.has(x['s']) ? undefined : x['s'],
  }
  const row = decodeRow(encode(stored))
  if (!hasItsKey(row)) fail('E_FORMAT', 'an item of the history is not what it says')
  // numbers of other rows mean something on one device only; the rows themselves come as well
  return row.marks === undefined ? row : { ...row, marks: { ...row.marks, rows: [] } }
}

/** Of a deleted message only the name is left. */
function hasItsKey(row: MessageRow): boolean {
  if (row.placeholder !== undefined) return PLACEHOLDER.test(row.key)
  if (row.payload.length > 0) return row.key === keyOf(row)
  if (row.aside === 'gone') return row.own && isGoneKey(row.key)
  if (row.aside === 'void') return PLACEHOLDER.test(row.key)
  return MID.test(row.key) && (row.deleted === true || row.aside === 'change')
}

function keyOf({ conv, acct, payload }: MessageRow): string {
  return hex(messageId(fromHex(conv), acct, decodePayload(payload).id))
}
