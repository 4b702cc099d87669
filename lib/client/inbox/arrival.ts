// An opened message on its way to where it belongs, and the row it becomes.
import type { StreamGroup } from '../../envelope/stream-state.ts'
import { decodePayload, type Payload, type UnsupportedPayload } from '../../protocol/payloads.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import { codeOf } from '../../util/errors.ts'
import type { MessageRow } from '../messages/row.ts'
import { timed } from '../messages/timing.ts'
import type { Peer } from '../people/peer.ts'

export type Unnumbered = Omit<MessageRow, 'number'>

export interface Arrival {
  /** hex */
  readonly conv: string
  /** The account at the other end of the conversation; in a group the one that sent it. */
  readonly peer: Peer
  readonly from: { readonly acct: Bytes; readonly dev: Bytes }
  readonly payload: Payload | UnsupportedPayload
  readonly bytes: Bytes
  readonly mid: Bytes
  readonly resent: boolean
}

export interface GroupArrival extends Arrival {
  /** What the stream says it rests on, and whom it is for. */
  readonly stream: StreamGroup
  /** This device has asked for it. */
  readonly isAnswer?: boolean
}

/** What is left to do with a row: store it, then show it. */
export interface Content {
  readonly row: Unnumbered
  /** The placeholder it fills. */
  readonly replaces?: string
}

export function rowOf(arrival: Arrival, me: Bytes, now: number): Unnumbered {
  const { conv, from, payload, bytes, mid, resent } = arrival
  const row: Unnumbered = {
    key: hex(mid),
    conv,
    acct: from.acct,
    dev: from.dev,
    ts: payload.ts,
    at: now,
    payload: bytes,
    own: equal(from.acct, me),
    resent,
  }
  return timed(row, payload)
}

/** Null: it is no payload. */
export function readable(bytes: Bytes): Payload | UnsupportedPayload | null {
  try {
    return decodePayload(bytes)
  } catch (error) {
    if (codeOf(error) === 'E_FORMAT') return null
    throw error
  }
}
