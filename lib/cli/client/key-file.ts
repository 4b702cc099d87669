// A login key file on the disk: read within a bound, written once, never over anything.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

import { LOGIN_KEY_FILE_MAX_BYTES } from '../../identity/login-key-file.ts'
import { errnoOf, FILE_MODE, writeFully } from '../../storage/durable.ts'
import type { Bytes } from '../../util/bytes.ts'
import { codeOf, fail } from '../../util/errors.ts'

/** @throws E_FILE */
export async function readLoginKey(path: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r')
    try {
      const room = Buffer.alloc(LOGIN_KEY_FILE_MAX_BYTES + 1)
      const { bytesRead } = await file.read(room, 0, room.length)
      return room.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (cause) {
    return fail('E_FILE', `The key file cannot be read: ${path}`, cause)
  }
}

/** Makes room for a key before it is made: an empty private file. @throws E_FILE, also when there is one already */
export async function createLoginKey(
  path: string,
): Promise<{ write(bytes: Bytes): Promise<void>; close(): Promise<void> }> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  try {
    const file = await open(path, flags, FILE_MODE)
    return {
      write: async (bytes) => {
        await writeFully(file, bytes, 0)
        await file.sync()
      },
      close: () => file.close(),
    }
  } catch (cause) {
    if (codeOf(cause) !== 'E_INTERNAL') throw cause
    const why = errnoOf(cause) === 'EEXIST' ? 'it exists already' : (errnoOf(cause) ?? 'no reason')
    return fail('E_FILE', `The key file ${path} cannot be made: ${why}.`, cause)
  }
}
