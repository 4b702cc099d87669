// Moves the bytes of files: which ones move now, what stops them, and what a failure means (PROTOCOL 10).
import { FileLayout } from '../../envelope/file-chunks.ts'
import { LIMITS } from '../../protocol/limits.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf, type ErrorCode, SecureChatError } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import type { Offer } from '../events.ts'
import type { Link } from '../link.ts'
import type { FileAccess } from '../ports.ts'
import { without } from '../without.ts'
import { download } from './download.ts'
import { FileRequests } from './patient.ts'
import { Progress } from './progress.ts'
import { isActive, isOver, type Transfer, type TransferNames } from './transfer.ts'
import { upload } from './upload.ts'
import type { FileWay } from './way.ts'

/** The sender has not sent enough yet, has just begun perhaps: look again, the last for as long as it takes. */
const ABSENT_RETRY_MS = [250, 500, 1000, 2000, 4000, 8000, 15_000] as const

export interface MoverDeps {
  readonly link: Pick<Link, 'add' | 'online' | 'request'>
  readonly files: FileAccess
  readonly clock: Clock
  readonly log: Log
  readonly emit: Emit
  readonly names: TransferNames
  readonly way: FileWay
  /** Tells the other side how far we are, if that side may know (PROTOCOL 7.1 file.ack). */
  acknowledge(transfer: Transfer, chunks: number, done: boolean): Promise<void>
  broken(error: unknown): void
}

/** Where they are kept. */
interface Table {
  all(): readonly Transfer[]
  get(number: number): Transfer
  put(t: Transfer): Promise<Transfer>
  reached(number: number, chunks: number): void
  offer(t: Transfer): Offer
}

export class Mover {
  readonly #deps: MoverDeps
  readonly #table: Table
  readonly #requests: FileRequests
  readonly #moving = new Map<number, { stopped: boolean; ended: Promise<void> }>()
  readonly #timers = new Map<number, Timer>()
  /** How often in a row nothing was there. */
  readonly #absences = new Map<number, number>()
  #stopped = false

  constructor(deps: MoverDeps, table: Table) {
    this.#deps = deps
    this.#table = table
    this.#requests = new FileRequests(deps.link, deps.clock, deps.way)
    deps.link.add({
      online: () => {
        this.startAll()
      },
    })
  }

