// All files on their way: offers out and in, who moves now, what a restart goes on with (PROTOCOL 10).
import { FileLayout } from '../../envelope/file-chunks.ts'
import { LIMITS } from '../../protocol/limits.ts'
import type { Records } from '../../storage/ports.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf, type ErrorCode, fail, SecureChatError } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import type { FileAnswer, Offer } from '../events.ts'
import { GroupCommit } from '../group-commit.ts'
import type { Link } from '../link.ts'
import type { FileAccess } from '../ports.ts'
import { without } from '../without.ts'
import { download } from './download.ts'
import { FileRequests } from './patient.ts'
import { Progress } from './progress.ts'
import {
  decodeTransfer,
  encodeTransfer,
  isActive,
  isOver,
  offerOf,
  type Transfer,
  type TransferNames,
} from './transfer.ts'
import { upload } from './upload.ts'
import type { FileWay } from './way.ts'

const KIND = 'file'
const PAGE = 500
/** The sender has not sent enough yet, has just begun perhaps: look again, the last for as long as it takes. */
const ABSENT_RETRY_MS = [250, 500, 1000, 2000, 4000, 8000, 15_000] as const

export interface TransferDeps {
  readonly records: Records
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

export class Transfers {
  readonly #deps: TransferDeps
  readonly #requests: FileRequests
  readonly #byNumber = new Map<number, Transfer>()
  readonly #moving = new Map<number, { stopped: boolean; ended: Promise<void> }>()
  readonly #commit: GroupCommit<number>
  readonly #timers = new Map<number, Timer>()
  /** How often in a row nothing was there. */
  readonly #absences = new Map<number, number>()
  readonly #settled: (() => void)[] = []
  #next = 1
  #stopped = false

