// A receiver stream at rest: what must survive a restart so that the next message opens and none opens twice.
// Secret; the caller stores it sealed.
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { LIMITS } from '../protocol/limits.ts'
import { b, check, exact, list, lit, tuple, u } from '../protocol/shape.ts'
import type { Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

/** The key of a message that was skipped, and when. */
export interface KeptKey {
  readonly messageKey: Bytes
  readonly at: number
}

export interface StreamState {
  readonly st: Bytes
  readonly hp: Bytes
  readonly conv: Bytes
  readonly from: { readonly acct: Bytes; readonly dev: Bytes }
  readonly peer: Bytes
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
  t: u,
  dsk: b(294),
  ck: b(32),
  next: u,
  kept: list(tuple(u, b(32), u), LIMITS.skippedKeys),
})

export function encodeStreamState(state: StreamState): Buffer {
  const { st, hp, conv, from, peer, t, dsk, chainKey, next } = state
  return encode({
    ...{ v: 1, st, hp, conv, from: [from.acct, from.dev], peer, t, dsk, ck: chainKey, next },
    kept: [...state.kept].map(([i, { messageKey, at }]) => [i, messageKey, at]),
  })
}

/** @throws E_FORMAT */
export function decodeStreamState(bytes: Bytes): StreamState {
  const fields = check(STATE, decodeCanonical(bytes), 'stream state')
  const { st, hp, conv, from, peer, t, dsk, ck, next, kept } = fields
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
    t,
    dsk,
    chainKey: ck,
    next,
    kept: new Map(kept.map(([i, messageKey, at]) => [i, { messageKey, at }])),
  }
}
