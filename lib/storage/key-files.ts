// Secret files: written whole or not at all, readable by their owner only. What is inside is not this file's business.
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'

import type { Bytes } from '../util/bytes.ts'
import { fail, SecureChatError } from '../util/errors.ts'
import { errnoOf, FILE_MODE, isDiskFull, privateFolder, readFully, replaceFile } from './durable.ts'

/** Far above any key; a larger file is not one. */
const MAX_BYTES = 2 ** 20

function fileError(error: unknown, path: string, verb: string): SecureChatError {
  if (error instanceof SecureChatError) return error
  if (isDiskFull(error)) {
    const message = `The disk is full: could not ${verb} ${path}. Free some space and try again.`
    return new SecureChatError('E_DISK_FULL', message, { cause: error })
  }
  const reason =
    errnoOf(error) === 'ELOOP' ? 'it is a symbolic link' : (errnoOf(error) ?? 'unknown error')
  return new SecureChatError('E_FILE', `Could not ${verb} ${path}: ${reason}.`, { cause: error })
}

/** A file that others could read is closed to them; one that others could change is not to be trusted. */
async function checkMode(file: FileHandle, path: string): Promise<number> {
  const { mode, size } = await file.stat()
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) {
    fail('E_FILE', `${path} is not a regular file.`)
  }
  if ((mode & 0o022) !== 0) {
    fail(
      'E_FILE',
      `Other users of this machine can change ${path}, so what it holds cannot be trusted. ` +
        `If you know that nobody did: chmod 600 ${path}`,
    )
  }
  if ((mode & 0o077) !== 0) await file.chmod(FILE_MODE)
  if (size > MAX_BYTES) fail('E_FILE', `${path} is too large to be a key.`)
  return size
}

/** Null when there is no such file. */
export async function readKeyFile(path: string): Promise<Buffer | null> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      return await readFully(file, await checkMode(file, path), 0)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw fileError(error, path, 'read')
  }
}

/** Durable when it resolves; the folder is created and closed to others (0700), the file is 0600. */
export async function writeKeyFile(path: string, bytes: Bytes): Promise<void> {
  try {
    await privateFolder(dirname(path))
    await replaceFile(path, bytes)
  } catch (error) {
    throw fileError(error, path, 'write')
  }
}
