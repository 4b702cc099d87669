// Logs in plain files, one each: nothing of them is in memory but the offsets of those in use, an append costs one
// fdatasync, and opening the store reads none of them. Bodies are sealed when there is a key.
import { constants } from 'node:fs'
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { sha256 } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import { type Bytes, concat, hex, u64, utf8 } from '../util/bytes.ts'
import { fail, SecureChatError } from '../util/errors.ts'
import type { Log } from '../util/log.ts'
import { AT_REST_OVERHEAD_BYTES, type AtRest } from './at-rest.ts'
import type { DiskSpace } from './disk-space.ts'
import {
  errnoOf,
  FILE_MODE,
  privateFolder,
  readFully,
  syncFolder,
  writeError,
  writeFully,
} from './durable.ts'
import { type HiddenNames, LOG_SUFFIX } from './hidden-names.ts'
import {
  BODY_BYTES,
  COMMITTED_AT,
  decodeFrame,
  encodeCommitted,
  encodeFrame,
  encodeHead,
  FRAME_HEAD_BYTES,
  HEAD_BYTES,
} from './log-format.ts'
import {
  emptyIndex,
  endOf,
  frameCount,
  type LogIndex,
  nextOf,
  offsetOf,
  readIndex,
} from './log-index.ts'
import { LogRoom } from './log-room.ts'
import type { LogAppended, LogHead, Logs } from './ports.ts'

export interface LogFilesOptions {
  readonly dir: string
  /** Bytes of the bodies of one log. */
  readonly logBytes: number
  /** Bytes of all files together. Default 0: as much as the disk takes. */
  readonly totalBytes?: number
  /** Null: bodies lie there as they came. */
  readonly cipher: AtRest | null
  /** Absent or null: whoever knows what a log is called can tell which file it is. */
  readonly names?: HiddenNames | null
  readonly space: DiskSpace
  readonly log: Log
}

/** One append is one buffer in memory. */
const APPEND_BYTES = 4 * 2 ** 20

/** Logs stop before mail does: of the free space, so many floors are not theirs. */
const FLOORS = 4

/** Logs whose offsets are kept, and offsets kept in all: 8 bytes each. */
const KEPT_LOGS = 1000
const KEPT_OFFSETS = 2 ** 20

const OPEN = constants.O_RDWR | constants.O_NOFOLLOW
const CREATE = OPEN | constants.O_CREAT | constants.O_EXCL
const TEMPORARY = '.tmp'
const COPY_BYTES = 2 ** 18

export class LogFiles implements Logs {
  readonly #options: LogFilesOptions
  readonly #room: LogRoom
  readonly #indexes = new Map<string, LogIndex>()
  readonly #failures = new Map<string, SecureChatError>()
  readonly #turns = new Map<string, Promise<unknown>>()
  #keptOffsets = 0
  #isClosed = false
  #folder: Promise<void> | null = null

  constructor(options: LogFilesOptions) {
    this.#options = options
    this.#room = new LogRoom(options.dir, options.totalBytes ?? 0)
  }

  get hasFailed(): boolean {
    return this.#failures.size > 0
  }

