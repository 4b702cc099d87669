// Record protection of one direction (PROTOCOL 4.3, as in TLS 1.3): several frames under one AEAD, counted, never repeated.
//
//   record = 0x10 || u32(len ct) || ct
//   ct     = AES-256-GCM(key, iv XOR (0^4 || u64 seq), header, u32 len || (u32 len || frame)* || zeros)
//
// This is the hot path: the server does one open and one seal for each record it relays, so bytes are copied at most once
// on each side and node:crypto is called without a wrapper. Knows nothing of sockets or of what frames mean.
import { createCipheriv, createDecipheriv } from 'node:crypto'

import { padme } from '../crypto/padding.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import type { Framing } from './chunk-reader.ts'
import { nextTrafficKeys, type TrafficKeys } from './key-schedule.ts'

const RECORD_TYPE = 0x10
const HEADER_BYTES = 5
const LENGTH_BYTES = 4
const TAG_BYTES = 16
const KEY_BYTES = 32
const IV_BYTES = 12
const PAD_FLOOR = 256
/** From here on a piece is given to the cipher where it lies, and pieces go to the socket unjoined. */
const LARGE_BYTES = 16 * 1024
const ALGORITHM = 'aes-256-gcm'
const TAG = { authTagLength: TAG_BYTES } as const
/** Padme never adds more than a 16th to what is longer than 256 bytes. */
const ZEROS = Buffer.alloc(LIMITS.recordBytes / 16)

/**
 * Frames with their lengths that share one record: the most that is still allowed before login once it is padded (in
 * steps of 2 KiB) and has its tag. A larger frame travels alone.
 */
export const PACKED_BYTES: number = LIMITS.anonymousRecordBytes - 2048 - LENGTH_BYTES

/** A frame that fits into a record by itself: the longest whose padding (in steps of 4 KiB) leaves room for the tag. */
export const MAX_FRAME_BYTES: number = LIMITS.recordBytes - 4096 - 2 * LENGTH_BYTES

/** Every failure of a record looks the same: nobody learns which byte was wrong. */
function badRecord(): never {
  return fail('E_RECORD', 'a record could not be opened')
}

/** Bytes that a frame takes inside a record. */
export function packedBytes(frame: Bytes): number {
  return LENGTH_BYTES + frame.length
}

/** Judged by the header alone: nothing is kept for a length that will be refused. */
function framing(maxCtBytes: number): Framing {
  return {
    headerBytes: HEADER_BYTES,
    measure(buffer, at) {
      const length = buffer.readUInt32BE(at + 1)
      if (buffer[at] !== RECORD_TYPE || length > maxCtBytes) badRecord()
      if (length < PAD_FLOOR + TAG_BYTES) badRecord()
      return HEADER_BYTES + length
    },
  }
}

/** Records of a peer that has not logged in: it gets less of our memory (PROTOCOL 4.3). */
export const ANONYMOUS_RECORDS: Framing = framing(LIMITS.anonymousRecordBytes)

export const RECORDS: Framing = framing(LIMITS.recordBytes)

/** (u32 len || frame)*: views, in order. @throws E_RECORD for an empty frame, a length past the end, left-over bytes */
function splitFrames(packed: Buffer, at: number, end: number): Buffer[] {
  const frames: Buffer[] = []
  while (at < end) {
    if (at + LENGTH_BYTES >= end) badRecord()
    const start = at + LENGTH_BYTES
    const length = packed.readUInt32BE(at)
    at = start + length
    if (length === 0 || at > end) badRecord()
    frames.push(packed.subarray(start, at))
  }
  return frames
}

/** The keys and the counter of one direction: an end seals with one half and opens with the other. */
export class RecordHalf {
  readonly #secret = Buffer.alloc(KEY_BYTES + IV_BYTES) // own memory: a view would keep a whole pool block alive
  readonly #key = this.#secret.subarray(0, KEY_BYTES)
  #seq: number

  /** `seq` other than 0 is for vectors: it starts in the middle of a key's life. */
  constructor(keys: TrafficKeys, seq = 0) {
    this.#seq = seq
    this.#install(keys)
  }

