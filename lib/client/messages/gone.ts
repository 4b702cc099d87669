// A chat that was deleted for oneself: the row that says so in the history, and which rows it is about (PROTOCOL 11). Pure.
import { randomBytes } from '../../crypto/random.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { MessageRow } from './row.ts'

export interface GoneMark {
  /** hex */
  readonly conv: string
  /** The device on which it was deleted. */
  readonly dev: Bytes
  /** Number of the mark on that device: it had everything of the conversation with a smaller one. */
  readonly number: number
  /** ms */
  readonly at: number
}

/** Where a row was read: in the chain of this device, under this number. */
export interface Origin {
  readonly dev: Bytes
  readonly n: number
}

const KEY = /^gone-[0-9a-f]{32}$/

export function isGoneKey(key: string): boolean {
  return KEY.test(key)
}

export function goneRow(
  conv: string,
  { acct, dev }: DeviceId,
  at: number,
): Omit<MessageRow, 'number'> {
  const key = `gone-${hex(randomBytes(16))}`
  const row = { key, conv, acct, dev, ts: at, at, payload: new Uint8Array(0) }
  return { ...row, own: true, resent: false, aside: 'gone' }
}

/**
 * Whether the mark covers a row. The device that set it knows exactly what it had; of what others have, all that was said or
 * had arrived by then: a device that was away must not bring it back.
 */
export function isCovered(
  mark: GoneMark,
  row: Pick<MessageRow, 'conv' | 'ts' | 'at'>,
  origin?: Origin,
): boolean {
  if (mark.conv !== row.conv) return false
  if (origin !== undefined && equal(origin.dev, mark.dev)) return origin.n < mark.number
  return Math.min(row.ts, row.at) <= mark.at
}

/** It has not left yet: its author wants it sent, whatever else is deleted. */
export function isOnItsWay({ state }: Pick<MessageRow, 'state'>): boolean {
  return state === 'queued' || state === 'sent' || state === 'held'
}
