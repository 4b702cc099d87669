// The payloads of an introduction (PROTOCOL 7.1, 12).
import type { Payload, PayloadOf } from '../../protocol/payloads.ts'

export type DirectPayload = PayloadOf<'p2p.offer'> | PayloadOf<'p2p.answer'> | PayloadOf<'p2p.up'>

export function isDirect(payload: Payload): payload is Payload & DirectPayload {
  return payload.k === 'p2p.offer' || payload.k === 'p2p.answer' || payload.k === 'p2p.up'
}
