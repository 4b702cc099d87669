// Bytes <-> values: RFC 8949 with text keys, deterministic (4.2) for everything signed or hashed. The one home of cborg.
// Knows no structure: what the value must look like is the business of shapes.
import { decode, encode as encodeCbor, rfc8949EncodeOptions } from 'cborg'
import { equal, view, type Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { LIMITS } from './limits.ts'

const STRICT = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
} as const

/** Deterministic encoding: the only bytes of this value. Absent fields may be `undefined`. */
export function encode(value: unknown): Buffer {
  return view(encodeCbor(value, { ...rfc8949EncodeOptions, ignoreUndefinedProperties: true }))
}

/** Strict (PROTOCOL 2), for frames: well-formed, minimal, no duplicate keys; key order may differ. */
export function decodeStrict(bytes: Bytes): unknown {
  let value: unknown
  try {
    value = decode(bytes, STRICT)
  } catch (cause) {
    return fail('E_FORMAT', 'not strict CBOR', cause)
  }
  return depth(value) <= LIMITS.cborDepth ? value : fail('E_FORMAT', 'CBOR nested too deeply')
}

/** Canonical (PROTOCOL 2), for everything signed or hashed: one value has exactly one encoding. */
export function decodeCanonical(bytes: Bytes): unknown {
  const value = decodeStrict(bytes)
  return equal(encode(value), bytes) ? value : fail('E_FORMAT', 'not canonical CBOR')
}

function depth(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 0
  let deepest = 0
  for (const v of Object.values(value)) deepest = Math.max(deepest, depth(v))
  return deepest + 1
}
