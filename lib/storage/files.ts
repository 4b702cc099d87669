// Sealed file chunks on disk: <name>.data and <name>.have beside it, the name being the fid or, with a key, hidden. In memory there is one small entry per file and a bounded
// number of open ones. The folder belongs to one process; whoever opens it holds the lock of the data folder.
import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { Bytes } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import { SecureChatError } from '../util/errors.ts'
import { type Log, silentLog } from '../util/log.ts'
import { DiskSpace } from './disk-space.ts'
import { errnoOf, isDiskFull, openError, privateFolder, writeError } from './durable.ts'
import { FilePool } from './file-pool.ts'
import { checkChunk, checkFid, expectedBytes, type FileLimits } from './file-rules.ts'
import { checkOwner, plainSidecars, sealedSidecars, type SidecarFormat } from './file-sidecar.ts'
import { type FileEntry, FileTable } from './file-table.ts'
import type { Files, FileState } from './ports.ts'
import { type FilePaths, readSidecar, removeFiles, StoredFile } from './stored-file.ts'

export interface FileStoreOptions extends FileLimits {
  readonly dir: string
  /** 32 bytes: what is whose is sealed, and names tell nothing. Absent: readable to whoever can read the files. */
  readonly key?: Bytes
  /** Below this much free disk no chunk is accepted. 0: until a write fails. */
  readonly floorBytes: number
  readonly clock: Clock
  readonly log?: Log
}

const DATA = '.data'
const SIDECAR = '.have'
const OURS = /^[0-9a-f]{32}\.(data|have)$/

/** Sidecars read at a time while the folder is looked through. */
const READ_AT_ONCE = 16

type Stored = 'stored' | 'duplicate' | 'full' | 'mismatch'

/** The file was deleted while a call was on its way to it. */
class Gone extends Error {}

/** Resolves at once; the first call of any method waits until the folder has been looked through. */
export async function openFileStore(options: FileStoreOptions): Promise<Files> {
  const space = new DiskSpace(options.dir, options.floorBytes, options.clock)
  try {
    await privateFolder(options.dir)
  } catch (error) {
    throw openError(error, options.dir)
  }
  await space.refresh()
  return new FileStore(options, space)
}

class FileStore implements Files {
  readonly #dir: string
  readonly #log: Log
  readonly #format: SidecarFormat
  readonly #space: DiskSpace
  readonly #table: FileTable
  readonly #pool = new FilePool()
  /** Chunks on their way to the disk, so that one that arrives twice is written once. */
  readonly #writing = new Map<string, Promise<Stored>>()
  readonly #running = new Set<Promise<unknown>>()
  readonly #ready: Promise<void>
  #isClosed = false

  constructor(options: FileStoreOptions, space: DiskSpace) {
    this.#dir = options.dir
    this.#log = options.log ?? silentLog
    this.#format = options.key === undefined ? plainSidecars : sealedSidecars(options.key)
    this.#space = space
    this.#table = new FileTable(options)
    this.#ready = this.#lookThrough()
    this.#ready.catch(() => undefined)
  }

