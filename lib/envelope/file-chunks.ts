// Files in sealed chunks (PROTOCOL 10). Pure functions of one chunk: whoever reads and writes files holds one at a time.
//
//   k || nk = HKDF(fk, "", ctx("file", fid), 64);  aad_i = ctx("chunk", fid, u32 i, u8 last)
//   nonce_i = HMAC(nk, aad_i || pt_i)[0:12];       chunk_i = nonce_i || AEAD(k, nonce_i, aad_i, pt_i)
//
// The nonce depends on the content: sealing an unchanged chunk again gives the same bytes, a changed one another nonce.
import { inspect } from 'node:util'

import { gcmOpen, gcmSeal } from '../crypto/aead.ts'
import { ctx } from '../crypto/ctx.ts'
import { hkdf, hmac } from '../crypto/hash.ts'
import { type Bytes, concat, NO_BYTES, u32, u8 } from '../util/bytes.ts'

const NONCE_BYTES = 12

/** Bytes that sealing adds to a chunk: nonce and tag. */
export const CHUNK_OVERHEAD_BYTES: number = NONCE_BYTES + 16

/** The two keys of one file; they do not print. */
export class FileKeys {
  readonly #key: Buffer
  readonly #nonceKey: Buffer

  constructor(fk: Bytes, fid: Bytes) {
    const okm = hkdf(fk, NO_BYTES, ctx('file', fid), 64)
    this.#key = okm.subarray(0, 32)
    this.#nonceKey = okm.subarray(32)
  }

  seal(aad: Bytes, plaintext: Bytes): Buffer {
    const nonce = hmac(this.#nonceKey, aad, plaintext).subarray(0, NONCE_BYTES)
    return concat(nonce, gcmSeal(this.#key, nonce, aad, plaintext))
  }

  open(aad: Bytes, chunk: Bytes): Buffer | null {
    if (chunk.length < CHUNK_OVERHEAD_BYTES) return null
    const nonce = chunk.subarray(0, NONCE_BYTES)
    return gcmOpen(this.#key, nonce, aad, chunk.subarray(NONCE_BYTES))
  }

  toJSON(): string {
    return 'FileKeys(hidden)'
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}

export function fileKeys(fk: Bytes, fid: Bytes): FileKeys {
  return new FileKeys(fk, fid)
}

function context(fid: Bytes, i: number, last: boolean): Buffer {
  return ctx('chunk', fid, u32(i), u8(last ? 1 : 0))
}

export function sealChunk(
  keys: FileKeys,
  fid: Bytes,
  i: number,
  last: boolean,
  plaintext: Bytes,
): Buffer {
  return keys.seal(context(fid, i, last), plaintext)
}

/** Null for every failure: another file, place or end, or any changed byte. */
export function openChunk(
  keys: FileKeys,
  fid: Bytes,
  i: number,
  last: boolean,
  chunk: Bytes,
): Buffer | null {
  return keys.open(context(fid, i, last), chunk)
}
