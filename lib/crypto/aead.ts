// AES-256-GCM in the two forms the protocol allows (PROTOCOL 2): seal1 for a key used once, seal for a long-lived key.
import { createCipheriv, createDecipheriv } from 'node:crypto'

import { type Bytes, concat, equalSecret } from '../util/bytes.ts'
import { ctx } from './ctx.ts'
import { hkdf } from './hash.ts'
import { randomBytes } from './random.ts'

const TAG_BYTES = 16
const SALT_BYTES = 32
const COMMITMENT_BYTES = 32
const Z12 = Buffer.alloc(12)
const SEAL_INFO = ctx('seal')

/** Bytes that `seal` adds to its plaintext: salt, commitment, tag. */
export const SEAL_OVERHEAD_BYTES: number = SALT_BYTES + COMMITMENT_BYTES + TAG_BYTES

/** ciphertext || 16-byte tag. The caller owns nonce uniqueness: records and file chunks only. */
export function gcmSeal(key: Bytes, nonce: Bytes, aad: Bytes, plaintext: Bytes): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(aad)
  const body = cipher.update(plaintext)
  cipher.final()
  return concat(body, cipher.getAuthTag())
}

/** Null for every failure. */
export function gcmOpen(key: Bytes, nonce: Bytes, aad: Bytes, sealed: Bytes): Buffer | null {
  if (sealed.length < TAG_BYTES) return null
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  const plaintext = decipher.update(sealed.subarray(0, -TAG_BYTES))
  try {
    decipher.final()
  } catch {
    return null
  }
  return plaintext
}

/** AEAD with a zero nonce: only for a key that seals exactly one plaintext. */
export function seal1(key: Bytes, aad: Bytes, plaintext: Bytes): Buffer {
  return gcmSeal(key, Z12, aad, plaintext)
}

export function open1(key: Bytes, aad: Bytes, sealed: Bytes): Buffer | null {
  return gcmOpen(key, Z12, aad, sealed)
}

function sealKeys(key: Bytes, salt: Bytes): { once: Buffer; commitment: Buffer } {
  const okm = hkdf(key, salt, SEAL_INFO, 64)
  return { once: okm.subarray(0, 32), commitment: okm.subarray(32) }
}

/**
 * Key-committing seal under a long-lived key: salt(32) || commitment(32) || AES-256-GCM.
 * No stored counter, so no nonce can repeat after a crash or a restored backup.
 */
export function seal(
  key: Bytes,
  aad: Bytes,
  plaintext: Bytes,
  salt: Bytes = randomBytes(SALT_BYTES),
): Buffer {
  const { once, commitment } = sealKeys(key, salt)
  return concat(salt, commitment, seal1(once, aad, plaintext))
}

/** Null for every failure; the commitment is compared first, in constant time. */
export function open(key: Bytes, aad: Bytes, sealed: Bytes): Buffer | null {
  if (sealed.length < SEAL_OVERHEAD_BYTES) return null
  const { once, commitment } = sealKeys(key, sealed.subarray(0, SALT_BYTES))
  const body = SALT_BYTES + COMMITMENT_BYTES
  if (!equalSecret(commitment, sealed.subarray(SALT_BYTES, body))) return null
  return open1(once, aad, sealed.subarray(body))
}
