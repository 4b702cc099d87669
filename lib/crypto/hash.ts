// SHA-256, HMAC and HKDF (RFC 5869), thin over node:crypto. Inputs are tiny; nothing here is worth a thread.
import { createHash, createHmac, hkdfSync } from 'node:crypto'

import { type Bytes, concat, NO_BYTES } from '../util/bytes.ts'

/** H of PROTOCOL 2 over the concatenation of the parts; 32 bytes. */
export function sha256(...parts: readonly Bytes[]): Buffer {
  const h = createHash('sha256')
  for (const part of parts) h.update(part)
  return h.digest()
}

/** HMAC-SHA-256 over the concatenation of the parts; 32 bytes. */
export function hmac(key: Bytes, ...parts: readonly Bytes[]): Buffer {
  const h = createHmac('sha256', key)
  for (const part of parts) h.update(part)
  return h.digest()
}

/** HKDF with SHA-256, extract then expand. */
export function hkdf(ikm: Bytes, salt: Bytes, info: Bytes, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', ikm, salt, info, length))
}

/** RFC 5869 2.2. */
export function hkdfExtract(salt: Bytes, ikm: Bytes): Buffer {
  return hmac(salt, ikm)
}

/** RFC 5869 2.3; node:crypto has no expand of its own. */
export function hkdfExpand(prk: Bytes, info: Bytes, length: number): Buffer {
  if (length > 255 * 32) throw new RangeError('HKDF-Expand gives at most 8160 bytes')
  const blocks: Buffer[] = []
  let last: Bytes = NO_BYTES
  for (let i = 1; blocks.length * 32 < length; i++) {
    const block = hmac(prk, last, info, Buffer.of(i))
    blocks.push(block)
    last = block
  }
  return concat(...blocks).subarray(0, length)
}
