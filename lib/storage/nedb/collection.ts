// A durable set of documents in one NeDB file: writes that arrive together are appended together and answered after one
// fdatasync (group commit). Documents are never changed in place; a new version is a new document, and the old one goes
// after it, so that a crash at any byte leaves a prefix of what was asked for. The owner keeps its own view of the
// documents and asks nothing of NeDB but to remember them.
import { open, rm, stat } from 'node:fs/promises'

import { fail, type SecureChatError } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { isDiskFull, openError, writeError } from '../durable.ts'
import { createEngine, type Doc, type Engine } from './engine.ts'
import type { CommitTimes } from './commit-times.ts'
import type { LineCodec } from './lines.ts'
import { repairTail } from './tail.ts'

/** One call's worth of changes, carried out in this order. */
export interface Changes<D> {
  /** Documents that must be gone before anything later is added (they free a unique key). */
  readonly drop?: readonly number[]
  readonly add?: readonly D[]
  /** Documents that something added here or before has replaced, or that nobody wants: any time later will do. */
  readonly stale?: readonly number[]
}

interface Request<D> {
  readonly changes: Changes<D>
  readonly isDurable: boolean
  readonly resolve: () => void
  readonly reject: (error: SecureChatError) => void
}

export interface CollectionOptions {
  readonly path: string
  /** For people and logs: 'mail-03'. */
  readonly name: string
  readonly lines: LineCodec
  readonly log: Log
  /** Told of every durable write. */
  readonly commits?: CommitTimes
}

/** NeDB builds one string per append and compares every removal with every candidate: neither may grow without bound. */
const ADD_COUNT = 1000
const REMOVE_COUNT = 100

/** Not worth a rewrite below this, however small the rest. */
const GARBAGE_LINES = 1000

export class Collection<D extends Doc> {
  readonly #path: string
  readonly #name: string
  readonly #log: Log
  readonly #commits: CommitTimes | undefined
  readonly #engine: Engine<D>
  #queue: Request<D>[] = []
  #pump: Promise<void> | null = null
  #failure: SecureChatError | null = null
  #isClosed = false
  /** While it is set, nothing is written. */
  #paused: { readonly promise: Promise<void>; readonly end: () => void } | null = null
  /** A batch is being written. */
  #writing: Promise<unknown> = Promise.resolve()
  #liveLines: number
  #garbageLines = 0
  /** After a compaction without room: no sooner than this much garbage. */
  #patienceLines = GARBAGE_LINES

  private constructor(options: CollectionOptions, engine: Engine<D>, count: number) {
    this.#path = options.path
    this.#name = options.name
    this.#log = options.log
    this.#commits = options.commits
    this.#engine = engine
    this.#liveLines = count
  }

  /** Repairs, loads and compacts the file; the documents come in the order of their _id. */
  static async open<D extends Doc>(
    options: CollectionOptions,
  ): Promise<{ readonly collection: Collection<D>; readonly docs: readonly D[] }> {
    const { path, name, lines, log } = options
    try {
      const { cutBytes } = await repairTail(path, lines)
      if (cutBytes > 0) log.warn('store.tail-cut', { collection: name, cutBytes })
      const engine = createEngine<D>(path, lines)
      await engine.load()
      const docs = engine.getAllData().sort((a, b) => a._id - b._id)
      return { collection: new Collection(options, engine, docs.length), docs }
    } catch (error) {
      if (error instanceof Error && 'corruptionRate' in error) {
        fail('E_CORRUPT', `${path} is damaged. Nothing was changed; restore a backup.`, error)
      }
      // NeDB rewrites the file when it loads it; the half copy must not take the room that is missing
      if (isDiskFull(error)) await removeCopy(path)
      throw openError(error, path)
    }
  }

  /** Why nothing works any more: memory may be ahead of the disk. Only a new start helps. */
  get failure(): SecureChatError | null {
    return this.#failure
  }

  /** Resolves when the changes, and all changes asked for earlier, would survive a power loss. */
  write(changes: Changes<D>): Promise<void> {
    return this.#enqueue(changes, true)
  }

  /** Resolves when the changes would survive the end of this process. */
  writeLazily(changes: Changes<D>): Promise<void> {
    return this.#enqueue(changes, false)
  }

