// Writes a file that is whole or not there: under another name first, flushed, then given its name. Replaces nothing
// unless told to.
import { constants } from 'node:fs'
import { type FileHandle, link, lstat, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

import { randomBytes } from '../crypto/random.ts'
import { errnoOf, isDiskFull, syncFolder, writeFully } from '../storage/durable.ts'
import { hex, utf8 } from '../util/bytes.ts'
import { fail, SecureChatError } from '../util/errors.ts'

const MODE = 0o600
const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
/** Written at once. */
const BLOCK_CHARS = 64 * 1024
/** Disks without hard links. */
const NO_LINKS: ReadonlySet<string> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
])

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'a part of its path is not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  EROFS: 'the disk is read-only',
  ENAMETOOLONG: 'its name is too long',
}

/**
 * Resolves to the full path.
 *
 * @throws E_FILE, E_DISK_FULL: nothing is left behind, and what was there is as it was
 */
export async function writeNewFile(
  path: string,
  parts: AsyncIterable<string>,
  { replace }: { readonly replace: boolean },
): Promise<string> {
  const target = resolve(path)
  const folder = dirname(target)
  const temporary = join(folder, `.${basename(target)}.${hex(randomBytes(6))}.part`)
  try {
    await refuseTaken(target, replace)
    const file = await open(temporary, FLAGS, MODE)
    try {
      await fill(file, parts)
      await file.sync()
    } finally {
      await file.close()
    }
    if (replace) await rename(temporary, target)
    else await giveName(temporary, target)
    await syncFolder(folder)
    return target
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw explained(error, path)
  }
}

async function refuseTaken(target: string, replace: boolean): Promise<void> {
  const stat = await lstat(target).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return null
    throw error
  })
  if (stat === null) return
  if (!replace) fail('E_FILE', `${target} exists already. Another name, or --force to replace it.`)
  if (!stat.isFile()) fail('E_FILE', `${target}: it is not a regular file.`)
}

async function fill(file: FileHandle, parts: AsyncIterable<string>): Promise<void> {
  let block = ''
  let at = 0
  const flush = async (): Promise<void> => {
    const bytes = utf8(block)
    await writeFully(file, bytes, at)
    at += bytes.length
    block = ''
  }
  for await (const part of parts) {
    block += part
    if (block.length >= BLOCK_CHARS) await flush()
  }
  await flush()
}

/** Unlike rename(2), link(2) never replaces what came there meanwhile. */
async function giveName(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target)
    await rm(temporary)
  } catch (error) {
    if (!NO_LINKS.has(errnoOf(error) ?? '')) throw error
    await (await open(target, FLAGS, MODE)).close()
    await rename(temporary, target)
  }
}

function explained(error: unknown, path: string): unknown {
  if (error instanceof SecureChatError) return error
  if (isDiskFull(error)) {
    const message = `The disk is full at ${path}. Nothing was written.`
    return new SecureChatError('E_DISK_FULL', message, { cause: error })
  }
  const errno = errnoOf(error)
  if (errno === undefined) return error
  if (errno === 'EEXIST') return new SecureChatError('E_FILE', `${path} exists already.`)
  return new SecureChatError('E_FILE', `${path}: ${REASONS[errno] ?? errno}.`, { cause: error })
}
