// One message of the AES-256-GCM relay: u32 length || u32 destination || ciphertext || tag, the header as associated data.
import { createCipheriv, createDecipheriv } from 'node:crypto'

const HEADER_BYTES = 8
const TAG_BYTES = 16
const OPTIONS = { authTagLength: TAG_BYTES } as const

/** All its clients share one: it measures, it protects nobody. */
export const RELAY_KEY: Buffer = Buffer.alloc(32, 7)

/** Nonces of one direction. */
export class GcmCounter {
  readonly #nonce = Buffer.alloc(12)
  #count = 0

  next(): Buffer {
    this.#nonce.writeUInt32BE(this.#count++, 8)
    return this.#nonce
  }
}

export function gcmMessage(key: Buffer, nonce: Buffer, to: number, payload: Buffer): Buffer {
  const end = HEADER_BYTES + payload.length
  const out = Buffer.allocUnsafe(end + TAG_BYTES)
  out.writeUInt32BE(payload.length + TAG_BYTES, 0)
  out.writeUInt32BE(to, 4)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, OPTIONS)
  cipher.setAAD(out.subarray(0, HEADER_BYTES))
  out.set(cipher.update(payload), HEADER_BYTES)
  cipher.final()
  out.set(cipher.getAuthTag(), end)
  return out
}

/** The payload of a whole message; throws when it was changed. */
export function openGcm(key: Buffer, nonce: Buffer, message: Buffer): Buffer {
  const end = message.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, OPTIONS)
  decipher.setAAD(message.subarray(0, HEADER_BYTES))
  decipher.setAuthTag(message.subarray(end))
  const payload = decipher.update(message.subarray(HEADER_BYTES, end))
  decipher.final()
  return payload
}
