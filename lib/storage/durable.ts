// Small steps that every file adapter needs: what an errno means for the caller, private folders, renames that survive a
// power loss. Asynchronous only.
import { constants } from 'node:fs'
import { chmod, type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

import { randomBytes } from '../crypto/random.ts'
import { type Bytes, hex } from '../util/bytes.ts'
import { SecureChatError } from '../util/errors.ts'

export const FILE_MODE = 0o600
export const FOLDER_MODE = 0o700

/** The errno name of a failed system call: 'ENOENT', 'ENOSPC'... */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENAMETOOLONG: 'the name is too long',
}

/** Why a system call failed, to go on a sentence with. */
export function reasonOf(error: unknown): string {
  const errno = errnoOf(error) ?? ''
  return REASONS[errno] ?? (errno === '' ? String(error) : errno)
}

/** No room on the disk, in the user's disk quota, or under the process's file size limit. */
export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(errnoOf(error) ?? '')
}

/** What a failed write of `what` becomes for the caller; errors that are ours already stay as they are. */
export function writeError(error: unknown, what: string): SecureChatError {
  if (error instanceof SecureChatError) return error
  const options = { cause: error }
  if (isDiskFull(error)) {
    const message = `The disk is full: ${what} was not stored. Free some space, then start again.`
    return new SecureChatError('E_DISK_FULL', message, options)
  }
  const reason = errnoOf(error) ?? (error instanceof Error ? error.message : 'unknown')
  return new SecureChatError('E_STORE', `Could not store ${what} (${reason}).`, options)
}

/**
 * What it becomes for the caller that `path` cannot be opened. Where the system forbids it, another try changes nothing: it is
 * told from a failed write.
 */
export function openError(error: unknown, path: string): SecureChatError {
  const errno = errnoOf(error) ?? ''
  if (!['EACCES', 'EPERM', 'EROFS'].includes(errno)) return writeError(error, path)
  const message = `${path} cannot be opened (${errno}). Does it belong to the user who runs this?`
  return new SecureChatError('E_FILE', message, { cause: error })
}

/**
 * With the parents that are missing. Not mkdir's own `recursive`: where every try is answered by ENOENT, as below /proc,
 * that one never ends.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: FOLDER_MODE })
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && (await stat(path)).isDirectory()) return
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makeFolder(dirname(path))
    await mkdir(path, { mode: FOLDER_MODE }).catch((again: unknown) => {
      // somebody else was faster
      if (errnoOf(again) !== 'EEXIST') throw again
    })
  }
}

/** Creates the folder with its parents if need be; a folder that others may enter is tightened. */
export async function privateFolder(path: string): Promise<void> {
  await makeFolder(path)
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0) await chmod(path, FOLDER_MODE)
}

/** Writes everything; FileHandle.write may write less without an error. */
export async function writeFully(file: FileHandle, bytes: Bytes, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    if (bytesWritten === 0) throw new SecureChatError('E_STORE', 'the system wrote nothing')
    done += bytesWritten
  }
}

/** Reads up to `length` bytes; fewer only at the end of the file. */
export async function readFully(
  file: FileHandle,
  length: number,
  position: number,
): Promise<Buffer> {
  const out = Buffer.allocUnsafe(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(out, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return out.subarray(0, done)
}

/** What is in a folder; one that is missing is empty. */
export async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Makes names in the folder (created, renamed, removed) durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Replaces or creates a private file: after a crash there is the old content or the new one, never a part. */
export async function replaceFile(path: string, bytes: Bytes): Promise<void> {
  const temporary = `${path}.${hex(randomBytes(8))}.tmp`
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  try {
    const file = await open(temporary, flags, FILE_MODE)
    try {
      await writeFully(file, bytes, 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}
