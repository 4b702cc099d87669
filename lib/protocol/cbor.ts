// Bytes <-> values: RFC 8949 with text keys, deterministic (4.2) for everything signed or hashed. The one home of cborg.
// Knows no structure: what the value must look like is the business of shapes.
import { encode as encodeCbor, rfc8949EncodeOptions } from 'cborg'
import { equal, view, type Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { read } from './cbor-reader.ts'

const OPTIONS = { ...rfc8949EncodeOptions, ignoreUndefinedProperties: true }

/** Deterministic encoding: the only bytes of this value. Fields that are `undefined` are left out. */
export function encode(value: unknown): Buffer {
  return view(encodeCbor(value, OPTIONS))
}

/** Strict (PROTOCOL 2), for frames: well-formed, minimal, no duplicate keys; key order may differ. */
export function decodeStrict(bytes: Bytes): unknown {
  return read(bytes)
}

/**
 * Canonical (PROTOCOL 2), for everything signed or hashed: a value has exactly one encoding. Whatever the reader
 * understood, cborg must turn it into the very same bytes again.
 */
export function decodeCanonical(bytes: Bytes): unknown {
  const value = read(bytes)
  return equal(encode(value), bytes) ? value : fail('E_FORMAT', 'CBOR: not canonical')
}
