// Bytes <-> values: RFC 8949 with text keys, deterministic (4.2) for everything signed or hashed. The one home of cborg.
// Knows no structure: what the value must look like is the business of shapes.
import { encode as encodeCbor, rfc8949EncodeOptions } from 'cborg'
import { equal, view, type Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { read } from './cbor-reader.ts'

const OPTIONS = {
  ...rfc8949EncodeOptions,
  ignoreUndefinedProperties: true,
  typeEncoders: { number: checkedNumber, bigint: refused },
}

/**
 * Deterministic encoding: the only bytes of this value. Fields that are `undefined` are left out. TypeError for a number that
 * a reader would refuse or read as another one: fractions, NaN, what is beyond 2^53-1.
 */
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
  return isEncodingOf(value, bytes) ? value : fail('E_FORMAT', 'CBOR: not canonical')
}

function isEncodingOf(value: unknown, bytes: Bytes): boolean {
  try {
    return equal(encode(value), bytes)
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}

/** Null: as cborg does it. */
function checkedNumber(value: unknown): null {
  return Number.isSafeInteger(value) ? null : refused(value)
}

function refused(value: unknown): never {
  throw new TypeError(`CBOR: ${String(value)} is no integer of the protocol`)
}
