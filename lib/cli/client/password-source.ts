// A password for a program without a person: from a file, a descriptor or the environment, never from the command line.
import { open } from 'node:fs/promises'

import { fail } from '../../util/errors.ts'

const MAX_BYTES = 4096

export interface PasswordSources {
  readonly passwordFile?: string | undefined
  readonly passwordFd?: number | undefined
  readonly passwordEnvironment?: string | undefined
}

/** The first line, without its line end; undefined when none of the three was given. @throws E_FILE */
export async function passwordFrom(options: PasswordSources): Promise<string | undefined> {
  const { passwordFile, passwordFd, passwordEnvironment } = options
  if (passwordFile !== undefined) return firstLine(await read(passwordFile), passwordFile)
  if (passwordFd !== undefined) {
    return firstLine(
      await read(`/dev/fd/${String(passwordFd)}`),
      `descriptor ${String(passwordFd)}`,
    )
  }
  return passwordEnvironment
}

async function read(path: string): Promise<Buffer> {
  try {
    // A pipe has no size to check, so no more than the limit is read.
    const file = await open(path, 'r')
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_BYTES + 1), 0, MAX_BYTES + 1)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (cause) {
    return fail('E_FILE', `The password file cannot be read: ${path}`, cause)
  }
}

function firstLine(bytes: Buffer, where: string): string {
  const [line = ''] = bytes.toString('utf8').split(/\r?\n/, 1)
  if (line === '') fail('E_FILE', `There is no password in ${where}.`)
  if (bytes.length > MAX_BYTES) fail('E_FILE', `That is no password file: ${where}`)
  return line
}