  private constructor(deps: TransferDeps) {
    this.#deps = deps
    this.#requests = new FileRequests(deps.link, deps.clock, deps.way)
    this.#commit = new GroupCommit(async (numbers) => {
      const items = [...new Set(numbers)].map((number) => {
        const t = this.get(number)
        const key = `${t.direction}:${hex(t.acct)}:${hex(t.fid)}`
        return {
          id: String(number).padStart(12, '0'),
          body: encodeTransfer(t),
          keys: { unique: { key }, index: { all: 'yes' } },
        }
      })
      await deps.records.putMany(KIND, items)
      return numbers.map(() => undefined)
    })
    deps.link.add({
      online: () => {
        this.#startAll()
      },
    })
  }

  static async open(deps: TransferDeps): Promise<Transfers> {
    const transfers = new Transfers(deps)
    let after: string | null = null
    for (;;) {
      const page = await deps.records.list(KIND, 'all', 'yes', after, PAGE)
      for (const record of page) {
        const t = decodeTransfer(record.body)
        transfers.#byNumber.set(t.number, t)
        transfers.#next = Math.max(transfers.#next, t.number + 1)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return transfers
      after = last.id
    }
  }

  /** One counter for everything a person answers by number: offers and chat requests. */
  nextNumber(): number {
    return this.#next++
  }

  /** A request took this number in an earlier run. */
  reserve(number: number): void {
    this.#next = Math.max(this.#next, number + 1)
  }

  all(): Transfer[] {
    return [...this.#byNumber.values()].sort((a, b) => a.number - b.number)
  }

  has(number: number): boolean {
    return this.#byNumber.has(number)
  }

  /** @throws E_NOT_FOUND */
  get(number: number): Transfer {
    return (
      this.#byNumber.get(number) ??
      fail('E_NOT_FOUND', `There is no offer number ${number}. !files lists them.`)
    )
  }

  /** Ids are chosen by the sender: only with the account they name a file. */
  find(direction: 'in' | 'out', acct: Bytes, fid: Bytes): Transfer | undefined {
    return this.all().find(
      (t) => t.direction === direction && equal(t.acct, acct) && equal(t.fid, fid),
    )
  }

  findByMid(mid: string): Transfer | undefined {
    return this.all().find((t) => t.mid === mid)
  }

  offer(t: Transfer): Offer {
    return offerOf(t, this.#deps.names)
  }

  get activeCount(): number {
    return this.all().filter(isActive).length
  }

  async put(t: Transfer): Promise<Transfer> {
    this.#byNumber.set(t.number, t)
    await this.#commit.add(t.number)
    this.#check()
    return t
  }

  /** Moves bytes from now on. */
  async start(number: number): Promise<Transfer> {
    const t = await this.put({ ...this.get(number), state: 'running' })
    this.#start(t)
    return t
  }

  /** Stops moving and takes this state. */
  async halt(number: number, state: 'paused' | 'cancelled' | 'declined'): Promise<Transfer> {
    const moving = this.#moving.get(number)
    if (moving !== undefined) {
      moving.stopped = true
      await moving.ended
    }
    this.#timers.get(number)?.cancel()
    const t = this.get(number)
    if (isOver(t) && !(t.state === 'done' && t.direction === 'out')) return t
    const halted = await this.put({ ...t, state })
    if (state !== 'paused') await this.#discard(halted)
    return halted
  }

  /** The receiver of an own file has answered. */
  async answered(
    fid: Bytes,
    { conv, acct }: { readonly conv: string; readonly acct: Bytes },
    chunks: number,
    done: boolean,
  ): Promise<void> {
    const t = this.all().find(
      (each) => each.direction === 'out' && each.conv === conv && equal(each.fid, fid),
    )
    if (t === undefined || t.receiver === 'received') return
    const complete = chunks >= chunkCount(t.size)
    const receiver = !done ? 'accepted' : complete ? 'received' : 'declined'
    if (!equal(t.acct, acct)) {
      await this.#answeredBy(t, acct, receiver)
      return
    }
    if (t.receiver === receiver) return
    let now = await this.put({ ...t, receiver })
    // straight from us, without the server
    if (receiver === 'received' && !isOver(now)) {
      now = await this.put({ ...now, chunks: chunkCount(t.size), state: 'done' })
    }
    if (receiver === 'declined' && !isOver(now)) now = await this.halt(t.number, 'declined')
    if (done) await this.#forgetOnServer(now)
    this.#deps.emit({ type: 'file-answer', offer: this.offer(now) })
  }

  /** One of a group: the file stays for the others. */
  async #answeredBy(t: Transfer, acct: Bytes, answer: FileAnswer): Promise<void> {
    const before = (t.answers ?? []).find(([each]) => equal(each, acct))
    if (before?.[1] === answer || before?.[1] === 'received') return
    const others = (t.answers ?? []).filter((each) => each !== before)
    if (others.length >= LIMITS.members) return
    const now = await this.put({ ...t, answers: [...others, [acct, answer]] })
    this.#deps.emit({ type: 'file-answer', offer: this.offer(now) })
  }

  /** Resolves when no upload is under way. */
  settled(): Promise<void> {
    if (!this.#uploads()) return Promise.resolve()
    return new Promise((resolve) => {
      this.#settled.push(resolve)
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers.values()) timer.cancel()
    const moving = [...this.#moving.values()]
    for (const each of moving) each.stopped = true
    await Promise.all(moving.map((each) => each.ended))
    await this.#commit.idle()
    for (const resolve of this.#settled.splice(0)) resolve()
  }

  #uploads(): boolean {
    return this.all().some((t) => t.direction === 'out' && isActive(t))
  }

  #check(): void {
    if (this.#settled.length > 0 && !this.#uploads()) {
      for (const resolve of this.#settled.splice(0)) resolve()
    }
  }

  /** What moves by another way now starts or goes on. */
  wayChanged(): void {
    this.#startAll()
  }

  /** The receiver fetches it from us: the server need not have it. */
  #isFetched({ direction, conv }: Transfer): boolean {
    return direction === 'out' && this.#deps.way(conv) !== null
  }

  #startAll(): void {
    for (const t of this.all()) if (isActive(t)) this.#start(t)
  }

  #start(t: Transfer): void {
    const isOpen = this.#requests.online || this.#deps.way(t.conv) !== null
    if (this.#stopped || this.#moving.has(t.number) || !isOpen || this.#isFetched(t)) return
    this.#timers.get(t.number)?.cancel()
    const moving = { stopped: false, ended: Promise.resolve() }
    this.#moving.set(t.number, moving)
    moving.ended = this.#move(t, () => moving.stopped || this.#isFetched(t))
      .then(
        // a way that came and went meanwhile
        () => isActive(this.get(t.number)) && !this.#isFetched(t),
        (error: unknown) => this.#trouble(t.number, error),
      )
      .then((again) => {
        this.#moving.delete(t.number)
        // the connection may have come back while the last step was still ending
        if (again && !moving.stopped) this.#start(this.get(t.number))
      })
      .catch((error: unknown) => {
        this.#moving.delete(t.number)
        if (!this.#stopped) this.#deps.broken(error)
      })
  }

  async #move(from: Transfer, stopped: () => boolean): Promise<void> {
    const t = from.state === 'running' ? from : await this.put({ ...from, state: 'running' })
    const bytesOf = (chunks: number): number => Math.min(t.size, chunks * LIMITS.chunkBytes)
    const progress = new Progress(this.#deps.clock, t.size, bytesOf(t.chunks))
    const moved = (chunks: number): Promise<void> => {
      this.#absences.delete(t.number)
      this.#byNumber.set(t.number, { ...this.get(t.number), chunks })
      const speed = progress.moved(bytesOf(chunks))
      if (speed !== null) {
        const offer = this.offer(this.get(t.number))
        this.#deps.emit({ type: 'file-progress', offer, ...speed })
      }
      return Promise.resolve()
    }
    const deps = { files: this.#deps.files, requests: this.#requests, stopped, moved }
    if (t.direction === 'out') {
      if ((await upload(deps, t)) === 'stopped') return
      await this.#finish({ ...this.get(t.number), chunks: chunkCount(t.size), state: 'done' })
      return
    }
    const path = await download(
      {
        ...deps,
        started: async (part) => {
          await this.put({ ...this.get(t.number), part, chunks: 0 })
        },
        synced: async (chunks) => {
          await this.put({ ...this.get(t.number), chunks })
        },
      },
      t,
    )
    if (path === null) return
    const rest = without(this.get(t.number), 'part')
    await this.#finish({ ...rest, chunks: chunkCount(t.size), state: 'done', path })
    await this.#deps.acknowledge(t, chunkCount(t.size), true)
  }

  async #finish(t: Transfer): Promise<void> {
    const done = await this.put(t)
    this.#deps.emit({ type: 'file-done', offer: this.offer(done) })
  }

  /** Lost connection and missing chunks: later. Everything else ends the transfer with a sentence. True: go on now. */
  async #trouble(number: number, error: unknown): Promise<boolean> {
    const t = this.get(number)
    const code = codeOf(error)
    if (this.#stopped || isOver(t)) return false
    if (code === 'E_STORE') {
      this.#deps.broken(error)
      return false
    }
    if (code === 'E_CLOSED' || code === 'E_TIMEOUT') {
      await this.put({ ...t, state: 'waiting' })
      return this.#requests.online || this.#deps.way(t.conv) !== null
    }
    if (code === 'E_NOT_FOUND' && t.direction === 'in' && this.#deps.clock.now() < t.expires) {
      await this.put({ ...t, state: 'waiting' })
      this.#retryLater(number)
    } else await this.#fail(t, code, sentence(error, t))
    return false
  }

  #retryLater(number: number): void {
    const before = this.#absences.get(number) ?? 0
    this.#absences.set(number, before + 1)
    const ms = ABSENT_RETRY_MS[Math.min(before, ABSENT_RETRY_MS.length - 1)] ?? 0
    const timer = this.#deps.clock.after(ms, () => {
      const t = this.get(number)
      if (isActive(t)) this.#start(t)
    })
    this.#timers.set(number, timer)
  }

  async #fail(t: Transfer, code: ErrorCode, reason: string): Promise<void> {
    const failed = await this.put({ ...t, state: 'failed', code })
    await this.#discard(failed)
    this.#deps.log.info('client.file.failed', { code, direction: t.direction })
    this.#deps.emit({ type: 'file-failed', offer: this.offer(failed), code, reason })
  }

  /** Nothing half-written stays behind. */
  async #discard(t: Transfer): Promise<void> {
    if (t.direction === 'out') await this.#forgetOnServer(t)
    else if (t.part !== undefined) {
      await this.#deps.files.removeDownload(t.part).catch((error: unknown) => {
        this.#deps.log.warn('client.file.part', { code: codeOf(error) })
      })
    }
  }

  async #forgetOnServer(t: Transfer): Promise<void> {
    try {
      await this.#requests.ask('file.del', { fid: t.fid })
    } catch (error) {
      // it expires by itself
      this.#deps.log.debug('client.file.del', { code: codeOf(error) })
    }
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
    return 'The server has no more room for your files. Cancel another transfer or wait.'
  }
  return error instanceof SecureChatError ? error.message : `${t.name} could not be moved.`
}
