// The bytes beside a stored file: what it is, and which of its chunks are there.
//
//   "SCF1" || u32 chunks || u64 expires || u16 length || owner || check8      written once
//   u64 bytes || bitmap                                                       overwritten in place as chunks arrive
//
// Bits are only ever added, and only after the chunk itself is on disk: an overwrite that a crash cuts short leaves some of
// the new bits and all of the old ones, which is just an older truth.
import { sha256 } from '../crypto/hash.ts'
import { type Bytes, concat, equal, u32, u64, utf8, view } from '../util/bytes.ts'
import { CHUNK_BYTES, CHUNK_COUNT, emptyBitmap } from './file-rules.ts'

export interface FileHead {
  readonly owner: string
  readonly chunkCount: number
  /** Milliseconds since 1970. */
  readonly expires: number
}

export interface Sidecar {
  readonly head: FileHead
  /** Where the part begins that is overwritten. */
  readonly stateAt: number
  /** Bytes of all chunks that are there. */
  readonly bytes: number
  readonly have: Buffer
}

const MAGIC = utf8('SCF1')
const CHECK_BYTES = 8
const FIXED_BYTES = MAGIC.length + 4 + 8 + 2
const OWNER_BYTES = 256

/** No sidecar is longer. */
export const SIDECAR_BYTES: number = FIXED_BYTES + OWNER_BYTES + CHECK_BYTES + 8 + CHUNK_COUNT / 8

export function checkOwner(owner: string): void {
  if (utf8(owner).length > OWNER_BYTES) throw new TypeError('the name of a file owner is too long')
}

export function encodeState(bytes: number, have: Bytes): Buffer {
  return concat(u64(bytes), have)
}

export function encodeSidecar(head: FileHead): Buffer {
  const owner = utf8(head.owner)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(owner.length)
  const fixed = concat(MAGIC, u32(head.chunkCount), u64(head.expires), length, owner)
  const check = sha256(fixed).subarray(0, CHECK_BYTES)
  return concat(fixed, check, encodeState(0, emptyBitmap(head.chunkCount)))
}

/** Null for anything that was not written whole. */
export function decodeSidecar(bytes: Bytes): Sidecar | null {
  const b = view(bytes)
  if (b.length < FIXED_BYTES || !equal(b.subarray(0, MAGIC.length), MAGIC)) return null
  const ownerAt = FIXED_BYTES
  const checkAt = ownerAt + b.readUInt16BE(ownerAt - 2)
  const stateAt = checkAt + CHECK_BYTES
  const check = sha256(b.subarray(0, checkAt)).subarray(0, CHECK_BYTES)
  if (!equal(b.subarray(checkAt, stateAt), check)) return null
  const chunkCount = b.readUInt32BE(MAGIC.length)
  if (chunkCount < 1 || chunkCount > CHUNK_COUNT) return null
  const have = Buffer.from(b.subarray(stateAt + 8))
  if (b.length < stateAt + 8 || have.length !== emptyBitmap(chunkCount).length) return null
  const stored = Number(b.readBigUInt64BE(stateAt))
  const head = {
    owner: b.toString('utf8', ownerAt, checkAt),
    chunkCount,
    expires: Number(b.readBigUInt64BE(MAGIC.length + 4)),
  }
  return { head, stateAt, bytes: Math.min(stored, chunkCount * CHUNK_BYTES), have }
}
