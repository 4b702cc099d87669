// The person's own files behind the messenger's port: what is sent is only read, what is received lands in one folder
// and never replaces anything.
import { constants } from 'node:fs'
import { type FileHandle, link, open, rename, rm, statfs } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'

import type { FileAccess, FileReader, FileWriter } from '../client/ports.ts'
import {
  errnoOf,
  isDiskFull,
  makeFolder,
  readFully,
  syncFolder,
  writeFully,
} from '../storage/durable.ts'
import type { Bytes } from '../util/bytes.ts'
import { fail, SecureChatError } from '../util/errors.ts'
import { safeFileName } from './sanitise.ts'

const FILE_MODE = 0o600

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'you may not open it',
  EPERM: 'you may not open it',
  EISDIR: 'it is a directory; pack it into one file first',
  ENOTDIR: 'a part of its path is not a directory',
  ELOOP: 'it is a symbolic link',
  ENAMETOOLONG: 'its name is too long',
  EROFS: 'the disk is read-only',
}

function fileError(error: unknown, path: string): SecureChatError {
  if (error instanceof SecureChatError) return error
  if (isDiskFull(error)) {
    const message = `The disk is full at ${path}. Free some space; the transfer goes on where it stopped.`
    return new SecureChatError('E_DISK_FULL', message, { cause: error })
  }
  const errno = errnoOf(error) ?? 'unknown error'
  return new SecureChatError('E_FILE', `${path}: ${REASONS[errno] ?? errno}.`, { cause: error })
}

async function attempt<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    throw fileError(error, path)
  }
}

/** A path component and nothing else: the messenger cleans names, this is the lock on the door. */
function inside(folder: string, name: string): string {
  if (
    name === '' ||
    name !== basename(name) ||
    name === '.' ||
    name === '..' ||
    name.includes('\0')
  ) {
    fail('E_FILE', 'A received file has a name that is not a plain file name.')
  }
  return join(folder, name)
}

export function createNodeFiles(downloads: string): FileAccess {
  const folder = resolve(downloads)
  const ready = (): Promise<unknown> => attempt(folder, () => makeFolder(folder))
  return {
    cleanName: safeFileName,
    baseName: (path) => basename(path),
    openRead: (path) => attempt(path, () => NodeReader.open(path)),
    async openDownload(name, how) {
      await ready()
      const path = inside(folder, name)
      const create = how === 'create' ? constants.O_CREAT | constants.O_EXCL : 0
      const none = how === 'create' ? 'EEXIST' : 'ENOENT'
      try {
        const flags = constants.O_RDWR | constants.O_NOFOLLOW | create
        return await NodeWriter.over(await open(path, flags, FILE_MODE), path)
      } catch (error) {
        if (errnoOf(error) === none) return null
        throw fileError(error, path)
      }
    },
    async renameDownload(from, to) {
      const [source, target] = [inside(folder, from), inside(folder, to)]
      try {
        await named(source, target)
      } catch (error) {
        if (errnoOf(error) === 'EEXIST') return null
        throw fileError(error, target)
      }
      await attempt(source, () => syncFolder(folder))
      return target
    },
    removeDownload: (name) => {
      const path = inside(folder, name)
      return attempt(path, () => rm(path, { force: true }))
    },
    async freeBytes() {
      try {
        await ready()
        const { bavail, bsize } = await statfs(folder)
        return bavail * bsize
      } catch {
        return null
      }
    },
  }
}

/** File systems without hard links: exFAT, SMB, some in user space. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'])

/**
 * Never replaces what is there, unlike rename(2). Without hard links an empty file takes the name first, and only that
 * is replaced.
 */
async function named(source: string, target: string): Promise<void> {
  try {
    await link(source, target)
  } catch (error) {
    if (!NO_LINKS.has(errnoOf(error))) throw error
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    await (await open(target, flags, FILE_MODE)).close()
    await rename(source, target).catch(async (failure: unknown) => {
      await rm(target, { force: true })
      throw failure
    })
    return
  }
  await rm(source)
}

class NodeReader implements FileReader {
  readonly size: number
  readonly modifiedMs: number
  readonly #file: FileHandle
  readonly #path: string

  private constructor(file: FileHandle, path: string, size: number, modifiedMs: number) {
    this.#file = file
    this.#path = path
    this.size = size
    this.modifiedMs = modifiedMs
  }

  static async open(path: string): Promise<NodeReader> {
    // Not blocking: opening a named pipe would wait for its writer for ever.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stat = await file.stat()
      if (stat.isDirectory()) fail('E_FILE', `${path}: ${REASONS['EISDIR'] ?? ''}.`)
      if (!stat.isFile()) fail('E_FILE', `${path}: it is not a regular file.`)
      return new NodeReader(file, path, stat.size, stat.mtimeMs)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  read(offset: number, length: number): Promise<Bytes> {
    return attempt(this.#path, () => readFully(this.#file, length, offset))
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

class NodeWriter implements FileWriter {
  readonly size: number
  readonly #file: FileHandle
  readonly #path: string

  private constructor(file: FileHandle, path: string, size: number) {
    this.#file = file
    this.#path = path
    this.size = size
  }

  static async over(file: FileHandle, path: string): Promise<NodeWriter> {
    const stat = await file.stat()
    if (stat.isFile()) return new NodeWriter(file, path, stat.size)
    await file.close()
    return fail('E_FILE', `${path}: it is not a regular file.`)
  }

  read(offset: number, length: number): Promise<Bytes> {
    return attempt(this.#path, () => readFully(this.#file, length, offset))
  }

  write(offset: number, bytes: Bytes): Promise<void> {
    return attempt(this.#path, () => writeFully(this.#file, bytes, offset))
  }

  truncate(size: number): Promise<void> {
    return attempt(this.#path, () => this.#file.truncate(size))
  }

  sync(): Promise<void> {
    return attempt(this.#path, () => this.#file.datasync())
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
