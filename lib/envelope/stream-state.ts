// A receiver stream at rest: what must survive a restart so that the next message opens and none opens twice.
// Secret; the caller stores it sealed.
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { LIMITS } from '../protocol/limits.ts'
import { b, check, exact, list, lit, opt, tuple, u } from '../protocol/shape.ts'
import type { Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

/** The key of a message that was skipped, and when. */
export interface KeptKey {
  readonly messageKey: Bytes
  readonly at: number
}

/** What the header of a group stream says (PROTOCOL 6.2). */
export interface StreamGroup {
  /** H(group state). */
  readonly gs: Bytes
  /** The accounts it is addressed to, ascending. */
  readonly to: readonly Bytes[]
}

export interface StreamState {
  readonly st: Bytes
  readonly hp: Bytes
  readonly conv: Bytes
  readonly from: { readonly acct: Bytes; readonly dev: Bytes }
  readonly peer: Bytes
  /** Absent between two. */
  readonly group?: StreamGroup
  /** When the stream was opened, by the sender's clock. */
  readonly t: number
  /** SPKI of the sending device. */
  readonly dsk: Bytes
  readonly chainKey: Bytes
  readonly next: number
  /** By index, ascending. */
  readonly kept: ReadonlyMap<number, KeptKey>
}

const STATE = exact({
  v: lit(1),
  st: b(16),
  hp: b(32),
  conv: b(16),
  from: tuple(b(32), b(8)),
  peer: b(32),
  gs: opt(b(32)),
  to: opt(list(b(32), LIMITS.streamDevices)),
  t: u,
  dsk: b(294),
  ck: b(32),
  next: u,
  kept: list(tuple(u, b(32), u), LIMITS.skippedKeys),
})

export function encodeStreamState(state: StreamState): Buffer {
  const { st, hp, conv, from, peer, group, t, dsk, chainKey, next } = state
  return encode({
    ...{ v: 1, st, hp, conv, from: [from.acct, from.dev], peer, t, dsk, ck: chainKey, next },
    ...(group === undefined ? {} : { gs: group.gs, to: group.to }),
    kept: [...state.kept].map(([i, { messageKey, at }]) => [i, messageKey, at]),
  })
}

/** @throws E_FORMAT */
export function decodeStreamState(bytes: Bytes): StreamState {
  const fields = check(STATE, decodeCanonical(bytes), 'stream state')
  const { st, hp, conv, from, peer, gs, to = [], t, dsk, ck, next, kept } = fields
  let last = -1
  for (const [i] of kept) {
    if (i <= last || i >= next) fail('E_FORMAT', 'the skipped keys are not in order')
    last = i
  }
  return {
    st,
    hp,
    conv,
    from: { acct: from[0], dev: from[1] },
    peer,
    ...(gs === undefined ? {} : { group: { gs, to } }),
    t,
    dsk,
    chainKey: ck,
    next,
    kept: new Map(kept.map(([i, messageKey, at]) => [i, { messageKey, at }])),
  }
}
