// Repairs the end of a collection's file before it is loaded. A power loss can leave half a line, or zeros where the last
// lines should be; none of that was ever acknowledged, since acknowledging waits for fdatasync. Such a tail is cut off and
// kept aside. Anything else that cannot be read is damage and is left exactly as it is.
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

import { fail } from '../../util/errors.ts'
import { errnoOf, FILE_MODE, isDiskFull, readFully, replaceFile } from '../durable.ts'
import type { LineCodec } from './lines.ts'

const NEWLINE = 0x0a
const STEP_BYTES = 64 * 1024

/** Longer than any line of ours. */
const LINE_BYTES = 4 * 2 ** 20

const DAMAGED = -1

/** More than any batch that can be under way; what is cut beyond it is not kept. */
const KEPT_BYTES = 16 * 2 ** 20

export interface Repaired {
  /** Bytes cut off; 0 for a clean file. */
  readonly cutBytes: number
}

/** Offset of the last newline before `before`; -1 if there is none. Remembers nothing of what it skips. */
async function newlineBefore(file: FileHandle, before: number): Promise<number> {
  for (let to = before; to > 0;) {
    const from = Math.max(0, to - STEP_BYTES)
    const at = (await readFully(file, to - from, from)).lastIndexOf(NEWLINE)
    if (at >= 0) return from + at
    to = from
  }
  return -1
}

/** The length up to which the file is whole: behind the last line that has its newline and can be decoded. */
async function wholeLength(file: FileHandle, size: number, lines: LineCodec): Promise<number> {
  let end = await newlineBefore(file, size)
  while (end >= 0) {
    const start = await newlineBefore(file, end)
    const length = end - start - 1
    const line = await readFully(file, Math.min(length, LINE_BYTES), start + 1)
    if (length <= LINE_BYTES && lines.decode(line.toString('utf8')) !== null) return end + 1
    // a hole that the file system filled with zeros was never acknowledged; other bytes were written by somebody
    if (length > 0 && !line.includes(0)) return DAMAGED
    end = start
  }
  return 0
}

/**
 * Resolves when the file ends with a whole line, or does not exist.
 * Rejects with E_CORRUPT, and changes nothing, when its last lines are complete but cannot be decoded.
 */
export async function repairTail(path: string, lines: LineCodec): Promise<Repaired> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { cutBytes: 0 }
    throw error
  }
  try {
    const { size, mode } = await file.stat()
    if ((mode & 0o077) !== 0) await file.chmod(FILE_MODE)
    const whole = await wholeLength(file, size, lines)
    if (whole === DAMAGED) {
      fail('E_CORRUPT', `${path} is damaged at its end. Nothing was changed; restore a backup.`)
    }
    if (whole === size) return { cutBytes: 0 }
    await keepAside(path, await readFully(file, Math.min(size - whole, KEPT_BYTES), whole))
    await file.truncate(whole)
    await file.datasync()
    return { cutBytes: size - whole }
  } finally {
    await file.close()
  }
}

/** For the curious only: a disk without room for it still gets its repair. */
async function keepAside(path: string, cut: Buffer): Promise<void> {
  try {
    await replaceFile(`${path}.torn`, cut)
  } catch (error) {
    if (!isDiskFull(error)) throw error
  }
}
