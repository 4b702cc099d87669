// What devices tell each other beside the message, so that a server that withholds or forks is noticed (PROTOCOL 6.3).
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { b, check, list, map, opt, tuple, u } from '../protocol/shape.ts'
import type { Bytes } from '../util/bytes.ts'

/** Bundle number, device list number, H(device list b)[0:8] of the sender. */
export interface OwnVersions {
  readonly b: number
  readonly d: number
  readonly dh: Bytes
}

export interface Gossip {
  /** The last index seen in each of the peer's streams, at most eight. */
  readonly q?: readonly (readonly [st: Bytes, i: number])[]
  /** In the first message of a stream. */
  readonly v?: OwnVersions
}

const GOSSIP = map({
  q: opt(list(tuple(b(16), u), 8)),
  v: opt(map({ b: u, d: u, dh: b(8) })),
})

export function encodeGossip({ q, v }: Gossip): Buffer {
  return encode({ q, v })
}

/** @throws E_FORMAT */
export function decodeGossip(bytes: Bytes): Gossip {
  return check(GOSSIP, decodeCanonical(bytes), 'gossip')
}
