// Batches of an account's own messages, sealed for its devices and chained per device (PROTOCOL 11).
import { ctx } from '../crypto/ctx.ts'
import { sha256 } from '../crypto/hash.ts'
import { pad, unpad } from '../crypto/padding.ts'
import type { DeviceId } from '../identity/conversation.ts'
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { from } from '../protocol/composites.ts'
import { b, bRange, check, exact, type Infer, list, opt, u } from '../protocol/shape.ts'
import { type Bytes, u32, u64 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import type { ArchiveKeys } from './archive-keys.ts'

export const BATCH_ITEMS_MAX = 64
/** The `x` of an item: what is longer does not open again. */
export const REST_MAX_BYTES = 49_152
/** The `d` of `hist.put` (PROTOCOL 14.2). */
const SEALED_MAX_BYTES = 131_072

/** Batch number `seq` of one device; the epoch comes from the keys. */
export interface BatchPlace extends DeviceId {
  readonly seq: number
}

const ITEM = exact({
  c: b(16),
  f: from,
  at: u,
  p: bRange(0, 49_152),
  n: u,
  v: u,
  w: opt(b(32)),
  x: bRange(1, REST_MAX_BYTES),
})
const BATCH = exact({ prev: b(32), rows: u, items: list(ITEM, BATCH_ITEMS_MAX) })

/**
 * One version of one row: conversation, sending device, arrival time, payload (empty: a placeholder), number on the device
 * that appended it, when it did, the other account (own rows), and what else the row holds.
 */
export type HistoryItem = Infer<typeof ITEM>
export type HistoryBatch = Infer<typeof BATCH>

function context({ srv, acct, dev, seq }: BatchPlace, e: number): Buffer {
  return ctx('hist', srv, acct, dev, u32(e), u64(seq))
}

/** H(d): the `prev` of the next batch; its first 16 bytes go around in `sync`. */
export function batchHash(sealed: Bytes): Buffer {
  return sha256(sealed)
}

/** @throws E_TOO_BIG when it would not fit into a frame: put fewer items into it */
export function sealBatch(keys: ArchiveKeys, place: BatchPlace, batch: HistoryBatch): Buffer {
  if (batch.items.length > BATCH_ITEMS_MAX) throw new RangeError('a batch has at most 64 items')
  const sealed = keys.seal('history', context(place, keys.e), pad(encode(batch)))
  return sealed.length > SEALED_MAX_BYTES ? fail('E_TOO_BIG', 'The batch is too long.') : sealed
}

function refuse(): never {
  return fail('E_DECRYPT', 'A part of the history that the server keeps does not open.')
}

/** @throws E_DECRYPT for every failure */
export function openBatch(keys: ArchiveKeys, place: BatchPlace, sealed: Bytes): HistoryBatch {
  const padded = keys.open('history', context(place, keys.e), sealed) ?? refuse()
  try {
    return check(BATCH, decodeCanonical(unpad(padded) ?? refuse()))
  } catch {
    return refuse()
  }
}
