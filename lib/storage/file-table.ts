// What is known of every stored file without opening it, and how much of its quota each owner uses.
import { DEFAULT_QUOTA_FILES, type FileLimits } from './file-rules.ts'
import type { FileHead } from './file-sidecar.ts'

export interface FileEntry extends FileHead {
  /** What counts against the quota: chunks that are there and those just being written. 0: there is nothing on disk yet. */
  bytes: number
  /** Of these, the bytes being written. */
  writing: number
}

interface Usage {
  count: number
  bytes: number
}

export class FileTable {
  readonly #limits: Required<FileLimits>
  readonly #entries = new Map<string, FileEntry>()
  readonly #usages = new Map<string, Usage>()
  #bytes = 0

  constructor(limits: FileLimits) {
    this.#limits = { quotaFiles: DEFAULT_QUOTA_FILES, totalBytes: 0, ...limits }
  }

  get(fid: string): FileEntry | undefined {
    return this.#entries.get(fid)
  }

  find(condition: (entry: FileEntry) => boolean): FileEntry[] {
    return [...this.#entries.values()].filter(condition)
  }

  usage(owner: string): Readonly<Usage> {
    const { count = 0, bytes = 0 } = this.#usages.get(owner) ?? {}
    return { count, bytes }
  }

  hasRoom(owner: string, files: number, bytes: number): boolean {
    const used = this.usage(owner)
    const { quotaBytes, quotaFiles, totalBytes } = this.#limits
    if (totalBytes > 0 && this.#bytes + bytes > totalBytes) return false
    return used.count + files <= quotaFiles && used.bytes + bytes <= quotaBytes
  }

  add(entry: FileEntry): void {
    this.#entries.set(entry.fid, entry)
    this.#count(entry.owner, 1, entry.bytes)
  }

  /** False: it is not this entry that is in the table (any more). */
  delete(entry: FileEntry): boolean {
    if (!this.has(entry)) return false
    this.#entries.delete(entry.fid)
    this.#count(entry.owner, -1, -entry.bytes)
    return true
  }

  has(entry: FileEntry): boolean {
    return this.#entries.get(entry.fid) === entry
  }

  /** A chunk begins to be written. */
  reserve(entry: FileEntry, bytes: number): void {
    entry.writing += bytes
    this.#grow(entry, bytes)
  }

  /** It was written, or was not: the file now holds `stored` bytes. */
  settle(entry: FileEntry, bytes: number, stored: number): void {
    entry.writing -= bytes
    this.#grow(entry, stored + entry.writing - entry.bytes)
  }

  #grow(entry: FileEntry, bytes: number): void {
    entry.bytes += bytes
    // a file that was deleted meanwhile counts for nobody
    if (this.has(entry)) this.#count(entry.owner, 0, bytes)
  }

  #count(owner: string, files: number, bytes: number): void {
    const usage = this.#usages.get(owner) ?? { count: 0, bytes: 0 }
    usage.count += files
    usage.bytes += bytes
    this.#bytes += bytes
    if (usage.count === 0) this.#usages.delete(owner)
    else this.#usages.set(owner, usage)
  }
}
