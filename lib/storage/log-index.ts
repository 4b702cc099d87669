// Where the frames of one log file are, found by reading its frame heads once; and the repair of an append that a crash
// interrupted.
import type { FileHandle } from 'node:fs/promises'

import { fail } from '../util/errors.ts'
import { readFully } from './durable.ts'
import {
  BODY_BYTES,
  decodeFrame,
  decodeFrameHead,
  decodeHead,
  FRAME_HEAD_BYTES,
  HEAD_BYTES,
} from './log-format.ts'

export interface LogIndex {
  readonly first: number
  /** Offset of every frame, and of the end of the last one. */
  readonly offsets: number[]
}

export function emptyIndex(first: number): LogIndex {
  return { first, offsets: [HEAD_BYTES] }
}

export function frameCount(index: LogIndex): number {
  return index.offsets.length - 1
}

export function nextOf(index: LogIndex): number {
  return index.first + frameCount(index)
}

export function endOf(index: LogIndex): number {
  return index.offsets.at(-1) ?? HEAD_BYTES
}

/** Offset of frame `seq`, or of the end for the number behind the last one. */
export function offsetOf(index: LogIndex, seq: number): number {
  return index.offsets[seq - index.first] ?? endOf(index)
}

/** Enough for several small frames at a read, not much for a large one. */
const WINDOW_BYTES = 4096

/**
 * Reads the index. The file may end in the middle of an append: those bytes are cut off.
 * Rejects with E_CORRUPT, and changes nothing, for anything else.
 */
export async function readIndex(
  file: FileHandle,
  path: string,
): Promise<{ readonly index: LogIndex; readonly cutBytes: number }> {
  const { size } = await file.stat()
  const head = decodeHead(await readFully(file, HEAD_BYTES, 0))
  if (head === null) return fail('E_CORRUPT', damaged(path))
  const index = emptyIndex(head.first)
  const isWhole = await scanCommitted(file, index, head.committed)
  if (!isWhole || head.committed > size) fail('E_CORRUPT', damaged(path))
  for (let isMore = true; isMore;) isMore = await scanAppend(file, size, index)
  const end = endOf(index)
  if (end < size) {
    await file.truncate(end)
    await file.datasync()
  }
  return { index, cutBytes: size - end }
}

function damaged(path: string): string {
  return `${path} is damaged. Nothing was changed; restore it from a backup.`
}

/** Fills in the offsets up to `committed` from the heads of the frames; false when they do not lead there. */
async function scanCommitted(
  file: FileHandle,
  index: LogIndex,
  committed: number,
): Promise<boolean> {
  let window: Buffer = Buffer.alloc(0)
  let windowAt = 0
  let left = 0
  let at = HEAD_BYTES
  while (at + FRAME_HEAD_BYTES <= committed) {
    if (at + FRAME_HEAD_BYTES > windowAt + window.length) {
      window = await readFully(file, Math.min(WINDOW_BYTES, committed - at), at)
      windowAt = at
      if (window.length < FRAME_HEAD_BYTES) return false
    }
    const head = decodeFrameHead(window.subarray(at - windowAt))
    if (head.length > BODY_BYTES || (left > 0 && head.left !== left - 1)) return false
    left = head.left
    at += FRAME_HEAD_BYTES + head.length
    index.offsets.push(at)
  }
  return at === committed && left === 0
}

/**
 * Adds the frames of one append behind the committed part, if they are there whole and unchanged; false if not. There is
 * one append at most, except when a crash has torn the mark itself: then all are looked at like this.
 */
async function scanAppend(file: FileHandle, size: number, index: LogIndex): Promise<boolean> {
  const offsets: number[] = []
  let at = endOf(index)
  for (let left = Infinity; left > 0;) {
    const bytes = await readFully(file, FRAME_HEAD_BYTES, at)
    if (bytes.length < FRAME_HEAD_BYTES) return false
    const head = decodeFrameHead(bytes)
    const end = at + FRAME_HEAD_BYTES + head.length
    if (head.length > BODY_BYTES || end > size) return false
    if (left !== Infinity && head.left !== left - 1) return false
    const frame = await readFully(file, end - at, at)
    if (decodeFrame(nextOf(index) + offsets.length, frame) === null) return false
    left = head.left
    at = end
    offsets.push(end)
  }
  for (const offset of offsets) index.offsets.push(offset)
  return true
}
