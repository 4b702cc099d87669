// A new private file that appears whole or not at all and never replaces another: a hard link fails where a rename would
// replace. Knows no content.
import { constants } from 'node:fs'
import { link, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import { randomBytes } from '../../crypto/random.ts'
import {
  errnoOf,
  FILE_MODE,
  isDiskFull,
  privateFolder,
  syncFolder,
  writeFully,
} from '../../storage/durable.ts'
import { type Bytes, hex } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'

/**
 * Durable when it resolves; makes the folder if need be, closed to others. False, and nothing is changed, when the file exists.
 *
 * @throws E_DISK_FULL E_FILE
 */
export async function createFile(path: string, bytes: Bytes): Promise<boolean> {
  try {
    await privateFolder(dirname(path))
    const temporary = `${path}.${hex(randomBytes(8))}.tmp`
    try {
      await writeNew(temporary, bytes)
      await link(temporary, path)
    } finally {
      await rm(temporary, { force: true })
    }
    await syncFolder(dirname(path))
    return true
  } catch (cause) {
    const errno = errnoOf(cause)
    if (errno === 'EEXIST') return false
    if (isDiskFull(cause)) {
      fail(
        'E_DISK_FULL',
        `The disk is full: could not write ${path}. Free some space first.`,
        cause,
      )
    }
    const may = errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS'
    const hint = may ? ' Does this user own the folder? --keys and --data choose others.' : ''
    return fail('E_FILE', `Could not write ${path} (${errno ?? String(cause)}).${hint}`, cause)
  }
}

async function writeNew(path: string, bytes: Bytes): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const file = await open(path, flags, FILE_MODE)
  try {
    await writeFully(file, bytes, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}
