// The bytes of one log file. Pure functions; log-files.ts does the reading and writing.
//
//   file   = head frame*
//   head   = "SCL1" || u64 first || check8 || u64 committed || check8     first: number of the first frame
//   frame  = u32 length || u32 left || check8 || body                     left: frames of the same append that follow
//
// `committed` is an offset up to which everything was on disk before the last append began. A reader cuts what is broken
// behind it (an append that a crash interrupted) and refuses what is broken before it (damage).
import { sha256 } from '../crypto/hash.ts'
import { type Bytes, concat, equal, u32, u64, utf8 } from '../util/bytes.ts'

const MAGIC = utf8('SCL1')
const CHECK_BYTES = 8
const FIRST_BYTES = MAGIC.length + 8 + CHECK_BYTES

export const HEAD_BYTES: number = FIRST_BYTES + 8 + CHECK_BYTES
export const FRAME_HEAD_BYTES: number = 4 + 4 + CHECK_BYTES

/** Longest body of a frame. */
export const BODY_BYTES: number = 2 ** 20

export interface FrameHead {
  readonly length: number
  readonly left: number
  readonly check: Bytes
}

/** A truncated hash finds accidents; forgery is what the seal of the body is for. */
function checkOf(...parts: readonly Bytes[]): Buffer {
  return sha256(...parts).subarray(0, CHECK_BYTES)
}

function checked(part: Bytes): Buffer {
  return concat(part, checkOf(part))
}

export function encodeHead(first: number, committed: number): Buffer {
  return concat(checked(concat(MAGIC, u64(first))), encodeCommitted(committed))
}

/** Where `encodeCommitted` goes. */
export const COMMITTED_AT: number = FIRST_BYTES

export function encodeCommitted(committed: number): Buffer {
  return checked(u64(committed))
}

function uncheck(part: Buffer): Buffer | null {
  const body = part.subarray(0, -CHECK_BYTES)
  return equal(checkOf(body), part.subarray(-CHECK_BYTES)) ? body : null
}

/** Null: no log file. A `committed` that a crash left half written counts as the least it can be. */
export function decodeHead(
  bytes: Buffer,
): { readonly first: number; readonly committed: number } | null {
  if (bytes.length < HEAD_BYTES) return null
  const first = uncheck(bytes.subarray(0, FIRST_BYTES))
  if (first === null || !equal(first.subarray(0, MAGIC.length), MAGIC)) return null
  const committed = uncheck(bytes.subarray(FIRST_BYTES, HEAD_BYTES))
  return {
    first: Number(first.readBigUInt64BE(MAGIC.length)),
    committed: committed === null ? HEAD_BYTES : Number(committed.readBigUInt64BE(0)),
  }
}

export function encodeFrame(seq: number, left: number, body: Bytes): Buffer {
  const head = concat(u32(body.length), u32(left))
  return concat(head, checkOf(u64(seq), head, body), body)
}

export function decodeFrameHead(bytes: Buffer): FrameHead {
  return {
    length: bytes.readUInt32BE(0),
    left: bytes.readUInt32BE(4),
    check: bytes.subarray(8, FRAME_HEAD_BYTES),
  }
}

/** The body of a whole frame; null when it is not what was written. */
export function decodeFrame(seq: number, frame: Buffer): Buffer | null {
  const body = frame.subarray(FRAME_HEAD_BYTES)
  const { length, check } = decodeFrameHead(frame)
  const expected = checkOf(u64(seq), frame.subarray(0, 8), body)
  return length === body.length && equal(check, expected) ? body : null
}