  /**
   * One record with these frames, as pieces to be written in this order (one piece unless it is large).
   *
   * @throws RangeError when no record is large enough
   */
  seal(frames: readonly Bytes[]): Buffer[] {
    let size = 0
    for (const frame of frames) size += packedBytes(frame)
    const padded = padme(LENGTH_BYTES + size, PAD_FLOOR)
    if (padded + TAG_BYTES > LIMITS.recordBytes) throw new RangeError('frames exceed a record')
    const pieces =
      size < LARGE_BYTES
        ? [this.#sealSmall(frames, size, padded)]
        : this.#sealLarge(frames, size, padded)
    this.#advance()
    return pieces
  }

  /**
   * The frames of a whole record (header included), as views into fresh memory. A record without frames is valid.
   *
   * @throws E_RECORD, and the connection is over
   */
  open(record: Buffer): Buffer[] {
    const end = record.length - TAG_BYTES
    const decipher = createDecipheriv(ALGORITHM, this.#key, this.#nonce(), TAG)
    decipher.setAAD(record.subarray(0, HEADER_BYTES))
    decipher.setAuthTag(record.subarray(end))
    const plain = decipher.update(record.subarray(HEADER_BYTES, end))
    try {
      decipher.final()
    } catch {
      badRecord()
    }
    this.#advance()
    const used = LENGTH_BYTES + plain.readUInt32BE(0)
    const zeros = plain.length - used
    if (zeros < 0 || padme(used, PAD_FLOOR) !== plain.length) badRecord()
    if (plain.compare(ZEROS, 0, zeros, used) !== 0) badRecord()
    return splitFrames(plain, LENGTH_BYTES, used)
  }

  /** Header, plaintext and tag share one buffer: two short copies cost less than a second piece. */
  #sealSmall(frames: readonly Bytes[], size: number, padded: number): Buffer {
    const end = HEADER_BYTES + padded
    const record = Buffer.allocUnsafe(end + TAG_BYTES)
    writeHeader(record, padded)
    let at = record.writeUInt32BE(size, HEADER_BYTES)
    for (const frame of frames) {
      at = record.writeUInt32BE(frame.length, at)
      record.set(frame, at)
      at += frame.length
    }
    record.fill(0, at, end)
    const cipher = createCipheriv(ALGORITHM, this.#key, this.#nonce(), TAG)
    cipher.setAAD(record.subarray(0, HEADER_BYTES))
    record.set(cipher.update(record.subarray(HEADER_BYTES, end)), HEADER_BYTES)
    cipher.final()
    record.set(cipher.getAuthTag(), end)
    return record
  }

  /** Large frames go through the cipher where they lie; only what is between them is gathered. */
  #sealLarge(frames: readonly Bytes[], size: number, padded: number): Buffer[] {
    const header = Buffer.allocUnsafe(HEADER_BYTES)
    writeHeader(header, padded)
    const cipher = createCipheriv(ALGORITHM, this.#key, this.#nonce(), TAG)
    cipher.setAAD(header)
    const pieces = [header]
    let small = LENGTH_BYTES
    for (const f of frames) small += LENGTH_BYTES + (f.length < LARGE_BYTES ? f.length : 0)
    const gathered = Buffer.allocUnsafe(small)
    let from = 0
    let at = gathered.writeUInt32BE(size)
    for (const frame of frames) {
      at = gathered.writeUInt32BE(frame.length, at)
      if (frame.length < LARGE_BYTES) {
        gathered.set(frame, at)
        at += frame.length
      } else {
        pieces.push(cipher.update(gathered.subarray(from, at)), cipher.update(frame))
        from = at
      }
    }
    if (at > from) pieces.push(cipher.update(gathered.subarray(from, at)))
    pieces.push(cipher.update(ZEROS.subarray(0, padded - LENGTH_BYTES - size)))
    cipher.final()
    pieces.push(cipher.getAuthTag())
    return pieces
  }

  #nonce(): Buffer {
    const nonce = Buffer.allocUnsafe(IV_BYTES)
    const iv = this.#secret
    nonce.writeInt32BE(iv.readInt32BE(KEY_BYTES), 0)
    const high = Math.floor(this.#seq / 2 ** 32)
    nonce.writeInt32BE(iv.readInt32BE(KEY_BYTES + 4) ^ high, 4)
    nonce.writeInt32BE(iv.readInt32BE(KEY_BYTES + 8) ^ (this.#seq | 0), 8)
    return nonce
  }

  #advance(): void {
    this.#seq += 1
    if (this.#seq % LIMITS.rekeyRecords === 0) this.#install(nextTrafficKeys(this.#key))
  }

  #install({ key, iv }: TrafficKeys): void {
    this.#secret.set(key, 0)
    this.#secret.set(iv, KEY_BYTES)
  }
}

function writeHeader(out: Buffer, paddedBytes: number): void {
  out[0] = RECORD_TYPE
  out.writeUInt32BE(paddedBytes + TAG_BYTES, 1)
}
