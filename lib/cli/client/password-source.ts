// A password for a program without a person: from a file, a descriptor or the environment, never from the command line.
import { read as readInto } from 'node:fs'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'

import { fail } from '../../util/errors.ts'

const MAX_BYTES = 4096
const NEWLINE = 10
const readSome = promisify(readInto)

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
    return firstLine(await readOpen(passwordFd), `descriptor ${String(passwordFd)}`)
  }
  return passwordEnvironment
}

/** Not by its name below /dev/fd: what somebody else has opened for us (sudo, a service manager) we may not open again. */
async function readOpen(fd: number): Promise<Buffer> {
  const buffer = Buffer.alloc(MAX_BYTES + 1)
  let have = 0
  try {
    while (have < buffer.length && !buffer.subarray(0, have).includes(NEWLINE)) {
      const { bytesRead } = await readSome(fd, buffer, have, buffer.length - have, null)
      if (bytesRead === 0) break
      have += bytesRead
    }
  } catch (cause) {
    fail('E_FILE', `The password cannot be read from descriptor ${String(fd)}.`, cause)
  }
  return buffer.subarray(0, have)
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
