// A person's folder and files in memory: survive the session that used them, and can fail at a chosen step.
import type {
  ClientHome,
  FileAccess,
  FileReader,
  FileWriter,
  ProfileFolder,
} from '../../lib/client/ports.ts'
import { safeFileName } from '../../lib/cli/sanitise.ts'
import { createMemoryStore } from '../../lib/storage/memory.ts'
import type { Records, Store } from '../../lib/storage/ports.ts'
import type { Bytes } from '../../lib/util/bytes.ts'
import type { Clock } from '../../lib/util/clock.ts'
import { fail, SecureChatError } from '../../lib/util/errors.ts'

/** Where a process dies: before or after the write number `at`, counted from when this is set. */
export interface Cut {
  at: number
  readonly when: 'before' | 'after'
  readonly died: () => void
}

/** Writes of one kind of record that fail while the others still work: kinds are files of their own. */
export interface Failing {
  readonly kind: string
  /** How many writes of it succeed before. */
  after: number
  readonly code: 'E_STORE' | 'E_DISK_FULL'
}

export class MemoryHome implements ClientHome {
  readonly #clock: Clock
  #index: Bytes | null = null
  readonly #keys = new Map<string, Map<string, Bytes>>()
  readonly #stores = new Map<string, Store>()
  readonly #locked = new Set<string>()
  #life = 0
  cut: Cut | null = null
  /** Profiles that were set aside. */
  readonly aside: string[] = []
  /** Fails once, then is null again. */
  failing: Failing | null = null
  writes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Grows with each process that dies. */
  get life(): number {
    return this.#life
  }

  /** The process is gone: whatever it still does reaches nothing. */
  kill(): void {
    this.#life += 1
    this.#locked.clear()
    this.cut = null
  }

  readIndex(): Promise<Bytes | null> {
    return Promise.resolve(this.#index)
  }

  changeIndex(change: (before: Bytes | null) => Bytes): Promise<void> {
    this.#index = Buffer.from(change(this.#index))
    return Promise.resolve()
  }

  openProfile(name: string): Promise<ProfileFolder> {
    if (this.#locked.has(name)) return Promise.reject(new SecureChatError('E_LOCKED'))
    this.#locked.add(name)
    const life = this.#life
    const keys = this.#keys.get(name) ?? new Map<string, Bytes>()
    this.#keys.set(name, keys)
    return Promise.resolve({
      readKeyFile: (file) => Promise.resolve(keys.get(file) ?? null),
      writeKeyFile: (file, bytes) =>
        this.#step(life, () => {
          keys.set(file, Buffer.from(bytes))
        }),
      removeKeyFile: (file) =>
        this.#step(life, () => {
          keys.delete(file)
        }),
      openStore: () => Promise.resolve(this.#store(name, life)),
      close: () => {
        if (life === this.#life) this.#locked.delete(name)
        return Promise.resolve()
      },
    })
  }

  removeProfile(name: string): Promise<void> {
    this.#keys.delete(name)
    this.#stores.delete(name)
    return Promise.resolve()
  }