  stat(fid: string): Promise<FileState | null> {
    return this.#run(async () => {
      checkFid(fid)
      const entry = this.#table.get(fid)
      if (entry === undefined || entry.bytes === 0) return null
      return this.#look(entry, (file) => {
        const { owner, chunkCount, expires } = entry
        const { bytes } = file
        return Promise.resolve({ owner, chunkCount, expires, have: file.bitmap(), bytes })
      })
    })
  }

  put(
    fid: string,
    owner: string,
    chunkCount: number,
    index: number,
    chunk: Bytes,
    expires: number,
  ): Promise<Stored> {
    return this.#run(async () => {
      checkFid(fid)
      checkOwner(owner)
      checkChunk(chunkCount, index, chunk)
      for (;;) {
        const entry = this.#table.get(fid) ?? {
          fid,
          owner,
          chunkCount,
          expires,
          bytes: 0,
          writing: 0,
        }
        if (entry.owner !== owner || entry.chunkCount !== chunkCount) return 'mismatch'
        if (!this.#table.has(entry)) {
          const expected = expectedBytes(chunkCount, index, chunk)
          if (!this.#table.hasRoom(owner, 1, expected) || !this.#space.fits(expected)) return 'full'
          this.#table.add(entry)
        }
        try {
          return await this.#putOnce(entry, index, chunk)
        } catch (error) {
          if (!(error instanceof Gone)) throw error
        }
      }
    })
  }

  get(fid: string, index: number): Promise<Bytes | null> {
    return this.#run(async () => {
      checkFid(fid)
      const entry = this.#table.get(fid)
      if (entry === undefined || entry.bytes === 0) return null
      if (!(index >= 0 && index < entry.chunkCount)) return null
      return this.#look(entry, (file) => file.read(index))
    })
  }

  delete(fid: string, owner: string): Promise<boolean> {
    return this.#run(async () => {
      checkFid(fid)
      const entry = this.#table.get(fid)
      return entry?.owner === owner && (await this.#delete(entry))
    })
  }

  deleteOwned(owner: string): Promise<number> {
    return this.#run(() => this.#deleteAll((entry) => entry.owner === owner))
  }

  usage(owner: string): Promise<{ readonly count: number; readonly bytes: number }> {
    return this.#run(() => Promise.resolve(this.#table.usage(owner)))
  }

  sweep(now: number): Promise<number> {
    return this.#run(() => this.#deleteAll((entry) => entry.expires <= now))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#running)
    await this.#pool.close()
  }

  async #run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new SecureChatError('E_CLOSED', 'the file store is closed')
    const running = this.#ready.then(call)
    this.#running.add(running)
    try {
      return await running
    } catch (error) {
      throw writeError(error, 'a file')
    } finally {
      this.#running.delete(running)
    }
  }

  #paths(name: string): FilePaths {
    return { name, data: join(this.#dir, name + DATA), sidecar: join(this.#dir, name + SIDECAR) }
  }

  /** A chunk that is just being written by another call has that call's fate. */
  async #putOnce(entry: FileEntry, index: number, chunk: Bytes): Promise<Stored> {
    const key = `${entry.fid}/${index}`
    const before = this.#writing.get(key)
    if (before !== undefined) {
      const result = await before
      return result === 'stored' ? 'duplicate' : result
    }
    const writing = this.#put(entry, index, chunk).finally(() => this.#writing.delete(key))
    this.#writing.set(key, writing)
    return writing
  }

  async #put(entry: FileEntry, index: number, chunk: Bytes): Promise<Stored> {
    try {
      return await this.#use(entry, (file) => this.#write(entry, file, index, chunk))
    } catch (error) {
      if (isDiskFull(error)) return 'full'
      throw error
    } finally {
      // a file whose first chunk could not be kept leaves nothing behind
      if (entry.bytes === 0) await this.#delete(entry)
    }
  }

  async #write(entry: FileEntry, file: StoredFile, index: number, chunk: Bytes): Promise<Stored> {
    if (file.has(index)) return 'duplicate'
    const { length } = chunk
    if (!this.#table.hasRoom(entry.owner, 0, length) || !this.#space.take(length)) return 'full'
    this.#table.reserve(entry, length)
    try {
      await file.write(index, chunk)
      return 'stored'
    } finally {
      this.#table.settle(entry, length, file.bytes)
    }
  }

  /** Null for a file that is deleted meanwhile. */
  async #look<T>(entry: FileEntry, use: (file: StoredFile) => Promise<T>): Promise<T | null> {
    try {
      return await this.#use(entry, use)
    } catch (error) {
      if (error instanceof Gone) return null
      throw error
    }
  }

  #use<T>(entry: FileEntry, use: (file: StoredFile) => Promise<T>): Promise<T> {
    const paths = this.#paths(this.#format.nameOf(entry.fid))
    const format = this.#format
    const open = (): Promise<StoredFile> => {
      if (!this.#table.has(entry)) return Promise.reject(new Gone())
      return entry.bytes === 0
        ? StoredFile.create(paths, format, entry)
        : StoredFile.open(paths, format)
    }
    return this.#pool.use(entry.fid, open, (file) => {
      if (!this.#table.has(entry)) throw new Gone()
      return use(file)
    })
  }

  async #delete(entry: FileEntry): Promise<boolean> {
    if (!this.#table.delete(entry)) return false
    const paths = this.#paths(this.#format.nameOf(entry.fid))
    await this.#pool.remove(entry.fid, () => removeFiles(paths))
    return true
  }

  async #deleteAll(condition: (entry: FileEntry) => boolean): Promise<number> {
    let count = 0
    for (const entry of this.#table.find(condition)) if (await this.#delete(entry)) count++
    return count
  }

  /** Learns what is there; removes what a crash left without its other half. */
  async #lookThrough(): Promise<void> {
    let batch: Promise<void>[] = []
    for await (const { name } of await opendir(this.#dir)) {
      if (!OURS.test(name)) continue
      if (name.endsWith(SIDECAR)) batch.push(this.#learn(name.slice(0, -SIDECAR.length)))
      else batch.push(this.#checkPair(name.slice(0, -DATA.length)))
      if (batch.length < READ_AT_ONCE) continue
      await Promise.all(batch)
      batch = []
    }
    await Promise.all(batch)
  }

  async #learn(name: string): Promise<void> {
    const paths = this.#paths(name)
    const sidecar = await readSidecar(paths, this.#format)
    if (sidecar !== null && sidecar.bytes > 0 && (await exists(paths.data))) {
      this.#table.add({ ...sidecar.head, bytes: sidecar.bytes, writing: 0 })
      return
    }
    this.#log.warn('files.unfinished-removed', { name })
    await removeFiles(paths)
  }

  async #checkPair(name: string): Promise<void> {
    if (!(await exists(this.#paths(name).sidecar))) await removeFiles(this.#paths(name))
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}
