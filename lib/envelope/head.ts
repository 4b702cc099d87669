// The header of a stream: from whom, in which conversation, to exactly which devices (PROTOCOL 6.2).
//
//   { k:"env", suite:1, srv, conv, st, gs, from:[acct,dev], t:ms, x:eph_pub, com, to:[[acct,[[dev,klid]...]]...] }
//
// Bytes and structure only; whether to accept it is head-check.ts.
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { LIMITS } from '../protocol/limits.ts'
import { b, check, exact, list, lit, tuple, u } from '../protocol/shape.ts'
import { SUITE } from '../protocol/version.ts'
import { type Bytes, compare, concat } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { headHash } from './chain.ts'

export interface Addressee {
  readonly acct: Bytes
  readonly dev: Bytes
  readonly klid: Bytes
}

export interface HeadFields {
  readonly srv: Bytes
  readonly conv: Bytes
  readonly st: Bytes
  /** H(group state) or zeros. */
  readonly gs: Bytes
  readonly from: { readonly acct: Bytes; readonly dev: Bytes }
  /** The sender's clock, ms since 1970. */
  readonly t: number
  /** The ephemeral X25519 key of the stream. */
  readonly x: Bytes
  readonly com: Bytes
  /** All devices in the order of the flattened `to`: the position of a wrap is its index here. */
  readonly to: readonly Addressee[]
}

export interface Head extends HeadFields {
  readonly hp: Bytes
}

const HEAD = exact({
  k: lit('env'),
  suite: lit(SUITE),
  srv: b(32),
  conv: b(16),
  st: b(16),
  gs: b(32),
  from: tuple(b(32), b(8)),
  t: u,
  x: b(32),
  com: b(32),
  // an account entry with a third element is reserved for federation and refused (6.2)
  to: list(
    tuple(b(32), list(tuple(b(8), b(16)), LIMITS.streamDevices, 1)),
    LIMITS.streamDevices,
    1,
  ),
})

/** Accounts strictly ascending, devices strictly ascending within one. */
export function inHeadOrder(a: Addressee, b: Addressee): number {
  return compare(a.acct, b.acct) || compare(a.dev, b.dev)
}

/** `to` must be in head order. */
export function encodeHead(head: HeadFields): Buffer {
  const to: [Bytes, [Bytes, Bytes][]][] = []
  for (const { acct, dev, klid } of head.to) {
    const last = to.at(-1)
    if (last !== undefined && compare(last[0], acct) === 0) last[1].push([dev, klid])
    else to.push([acct, [[dev, klid]]])
  }
  const { srv, conv, st, gs, from, t, x, com } = head
  return encode({
    ...{ k: 'env', suite: SUITE, srv, conv, st, gs, from: [from.acct, from.dev], t, x, com },
    to,
  })
}

function strictlyAscending(items: readonly Bytes[]): boolean {
  return items.every((item, i) => {
    const before = items[i - 1]
    return before === undefined || compare(before, item) < 0
  })
}

/** The part of rule 1 of PROTOCOL 6.5 that needs no knowledge. @throws E_FORMAT */
export function decodeHead(bytes: Bytes): Head {
  const { to, from, srv, conv, st, gs, t, x, com } = check(HEAD, decodeCanonical(bytes), 'head')
  const flat = to.flatMap(([acct, devs]) => devs.map(([dev, klid]) => ({ acct, dev, klid })))
  if (
    flat.length > LIMITS.streamDevices ||
    !strictlyAscending(to.map(([acct]) => acct)) ||
    !strictlyAscending(flat.map(({ acct, dev }) => concat(acct, dev)))
  ) {
    fail('E_FORMAT', 'the recipients of a head are not in order')
  }
  const sender = { acct: from[0], dev: from[1] }
  return { srv, conv, st, gs, from: sender, t, x, com, to: flat, hp: headHash(bytes) }
}
