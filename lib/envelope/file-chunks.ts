// Files in sealed chunks (PROTOCOL 10). Pure functions of one chunk: whoever reads and writes files holds one at a time.
//
//   k || nk = HKDF(fk, "", ctx("file", fid), 64);  aad_i = ctx("chunk", fid, u32 i, u8 last)
//   nonce_i = HMAC(nk, aad_i || pt_i)[0:12];       chunk_i = nonce_i || AEAD(k, nonce_i, aad_i, pt_i)
//
// The nonce depends on the content: sealing an unchanged chunk again gives the same bytes, a changed one another nonce.
import { inspect } from 'node:util'

import { gcmOpen, gcmSeal } from '../crypto/aead.ts'
import { ctx } from '../crypto/ctx.ts'
import { hkdf, hmac, sha256 } from '../crypto/hash.ts'
import { padme } from '../crypto/padding.ts'
import { LIMITS } from '../protocol/limits.ts'
import { type Bytes, concat, hex, NO_BYTES, u32, u8 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16
const ZEROS = Buffer.alloc(LIMITS.chunkBytes)

/** How a file of a given size is cut: all chunks are full but the last; zeros fill up to the padded size. */
export class FileLayout {
  readonly size: number
  /** Padme(size), at least 256: what the server sees, so that a length says little. */
  readonly paddedSize: number
  readonly chunkCount: number

  /** @throws E_TOO_BIG */
  constructor(size: number) {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError('a file has a size')
    if (size > LIMITS.fileBytes) {
      fail('E_TOO_BIG', `A file can have at most ${LIMITS.fileBytes / 2 ** 30} GB.`)
    }
    this.size = size
    this.paddedSize = padme(size)
    this.chunkCount = Math.ceil(this.paddedSize / LIMITS.chunkBytes)
  }

  /** Where chunk i begins in the file; beyond its end for a chunk of padding. */
  offset(i: number): number {
    return i * LIMITS.chunkBytes
  }

  /** Bytes of chunk i with padding. */
  paddedLength(i: number): number {
    return Math.min(LIMITS.chunkBytes, this.paddedSize - this.offset(i))
  }

  /** Bytes of the file itself in chunk i; 0 for a chunk of padding. */
  realLength(i: number): number {
    return Math.max(0, Math.min(LIMITS.chunkBytes, this.size - this.offset(i)))
  }

  isLast(i: number): boolean {
    return i === this.chunkCount - 1
  }
}

/** The keys of one file; they do not print. */
export class FileKeys {
  readonly fid: Bytes
  readonly #key: Buffer
  readonly #nonceKey: Buffer

  constructor(fk: Bytes, fid: Bytes) {
    const okm = hkdf(fk, NO_BYTES, ctx('file', fid), 64)
    this.fid = fid
    this.#key = okm.subarray(0, 32)
    this.#nonceKey = okm.subarray(32)
  }

  seal(i: number, last: boolean, plaintext: Bytes): Buffer {
    const aad = this.#aad(i, last)
    const nonce = hmac(this.#nonceKey, aad, plaintext).subarray(0, NONCE_BYTES)
    return concat(nonce, gcmSeal(this.#key, nonce, aad, plaintext))
  }

  /** Null for every failure: another file, place or end, or any changed byte. */
  open(i: number, last: boolean, chunk: Bytes): Buffer | null {
    if (chunk.length < NONCE_BYTES + TAG_BYTES) return null
    const nonce = chunk.subarray(0, NONCE_BYTES)
    return gcmOpen(this.#key, nonce, this.#aad(i, last), chunk.subarray(NONCE_BYTES))
  }

  #aad(i: number, last: boolean): Buffer {
    return ctx('chunk', this.fid, u32(i), u8(last ? 1 : 0))
  }

  toJSON(): string {
    return `FileKeys(${hex(sha256(this.fid)).slice(0, 16)})` // fid itself lets anybody download
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}

/** Chunk i from the bytes of the file that belong to it. @throws E_FILE when the file has shrunk meanwhile */
export function sealChunk(keys: FileKeys, layout: FileLayout, i: number, real: Bytes): Buffer {
  if (real.length !== layout.realLength(i)) {
    fail('E_FILE', 'The file changed while it was being sent.')
  }
  const padding = ZEROS.subarray(0, layout.paddedLength(i) - real.length)
  const plaintext = padding.length === 0 ? real : concat(real, padding)
  return keys.seal(i, layout.isLast(i), plaintext)
}

/** The bytes of the file in chunk i (a view), without padding. @throws E_DECRYPT */
export function openChunk(keys: FileKeys, layout: FileLayout, i: number, chunk: Bytes): Buffer {
  const plaintext = keys.open(i, layout.isLast(i), chunk)
  const end = layout.realLength(i)
  if (
    plaintext?.length !== layout.paddedLength(i) ||
    !plaintext.subarray(end).equals(ZEROS.subarray(0, plaintext.length - end))
  ) {
    return fail('E_DECRYPT', 'A part of the file is damaged or was exchanged.')
  }
  return plaintext.subarray(0, end)
}