  setAside(name: string): Promise<string> {
    const aside = `${name}-aside-${this.aside.push(name)}`
    const [keys, store] = [this.#keys.get(name), this.#stores.get(name)]
    if (keys !== undefined) this.#keys.set(aside, keys)
    if (store !== undefined) this.#stores.set(aside, store)
    this.#keys.delete(name)
    this.#stores.delete(name)
    return Promise.resolve(aside)
  }

  /** A key file of a profile, for a spec that damages it. */
  keyFile(profile: string, file: string): Bytes | undefined {
    return this.#keys.get(profile)?.get(file)
  }

  setKeyFile(profile: string, file: string, bytes: Bytes): void {
    this.#keys.get(profile)?.set(file, bytes)
  }

  /** Everything a thief of the disk would find outside of the sealed stores. */
  keyFiles(): Buffer {
    const files = [...this.#keys.values()].flatMap((keys) => [...keys.values()])
    return Buffer.concat([this.#index ?? Buffer.alloc(0), ...files])
  }

  get profiles(): string[] {
    return [...this.#keys.keys()]
  }

  async #step<T>(life: number, work: () => T | Promise<T>): Promise<T> {
    if (life !== this.#life) fail('E_STORE', 'this process is dead')
    this.writes += 1
    const { cut } = this
    if (cut === null || --cut.at > 0) return work()
    if (cut.when === 'after') await work()
    this.kill()
    cut.died()
    return fail('E_STORE', 'this process died here')
  }

  #store(name: string, life: number): Store {
    const base = this.#stores.get(name) ?? createMemoryStore({ clock: this.#clock })
    this.#stores.set(name, base)
    const records: Records = {
      ...base.records,
      get: (...args) => this.#read(life, () => base.records.get(...args)),
      getUnique: (...args) => this.#read(life, () => base.records.getUnique(...args)),
      list: (...args) => this.#read(life, () => base.records.list(...args)),
      put: (kind, ...rest) =>
        this.#step(life, () => this.#mayFail(kind, () => base.records.put(kind, ...rest))),
      putMany: (kind, items) =>
        this.#step(life, () => this.#mayFail(kind, () => base.records.putMany(kind, items))),
      delete: (...args) => this.#step(life, () => base.records.delete(...args)),
      deleteMany: (...args) => this.#step(life, () => base.records.deleteMany(...args)),
    }
    return { ...base, records, close: () => Promise.resolve() }
  }

  #mayFail<T>(kind: string, work: () => Promise<T>): Promise<T> {
    const { failing } = this
    if (failing?.kind !== kind || failing.after-- > 0) return work()
    this.failing = null
    return fail(failing.code, 'the disk has a bad day')
  }

  #read<T>(life: number, work: () => Promise<T>): Promise<T> {
    return life === this.#life ? work() : Promise.reject(new Error('this process is dead'))
  }
}

interface MemoryFile {
  bytes: Buffer
  modifiedMs: number
  /** `bytes` with room to grow, so that a large file is not copied for each chunk. */
  room?: Buffer
}

/** A disk with a folder for downloads. */
export class MemoryDisk implements FileAccess {
  readonly disk = new Map<string, MemoryFile>()
  readonly downloads = new Map<string, MemoryFile>()
  freeSpace: number | null = null
  openHandles = 0

  write(path: string, bytes: Buffer, modifiedMs = 1): void {
    this.disk.set(path, { bytes, modifiedMs })
  }

  cleanName(name: string): string {
    return safeFileName(name)
  }

  baseName(path: string): string {
    return path.slice(path.lastIndexOf('/') + 1)
  }

  openRead(path: string): Promise<FileReader> {
    const file = this.disk.get(path)
    if (file === undefined) return Promise.reject(fileError(`${path} does not exist.`))
    this.openHandles += 1
    const { bytes, modifiedMs } = file
    return Promise.resolve({
      size: bytes.length,
      modifiedMs,
      read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
      close: () => {
        this.openHandles -= 1
        return Promise.resolve()
      },
    })
  }

  openDownload(name: string, how: 'create' | 'resume'): Promise<FileWriter | null> {
    if (/[/\\\0]/.test(name)) return Promise.reject(fileError(`${name} is no plain name.`))
    const known = this.downloads.get(name)
    if ((known === undefined) !== (how === 'create')) return Promise.resolve(null)
    const file = known ?? { bytes: Buffer.alloc(0), modifiedMs: 1 }
    this.downloads.set(name, file)
    this.openHandles += 1
    return Promise.resolve({
      size: file.bytes.length,
      read: (offset, length) => Promise.resolve(file.bytes.subarray(offset, offset + length)),
      write: (offset, bytes) => {
        const end = Math.max(file.bytes.length, offset + bytes.length)
        let room = file.room ?? file.bytes
        if (room.length < end) {
          room = Buffer.alloc(end * 2)
          file.bytes.copy(room)
        }
        room.set(bytes, offset)
        file.room = room
        file.bytes = room.subarray(0, end)
        return Promise.resolve()
      },
      truncate: (size) => {
        file.bytes = Buffer.from(file.bytes.subarray(0, size))
        delete file.room
        return Promise.resolve()
      },
      sync: () => Promise.resolve(),
      close: () => {
        this.openHandles -= 1
        return Promise.resolve()
      },
    })
  }

  renameDownload(from: string, to: string): Promise<string | null> {
    const file = this.downloads.get(from)
    if (this.downloads.has(to)) return Promise.resolve(null)
    if (file === undefined) return Promise.reject(fileError(`${from} is gone.`))
    this.downloads.delete(from)
    this.downloads.set(to, file)
    return Promise.resolve(`/downloads/${to}`)
  }

  removeDownload(name: string): Promise<void> {
    this.downloads.delete(name)
    return Promise.resolve()
  }

  freeBytes(): Promise<number | null> {
    return Promise.resolve(this.freeSpace)
  }
}

function fileError(message: string): Error {
  try {
    return fail('E_FILE', message)
  } catch (error) {
    return error as Error
  }
}
