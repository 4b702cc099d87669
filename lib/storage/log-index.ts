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
  const groups = await scan(file, size, index)
  const end = await lastWholeGroup(file, index, groups)
  if (end < head.committed) fail('E_CORRUPT', damaged(path))
  if (end < size) {
    await file.truncate(end)
    await file.datasync()
  }
  return { index, cutBytes: size - end }
}

function damaged(path: string): string {
  return `${path} is damaged. Nothing was changed; restore it from a backup.`
}

/** Fills in the offsets as far as the heads make sense; returns the frame counts at which appends ended. */
async function scan(file: FileHandle, size: number, index: LogIndex): Promise<number[]> {
  const groups = [0]
  let window: Buffer = Buffer.alloc(0)
  let windowAt = 0
  let expectLeft: number | null = null
  for (let at = HEAD_BYTES; at + FRAME_HEAD_BYTES <= size;) {
    if (at < windowAt || at + FRAME_HEAD_BYTES > windowAt + window.length) {
      window = await readFully(file, Math.min(WINDOW_BYTES, size - at), at)
      windowAt = at
    }
    const { length, left } = decodeFrameHead(window.subarray(at - windowAt))
    if (length > BODY_BYTES || (expectLeft !== null && left !== expectLeft)) break
    at += FRAME_HEAD_BYTES + length
    if (at > size) break
    index.offsets.push(at)
    if (left === 0) groups.push(frameCount(index))
    expectLeft = left === 0 ? null : left - 1
  }
  return groups
}

/**
 * Shortens the index to the last append that is there with all its frames; returns its end. Only the very last append can
 * be incomplete, since each waited for the disk before the next began, so only its bodies are read.
 */
async function lastWholeGroup(
  file: FileHandle,
  index: LogIndex,
  groups: number[],
): Promise<number> {
  const last = groups.at(-1) ?? 0
  const before = groups.at(-2) ?? last
  const isWhole = await areIntact(file, index, before, last)
  index.offsets.length = (isWhole ? last : before) + 1
  return endOf(index)
}

async function areIntact(
  file: FileHandle,
  index: LogIndex,
  from: number,
  to: number,
): Promise<boolean> {
  for (let i = from; i < to; i++) {
    const at = index.offsets[i] ?? 0
    const end = index.offsets[i + 1] ?? 0
    const frame = await readFully(file, end - at, at)
    if (decodeFrame(index.first + i, frame) === null) return false
  }
  return true
}