  /** Waits for everything asked for so far; refuses what comes later. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#pump
  }

  get path(): string {
    return this.#path
  }

  /** Resolves when the file is at rest; writes asked for meanwhile wait for `resume`. One pause at a time. */
  async pause(): Promise<void> {
    if (this.#paused === null) {
      let end = (): void => undefined
      const promise = new Promise<void>((resolve) => {
        end = resolve
      })
      this.#paused = { promise, end }
    }
    await this.#writing
  }

  resume(): void {
    this.#paused?.end()
    this.#paused = null
  }

  #enqueue(changes: Changes<D>, isDurable: boolean): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    if (this.#isClosed) fail('E_CLOSED', 'the store is closed')
    return new Promise((resolve, reject) => {
      this.#queue.push({ changes, isDurable, resolve, reject })
      this.#pump ??= this.#run()
    })
  }

  async #run(): Promise<void> {
    // whatever else this turn of the event loop has to write goes into the same append
    await new Promise(setImmediate)
    while (this.#queue.length > 0) {
      if (this.#paused !== null) {
        await this.#paused.promise
        continue
      }
      const batch = this.#queue
      this.#queue = []
      await (this.#writing = this.#carryOut(batch))
    }
    this.#pump = null
  }

  /** Never rejects. */
  async #carryOut(batch: readonly Request<D>[]): Promise<void> {
    try {
      const isDurable = batch.some((request) => request.isDurable)
      const write = async (): Promise<void> => {
        await this.#apply(batch)
        if (isDurable) await this.#sync()
      }
      await (isDurable && this.#commits !== undefined ? this.#commits.time(write) : write())
      for (const request of batch) request.resolve()
      await this.#compactIfWorthIt()
    } catch (error) {
      this.#stop(error, batch)
    }
  }

  /** Fail-stop: a failed append leaves half a line in the file and the documents in memory. */
  #stop(error: unknown, batch: readonly Request<D>[]): void {
    const failure = writeError(error, this.#name)
    this.#failure = failure
    this.#log.error('store.stopped', { collection: this.#name, code: failure.code })
    const waiting = [...batch, ...this.#queue]
    this.#queue = []
    for (const request of waiting) request.reject(failure)
  }

  async #apply(batch: readonly Request<D>[]): Promise<void> {
    let added: D[] = []
    const stale: number[] = []
    for (const { changes } of batch) {
      if (changes.drop !== undefined && changes.drop.length > 0) {
        await this.#add(added)
        added = []
        await this.#remove(changes.drop)
      }
      if (changes.add !== undefined) added.push(...changes.add)
      if (changes.stale !== undefined) stale.push(...changes.stale)
    }
    await this.#add(added)
    await this.#remove(stale)
  }

  async #add(docs: readonly D[]): Promise<void> {
    for (let i = 0; i < docs.length; i += ADD_COUNT) {
      await this.#engine.insertMany(docs.slice(i, i + ADD_COUNT))
    }
    this.#liveLines += docs.length
  }

  async #remove(ids: readonly number[]): Promise<void> {
    for (let i = 0; i < ids.length; i += REMOVE_COUNT) {
      const removed = await this.#engine.removeMany({
        _id: { $in: ids.slice(i, i + REMOVE_COUNT) },
      })
      this.#liveLines -= removed
      this.#garbageLines += 2 * removed
    }
  }

  /** By path: a compaction replaces the file, and a kept descriptor would sync the old one. */
  async #sync(): Promise<void> {
    const file = await open(this.#path, 'r+')
    try {
      await file.datasync()
    } finally {
      await file.close()
    }
  }

  async #compactIfWorthIt(): Promise<void> {
    if (this.#garbageLines < Math.max(this.#patienceLines, this.#liveLines)) return
    try {
      await this.#engine.compactDatafileAsync()
      this.#garbageLines = 0
      this.#patienceLines = GARBAGE_LINES
    } catch (error) {
      // the old file is still whole; only the copy had no room
      if (!isDiskFull(error)) throw error
      await removeCopy(this.#path)
      this.#patienceLines = 2 * this.#garbageLines
      this.#log.warn('store.no-room-to-compact', { collection: this.#name })
    }
  }

  /** Bytes of the file: for tests and measurements. */
  async fileBytes(): Promise<number> {
    return (await stat(this.#path)).size
  }
}

/** Of a rewrite that failed. If the file itself is missing, the copy is all there is. */
async function removeCopy(path: string): Promise<void> {
  await stat(path)
  await rm(`${path}~`, { force: true })
}
