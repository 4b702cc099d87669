// Small documents an account keeps for its own devices: block list, contacts, settings, e-mail (PROTOCOL 11). The server
// sees a name, a version and a padded size.
import { ctx } from '../crypto/ctx.ts'
import { pad, unpad } from '../crypto/padding.ts'
import type { AccountId } from '../identity/conversation.ts'
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { check, map, type Shape, u } from '../protocol/shape.ts'
import { type Bytes, u32, utf8 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import type { ArchiveKeys, BlobName } from './archive-keys.ts'

/** A blob of one account in one version: all of it is bound into the seal. */
export interface BlobPlace extends AccountId {
  readonly name: BlobName
  /** Strictly increasing; the highest seen is remembered and passed on in `sync`. */
  readonly ver: number
}

const PADDING_FLOOR = 1024
/** The `d` of `blob.put` (PROTOCOL 14.2). */
const SEALED_MAX_BYTES = 65_536

const VERSION = map({ ver: u })
/** Versions travel as u32 inside contexts. */
const VERSION_MAX = 2 ** 32 - 1

function context({ srv, acct, name, ver }: BlobPlace): Buffer {
  return ctx('blob', srv, acct, utf8(name), u32(ver))
}

/** @throws E_TOO_BIG when it would not fit into a frame */
export function sealBlob(
  keys: ArchiveKeys,
  place: BlobPlace,
  content: Readonly<Record<string, unknown>>,
): Buffer {
  const plaintext = pad(encode({ ...content, ver: place.ver }), PADDING_FLOOR)
  const sealed = keys.seal(place.name, context(place), plaintext)
  if (sealed.length > SEALED_MAX_BYTES) fail('E_TOO_BIG', `The list "${place.name}" is too long.`)
  return sealed
}

function refuse(name: BlobName): never {
  return fail(
    'E_DECRYPT',
    `The list "${name}" that the server keeps for this account does not open.`,
  )
}

/** The content of the shape asked for. @throws E_DECRYPT for every failure: other keys, place or version, or damage */
export function openBlob<T>(
  keys: ArchiveKeys,
  place: BlobPlace,
  sealed: Bytes,
  shape: Shape<T>,
): T {
  if (place.ver > VERSION_MAX) refuse(place.name)
  const padded = keys.open(place.name, context(place), sealed) ?? refuse(place.name)
  try {
    const value = decodeCanonical(unpad(padded, PADDING_FLOOR) ?? refuse(place.name))
    if (check(VERSION, value).ver !== place.ver) refuse(place.name)
    return check(shape, value)
  } catch {
    return refuse(place.name)
  }
}
