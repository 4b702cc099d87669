// A signed state of a group in the sealed local store, with what this device has to remember about it.
import type { KnownGroupState } from '../../envelope/group-chain.ts'
import { rereadGroupState, type SignedGroupState } from '../../envelope/group-state.ts'
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { from } from '../../protocol/composites.ts'
import { bRange, check, flag, map, opt, u } from '../../protocol/shape.ts'
import type { Bytes } from '../../util/bytes.ts'
import { type Change, decodeChange, encodeChange } from './change.ts'

/** What the states themselves do not say. */
export interface StateNote {
  /** The line in the conversation is not stored yet. */
  readonly untold?: true
  /** Made here: what it was meant to change. */
  readonly change?: Change
}

export interface KeptState {
  readonly known: KnownGroupState
  readonly note: StateNote
}

const STORED = map({
  by: from,
  b: bRange(1, 16_384),
  s: bRange(256, 256),
  r: opt(u),
  q: opt(flag),
  u: opt(flag),
  ch: opt(bRange(1, 8192)),
})

export function encodeState({ known, note }: KeptState): Buffer {
  const { signed, replaced, quiet } = known
  return encode({
    ...{ by: signed.by, b: signed.b, s: signed.s, r: replaced, q: quiet, u: note.untold },
    ch: note.change === undefined ? undefined : encodeChange(note.change),
  })
}

export function decodeState(body: Bytes): KeptState {
  const f = check(STORED, decodeStrict(body), 'group state')
  const signed: SignedGroupState = { by: f.by, b: f.b, s: f.s }
  return {
    known: {
      ...rereadGroupState(signed),
      ...(f.r === undefined ? {} : { replaced: f.r }),
      ...(f.q === undefined ? {} : { quiet: f.q }),
    },
    note: {
      ...(f.u === undefined ? {} : { untold: f.u }),
      ...(f.ch === undefined ? {} : { change: decodeChange(f.ch) }),
    },
  }
}