  startAll(): void {
    for (const t of this.#table.all()) if (isActive(t)) this.start(t)
  }

  start(t: Transfer): void {
    const isOpen = this.#requests.online || this.#deps.way(t.conv) !== null
    if (this.#stopped || this.#moving.has(t.number) || !isOpen || this.#isFetched(t)) return
    this.#timers.get(t.number)?.cancel()
    const moving = { stopped: false, ended: Promise.resolve() }
    this.#moving.set(t.number, moving)
    moving.ended = this.#move(t, () => moving.stopped || this.#isFetched(t))
      .then(
        // a way that came and went meanwhile
        () => isActive(this.#table.get(t.number)) && !this.#isFetched(t),
        (error: unknown) => this.#trouble(t.number, error),
      )
      .then((again) => {
        this.#moving.delete(t.number)
        // the connection may have come back while the last step was still ending
        if (again && !moving.stopped) this.start(this.#table.get(t.number))
      })
      .catch((error: unknown) => {
        this.#moving.delete(t.number)
        if (!this.#stopped) this.#deps.broken(error)
      })
  }

  /** Resolves when it does not move any more. */
  async halt(number: number): Promise<void> {
    const moving = this.#moving.get(number)
    if (moving !== undefined) {
      moving.stopped = true
      await moving.ended
    }
    this.#timers.get(number)?.cancel()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers.values()) timer.cancel()
    const moving = [...this.#moving.values()]
    for (const each of moving) each.stopped = true
    await Promise.all(moving.map((each) => each.ended))
  }

  /** Nothing half-written stays behind. */
  async discard(t: Transfer): Promise<void> {
    if (t.direction === 'out') await this.forgetOnServer(t)
    else if (t.part !== undefined) {
      await this.#deps.files.removeDownload(t.part).catch((error: unknown) => {
        this.#deps.log.warn('client.file.part', { code: codeOf(error) })
      })
    }
  }

  async forgetOnServer(t: Transfer): Promise<void> {
    try {
      await this.#requests.ask('file.del', { fid: t.fid })
    } catch (error) {
      // it expires by itself
      this.#deps.log.debug('client.file.del', { code: codeOf(error) })
    }
  }

  /** The receiver fetches it from us: the server need not have it. */
  #isFetched({ direction, conv }: Transfer): boolean {
    return direction === 'out' && this.#deps.way(conv) !== null
  }

  async #move(from: Transfer, stopped: () => boolean): Promise<void> {
    const t = from.state === 'running' ? from : await this.#table.put({ ...from, state: 'running' })
    const bytesOf = (chunks: number): number => Math.min(t.size, chunks * LIMITS.chunkBytes)
    const progress = new Progress(this.#deps.clock, t.size, bytesOf(t.chunks))
    const moved = (chunks: number): Promise<void> => {
      this.#absences.delete(t.number)
      this.#table.reached(t.number, chunks)
      const speed = progress.moved(bytesOf(chunks))
      if (speed !== null) {
        const offer = this.#table.offer(this.#table.get(t.number))
        this.#deps.emit({ type: 'file-progress', offer, ...speed })
      }
      return Promise.resolve()
    }
    const deps = { files: this.#deps.files, requests: this.#requests, stopped, moved }
    if (t.direction === 'out') {
      if ((await upload(deps, t)) === 'stopped') return
      await this.#finish({
        ...this.#table.get(t.number),
        chunks: chunkCount(t.size),
        state: 'done',
      })
      return
    }
    const path = await download(
      {
        ...deps,
        started: async (part) => {
          await this.#table.put({ ...this.#table.get(t.number), part, chunks: 0 })
        },
        synced: async (chunks) => {
          await this.#table.put({ ...this.#table.get(t.number), chunks })
        },
      },
      t,
    )
    if (path === null) return
    const rest = without(this.#table.get(t.number), 'part')
    await this.#finish({ ...rest, chunks: chunkCount(t.size), state: 'done', path })
    await this.#deps.acknowledge(t, chunkCount(t.size), true)
  }

  async #finish(t: Transfer): Promise<void> {
    const done = await this.#table.put(t)
    this.#deps.emit({ type: 'file-done', offer: this.#table.offer(done) })
  }

  /** Lost connection and missing chunks: later. Everything else ends the transfer with a sentence. True: go on now. */
  async #trouble(number: number, error: unknown): Promise<boolean> {
    const t = this.#table.get(number)
    const code = codeOf(error)
    if (this.#stopped || isOver(t)) return false
    if (code === 'E_STORE') {
      this.#deps.broken(error)
      return false
    }
    if (code === 'E_CLOSED' || code === 'E_TIMEOUT') {
      await this.#table.put({ ...t, state: 'waiting' })
      return this.#requests.online || this.#deps.way(t.conv) !== null
    }
    if (code === 'E_NOT_FOUND' && t.direction === 'in' && this.#deps.clock.now() < t.expires) {
      await this.#table.put({ ...t, state: 'waiting' })
      this.#retryLater(number)
    } else await this.#fail(t, code, sentence(error, t))
    return false
  }

  #retryLater(number: number): void {
    const before = this.#absences.get(number) ?? 0
    this.#absences.set(number, before + 1)
    const ms = ABSENT_RETRY_MS[Math.min(before, ABSENT_RETRY_MS.length - 1)] ?? 0
    const timer = this.#deps.clock.after(ms, () => {
      const t = this.#table.get(number)
      if (isActive(t)) this.start(t)
    })
    this.#timers.set(number, timer)
  }

  async #fail(t: Transfer, code: ErrorCode, reason: string): Promise<void> {
    const failed = await this.#table.put({ ...t, state: 'failed', code })
    await this.discard(failed)
    this.#deps.log.info('client.file.failed', { code, direction: t.direction })
    this.#deps.emit({ type: 'file-failed', offer: this.#table.offer(failed), code, reason })
  }
}

function chunkCount(size: number): number {
  return new FileLayout(size).chunkCount
}

function sentence(error: unknown, t: Transfer): string {
  const code = codeOf(error)
  if (code === 'E_NOT_FOUND') {
    return `${t.name} is not on the server any more. Ask for it to be sent again.`
  }
  if (code === 'E_TOO_BIG') return `${t.name} is larger than the server accepts.`
  if (code === 'E_MAILBOX_FULL') {
    // its answer does not say whose room it is (PROTOCOL 14.3)
    return 'The server has no room for this file: yours, or those of all its users, take up what it gives to files. Cancel a transfer of yours, or try again later.'
  }
  return error instanceof SecureChatError ? error.message : `${t.name} could not be moved.`
}