  append(log: string, expectNext: number, chunks: readonly Bytes[]): Promise<LogAppended> {
    return this.#inTurn(log, async () => {
      const known = await this.#index(log)
      const head = this.#headOf(known)
      if (head.next !== expectNext) return { ok: false, conflict: head }
      if (chunks.length === 0) return { ok: true, next: expectNext }
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      const isLong = chunks.some((chunk) => chunk.length + AT_REST_OVERHEAD_BYTES > BODY_BYTES)
      if (head.bytes + bytes > this.#options.logBytes) return { ok: false, full: true }
      if (isLong || bytes > APPEND_BYTES) fail('E_TOO_BIG', 'too much for one append to a log')
      const frames = chunks.map((chunk, i) => {
        const seq = expectNext + i
        return encodeFrame(seq, chunks.length - 1 - i, this.#seal(log, seq, chunk))
      })
      const size = frames.reduce((sum, frame) => sum + frame.length, 0)
      if (!(await this.#room.take(size))) return { ok: false, full: true }
      try {
        await this.#write(log, known ?? emptyIndex(0), frames, known === null)
      } catch (error) {
        this.#room.give(size)
        throw error
      }
      return { ok: true, next: expectNext + chunks.length }
    })
  }

  read(
    log: string,
    from: number,
    to: number,
    maxBytes: number,
  ): Promise<{ readonly seq: number; readonly body: Bytes }[]> {
    return this.#inTurn(log, async () => {
      const index = await this.#index(log)
      if (index === null) return []
      const start = Math.max(from, index.first)
      let stop = Math.min(to, start + 1, nextOf(index))
      const end = Math.min(to, nextOf(index))
      while (stop < end && this.#bodyBytes(index, start, stop + 1) <= maxBytes) stop++
      if (stop <= start) return []
      const base = offsetOf(index, start)
      const bytes = await this.#withFile(log, (file) =>
        readFully(file, offsetOf(index, stop) - base, base),
      )
      return Array.from({ length: stop - start }, (_, i) => {
        const seq = start + i
        const frame = bytes.subarray(offsetOf(index, seq) - base, offsetOf(index, seq + 1) - base)
        return { seq, body: this.#open(log, seq, frame) }
      })
    })
  }

  head(log: string): Promise<LogHead> {
    return this.#inTurn(log, async () => this.#headOf(await this.#index(log)))
  }

  /** Rewrites what remains, so it frees the space at once and costs what remains: not for every single chunk. */
  truncate(log: string, before: number): Promise<void> {
    return this.#inTurn(log, async () => {
      const index = await this.#index(log)
      if (index === null || before <= index.first) return
      const first = Math.min(before, nextOf(index))
      const from = offsetOf(index, first)
      try {
        await this.#replace(log, async (target) => {
          const length = endOf(index) - from
          await writeFully(target, encodeHead(first, HEAD_BYTES + length), 0)
          await this.#copy(log, target, from, endOf(index))
        })
      } catch (error) {
        throw writeError(error, 'the shorter log')
      }
      const shift = HEAD_BYTES - from
      this.#room.give(-shift)
      const offsets = index.offsets.slice(first - index.first).map((at) => at + shift)
      this.#keep(log, { first, offsets })
    })
  }

  drop(log: string): Promise<void> {
    return this.#inTurn(log, async () => {
      const index = await this.#index(log)
      if (index === null) return
      this.#forget(log)
      try {
        await rm(this.#path(log), { force: true })
        await syncFolder(this.#options.dir)
      } catch (error) {
        throw writeError(error, 'that a log is gone')
      }
      this.#room.give(endOf(index))
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#turns.values())
  }

  /** Calls for one log run one after the other. */
  #inTurn<T>(log: string, call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) {
      return Promise.reject(new SecureChatError('E_CLOSED', 'the store is closed'))
    }
    const turn = (this.#turns.get(log) ?? Promise.resolve()).then(call, call)
    this.#turns.set(log, turn)
    const done = (): void => {
      if (this.#turns.get(log) === turn) this.#turns.delete(log)
    }
    turn.then(done, done)
    return turn
  }

  /** Null: there is no such log. */
  async #index(log: string): Promise<LogIndex | null> {
    const failure = this.#failures.get(log)
    if (failure !== undefined) throw failure
    const known = this.#indexes.get(log)
    if (known !== undefined) {
      this.#keep(log, known)
      return known
    }
    try {
      const { index, cutBytes } = await this.#withFile(log, (file) =>
        readIndex(file, this.#path(log)),
      )
      if (cutBytes > 0) this.#options.log.warn('store.tail-cut', { collection: 'logs', cutBytes })
      this.#keep(log, index)
      return index
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null
      throw writeError(error, 'a log')
    }
  }

  async #write(
    log: string,
    index: LogIndex,
    frames: readonly Buffer[],
    isNew: boolean,
  ): Promise<void> {
    const bytes = concat(...frames)
    if (!this.#options.space.take(bytes.length, FLOORS)) {
      fail('E_DISK_FULL', 'The disk is nearly full: nothing new is stored. Free some space.')
    }
    const end = endOf(index)
    try {
      if (isNew) {
        await this.#replace(log, async (file) => {
          await writeFully(file, concat(encodeHead(index.first, end), bytes), 0)
        })
      } else {
        await this.#withFile(log, (file) => this.#extend(log, file, end, bytes))
      }
    } catch (error) {
      throw writeError(error, 'an append to a log')
    }
    this.#forget(log)
    for (const frame of frames) index.offsets.push(endOf(index) + frame.length)
    this.#keep(log, index)
  }

  async #extend(log: string, file: FileHandle, end: number, bytes: Buffer): Promise<void> {
    try {
      await writeFully(file, encodeCommitted(end), COMMITTED_AT)
      await writeFully(file, bytes, end)
    } catch (error) {
      // best effort: what stays behind the end is overwritten by the next append, or cut at the next start
      await file.truncate(end).catch(() => undefined)
      throw error
    }
    try {
      await file.datasync()
    } catch (error) {
      // the system may go on showing pages that are not on disk: this log stays closed until the next start
      this.#failures.set(log, writeError(error, 'an append to a log'))
      throw error
    }
  }

  async #copy(log: string, target: FileHandle, from: number, end: number): Promise<void> {
    await this.#withFile(log, async (source) => {
      for (let at = from; at < end;) {
        const part = await readFully(source, Math.min(COPY_BYTES, end - at), at)
        if (part.length === 0) fail('E_CORRUPT', `${this.#path(log)} is shorter than it was`)
        await writeFully(target, part, HEAD_BYTES + at - from)
        at += part.length
      }
    })
  }

  /** A new file under the log's name, whole or not at all. */
  async #replace(log: string, fill: (target: FileHandle) => Promise<void>): Promise<void> {
    this.#folder ??= prepareFolder(this.#options.dir)
    await this.#folder
    const temporary = `${this.#path(log)}.${hex(randomBytes(8))}${TEMPORARY}`
    try {
      const target = await open(temporary, CREATE, FILE_MODE)
      try {
        await fill(target)
        await target.sync()
      } finally {
        await target.close()
      }
      await rename(temporary, this.#path(log))
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    await syncFolder(this.#options.dir)
  }

  async #withFile<T>(log: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
    const file = await open(this.#path(log), OPEN)
    try {
      return await use(file)
    } finally {
      await file.close()
    }
  }

  /** Any text can name a log, so the name of its file is a hash. */
  #path(log: string): string {
    const { dir, names } = this.#options
    const hash = hex(sha256(utf8(log)).subarray(0, 16))
    return join(dir, names ? names.of('logs', hash) + LOG_SUFFIX : hash)
  }

  #bodyBytes(index: LogIndex, from: number, to: number): number {
    const overhead = FRAME_HEAD_BYTES + (this.#options.cipher === null ? 0 : AT_REST_OVERHEAD_BYTES)
    return offsetOf(index, to) - offsetOf(index, from) - (to - from) * overhead
  }

  #headOf(index: LogIndex | null): LogHead {
    if (index === null) return { first: 0, next: 0, bytes: 0 }
    const next = nextOf(index)
    return { first: index.first, next, bytes: this.#bodyBytes(index, index.first, next) }
  }

  #seal(log: string, seq: number, body: Bytes): Bytes {
    return this.#options.cipher?.seal(concat(u64(seq), utf8(log)), body) ?? body
  }

  #open(log: string, seq: number, frame: Buffer): Bytes {
    const stored = decodeFrame(seq, frame)
    const { cipher } = this.#options
    const body =
      stored === null || cipher === null ? stored : cipher.open(concat(u64(seq), utf8(log)), stored)
    return body ?? fail('E_CORRUPT', `${this.#path(log)} is damaged. Restore it from a backup.`)
  }

  /** Remembers as the most recently used; forgets the least recently used above the bounds. */
  #keep(log: string, index: LogIndex): void {
    this.#forget(log)
    this.#indexes.set(log, index)
    this.#keptOffsets += frameCount(index)
    for (const oldest of this.#indexes.keys()) {
      const isRoomy = this.#indexes.size <= KEPT_LOGS && this.#keptOffsets <= KEPT_OFFSETS
      if (isRoomy || oldest === log) break
      this.#forget(oldest)
    }
  }

  #forget(log: string): void {
    const index = this.#indexes.get(log)
    if (index === undefined) return
    this.#indexes.delete(log)
    this.#keptOffsets -= frameCount(index)
  }
}

/** Creates the folder and removes what a crash left half written. */
async function prepareFolder(dir: string): Promise<void> {
  await privateFolder(dir)
  for (const name of await readdir(dir)) {
    if (name.endsWith(TEMPORARY)) await rm(join(dir, name), { force: true })
  }
}
