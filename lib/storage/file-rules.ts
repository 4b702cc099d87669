// What every Files adapter agrees on: names, bitmaps and when an owner's quota is used up.
import { view, type Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

/** Longest sealed chunk: 64 KiB, nonce and tag (PROTOCOL 10). */
export const CHUNK_BYTES = 65564

/** 2 GiB in chunks of 64 KiB; the bitmap of a file is then at most 4096 bytes (PROTOCOL 14.2, 15). */
export const CHUNK_COUNT = 32768

export interface FileLimits {
  /** Bytes of chunks one owner may have stored. */
  readonly quotaBytes: number
  /** Files one owner may have stored, however small. Default 1000. */
  readonly quotaFiles?: number
  /** Bytes of chunks of all owners together. Default 0: as much as the disk takes. */
  readonly totalBytes?: number
}

export const DEFAULT_QUOTA_FILES = 1000

/** Only these become file names: 16 bytes in lower-case hex. */
export function checkFid(fid: string): void {
  if (!/^[0-9a-f]{32}$/.test(fid)) fail('E_FORMAT', 'a file id is 16 bytes in hex')
}

export function checkChunk(chunkCount: number, index: number, chunk: Bytes): void {
  if (!Number.isInteger(chunkCount) || chunkCount < 1 || chunkCount > CHUNK_COUNT) {
    fail('E_TOO_BIG', `a file has 1 to ${CHUNK_COUNT} chunks`)
  }
  if (!Number.isInteger(index) || index < 0 || index >= chunkCount) {
    fail('E_FORMAT', 'no such chunk')
  }
  if (chunk.length < 1 || chunk.length > CHUNK_BYTES) fail('E_TOO_BIG', 'a chunk is too long')
}

/**
 * What the whole file will take, as far as its first chunk tells: all but the last chunk are of one size. A file that
 * cannot fit is refused at its first chunk rather than at the quota's last byte.
 */
export function expectedBytes(chunkCount: number, index: number, chunk: Bytes): number {
  return index === chunkCount - 1 ? chunk.length : chunk.length * (chunkCount - 1) + 1
}

/** A bitmap of `count` bits, bit 0 = highest bit of byte 0. */
export function emptyBitmap(count: number): Buffer {
  return Buffer.alloc(Math.ceil(count / 8))
}

export function hasBit(bits: Bytes, index: number): boolean {
  return ((bits[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0
}

export function setBit(bits: Bytes, index: number): void {
  const byte = index >> 3
  view(bits).writeUInt8((bits[byte] ?? 0) | (0x80 >> (index & 7)), byte)
}

export function clearBit(bits: Bytes, index: number): void {
  const byte = index >> 3
  view(bits).writeUInt8((bits[byte] ?? 0) & ~(0x80 >> (index & 7)), byte)
}
