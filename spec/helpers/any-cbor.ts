// CBOR of anything, also of what our own encoder refuses: what a hostile peer can write.
import { encode, rfc8949EncodeOptions } from 'cborg'

export function encodeAny(value: unknown): Buffer {
  return Buffer.from(encode(value, { ...rfc8949EncodeOptions, ignoreUndefinedProperties: true }))
}
