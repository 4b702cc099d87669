// One client connection: decodes frames, checks state, budget and open requests by the table, calls the handler, answers.
// Phases: anonymous, then level acct, dev or both (PROTOCOL 5.3). What a frame means is in handlers/.
import { decodeFrame, encodeFrame } from '../protocol/codec.ts'
import type { Frame } from '../protocol/frames.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Bytes } from '../util/bytes.ts'
import { codeOf, type WireCode } from '../util/errors.ts'
import { addressBlock } from '../channel/address.ts'
import { type FileConnection, FileWindow } from './file-window.ts'
import {
  type AccountLogin,
  type Caller,
  type Cost,
  type DeviceLogin,
  type FrameTable,
  LATER,
  LEVEL,
  type PendingLogin,
  type PendingRegistration,
  type Row,
} from './handler.ts'
import type { Link } from './link.ts'
import { Bucket } from '../util/rate.ts'
import { errFrame, refuse, Refusal, wireCodeOf } from './refusal.ts'
import type { Reason } from './refusal-log.ts'
import type { Services } from './services.ts'

const STRIKES_MAX = 3
/** Who goes on sending after so many E_RATE on one connection does not wait as told. */
const OVERRUNS_MAX = 1000

const ANONYMOUS = {
  perSecond: LIMITS.anonymousFrames / (LIMITS.anonymousMs / 1000),
  burst: LIMITS.anonymousFrames,
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : ''
}

/** What this device or account may still send; survives reconnecting. */
interface Budgets {
  readonly send: Bucket
  readonly request: Bucket
}

/** Who looks after all sessions. */
export interface SessionWatcher {
  /** Somebody has logged in on it; may be told twice. */
  entered(session: Session): void
  ended(session: Session): void
}

export class Session implements Caller, FileConnection {
  readonly services: Services
  readonly link: Link
  readonly block: string
  /** Monotonic. */
  readonly since: number
  registration: PendingRegistration | null = null
  login: PendingLogin | null = null
  changingPassword = false
  patientUntil = 0
  puzzleSeed: Bytes | null = null
  readonly #table: FrameTable
  readonly #watcher: SessionWatcher
  #state: 'open' | 'stopping' | 'closed' = 'open'
  #levels: number = LEVEL.anon
  #account: AccountLogin | null = null
  #device: DeviceLogin | null = null
  #leave: (() => void) | null = null
  #files: FileWindow | null = null
  #anonymous: Bucket | null
  #budgets: Budgets | null = null
  #open = 0
  #whenIdle: (() => void) | null = null
  #strikes = 0
  #overruns = 0
  #holds = 0

  constructor(services: Services, table: FrameTable, link: Link, watcher: SessionWatcher) {
    this.services = services
    this.link = link
    this.block = addressBlock(link.remoteAddress)
    this.#table = table
    this.#watcher = watcher
    this.since = services.clock.monotonic()
    this.#anonymous = new Bucket(ANONYMOUS, this.since)
    void link.closed.then(() => {
      this.#end()
    })
    link.onFrames((frames) => {
      this.#receive(frames)
    })
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  get isAnonymous(): boolean {
    return this.#levels === LEVEL.anon
  }

  get hasAccount(): boolean {
    return this.#account !== null
  }

  get hasDevice(): boolean {
    return this.#device !== null
  }

  get account(): AccountLogin {
    return this.#account ?? refuse('E_STATE')
  }

  get device(): DeviceLogin {
    return this.#device ?? refuse('E_STATE')
  }

  get strikes(): number {
    return this.#strikes
  }

  get files(): FileWindow {
    this.#files ??= new FileWindow(this, this.services.transfers)
    return this.#files
  }

  bufferedBytes(): number {
    return this.link.bufferedBytes
  }

  drained(): Promise<void> {
    return this.link.drained()
  }

  enterAccount(login: AccountLogin): void {
    if (this.isClosed) return
    this.#account = login
    this.services.accountSessions.enter(login.id, this)
    this.#enter(LEVEL.acct, login.id)
  }

  loseAccount(): void {
    this.#leaveAccount()
    this.#levels &= ~LEVEL.acct
    if (this.#device === null) void this.bye('E_AUTH')
  }

  enterDevice(login: DeviceLogin, leave: () => void): void {
    if (this.isClosed) {
      leave()
      return
    }
    this.#device = login
    this.#leave = leave
    this.#enter(LEVEL.dev, login.box)
  }

  strike(): void {
    this.#strikes++
    this.#count('login')
    if (this.#strikes >= STRIKES_MAX) void this.bye('E_AUTH')
  }

  hold(): void {
    if (this.#holds++ === 0) this.link.pause()
  }

  release(): void {
    if (--this.#holds === 0) this.link.resume()
  }

  succeed(r: number, reply?: Readonly<Record<string, unknown>>): void {
    this.#answered()
    this.#answer({ t: 'ok', r, ...reply })
  }

  refuse(r: number, error: unknown): void {
    this.#answered()
    this.#refuse(r, error)
  }

  push(bytes: Bytes): void {
    if (!this.isClosed) this.link.send(bytes)
  }

  /** Resolves when the connection is gone. */
  bye(code?: WireCode): Promise<void> {
    if (this.isClosed) return Promise.resolve()
    this.#end()
    const frame: Frame = code === undefined ? { t: 'bye' } : { t: 'bye', c: code }
    return this.link.close(encodeFrame(frame))
  }

  /** Takes no new request; resolves when all that were taken are answered. */
  stop(): Promise<void> {
    if (this.#state === 'open') this.#state = 'stopping'
    if (this.#open === 0 || this.isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenIdle = resolve
    })
  }

  #leaveAccount(): void {
    if (this.#account !== null) this.services.accountSessions.leave(this.#account.id, this)
    this.#account = null
  }

  /** Whoever sees by KE2 that the password was wrong need not say so: what is not finished has failed. */
  #leaveLogin(): void {
    if (this.login !== null) this.#count('login')
    this.login = null
  }

  #enter(level: number, key: string): void {
    this.#levels = (this.#levels | level) & ~LEVEL.anon
    this.#anonymous = null
    this.#strikes = 0
    this.#leaveLogin()
    const { sendBudgets, requestBudgets, clock } = this.services
    const now = clock.monotonic()
    this.#budgets = { send: sendBudgets.of(key, now), request: requestBudgets.of(key, now) }
    this.link.authenticated()
    this.#watcher.entered(this)
  }

  #receive(frames: readonly Bytes[]): void {
    this.services.traffic.frames += frames.length
    for (const bytes of frames) {
      if (this.isClosed) return
      let frame: Frame
      try {
        frame = decodeFrame(bytes)
      } catch {
        void this.bye('E_FORMAT')
        return
      }
      this.#dispatch(frame)
    }
    this.#device?.delivery.flush()
  }

  #dispatch(frame: Frame): void {
    const row = this.#table.get(frame.t)
    const r = 'r' in frame ? frame.r : undefined
    if (row === undefined || (row.state & this.#levels) === 0) {
      if (row?.push === false && r !== undefined) this.#refuse(r, new Refusal('E_STATE'))
      else void this.bye('E_STATE')
      return
    }
    const wait = this.#charge(row.cost, row.weigh?.(this, frame as never))
    if (wait > 0) {
      this.#overrun(r, wait)
      return
    }
    if (row.push || r === undefined) row.handle(this, frame as never)
    else this.#request(row, r, frame)
  }

  #request(row: Row, r: number, frame: Frame): void {
    if (this.#open >= LIMITS.openRequests || this.#state === 'stopping') {
      this.#refuse(r, new Refusal('E_BUSY', { after: 1000 }))
      return
    }
    this.#open++
    let answer: unknown
    try {
      answer = row.handle(this, frame as never)
    } catch (error) {
      this.refuse(r, error)
      return
    }
    if (answer === LATER) return
    if (answer instanceof Promise) {
      answer.then(
        (reply: unknown) => {
          if (reply !== LATER) this.succeed(r, reply as Readonly<Record<string, unknown>>)
        },
        (error: unknown) => {
          this.refuse(r, error)
        },
      )
    } else this.succeed(r, answer as Readonly<Record<string, unknown>>)
  }

  #charge(cost: Cost, weight?: number): number {
    const now = this.services.clock.monotonic()
    if (this.#budgets === null) return this.#anonymous?.take(now) ?? 0
    return cost === 'free' ? 0 : this.#budgets[cost].take(now, weight)
  }

  #overrun(r: number | undefined, wait: number): void {
    this.#overruns++
    if (r === undefined || this.#overruns > OVERRUNS_MAX) {
      this.#count('rate')
      void this.bye('E_RATE')
    } else this.#refuse(r, new Refusal('E_RATE', { after: wait }))
  }

  #refuse(r: number, error: unknown): void {
    if (!(error instanceof Refusal)) this.#report(error)
    else if (error.countedAs !== null) this.#count(error.countedAs)
    this.#answer(errFrame(r, error))
  }

  #count(reason: Reason): void {
    this.services.refusals.note(reason, this.link.remoteAddress)
  }

  /** An answer that no frame can hold is a bug of ours: it ends this connection and no other. */
  #answer(frame: Frame): void {
    if (this.isClosed) return
    try {
      this.link.send(encodeFrame(frame))
    } catch (error) {
      this.services.log.error('server.answer-failed', { code: codeOf(error), frame: frame.t })
      void this.bye('E_INTERNAL')
    }
  }

  /** Only what is the server's own trouble; refusals of a client are its own. */
  #report(error: unknown): void {
    const code = wireCodeOf(error)
    if (code !== 'E_INTERNAL' && code !== 'E_BUSY') return
    const cause = error instanceof Error ? `${error.message} ${messageOf(error.cause)}` : ''
    this.services.log.error('server.request-failed', { code, cause })
  }

  #answered(): void {
    this.#open--
    if (this.#open > 0) return
    this.#whenIdle?.()
    this.#whenIdle = null
  }

  #end(): void {
    if (this.isClosed) return
    this.#state = 'closed'
    this.#leaveLogin()
    this.#device?.delivery.stop()
    if (this.#device !== null) this.services.shown.set(this.#device.id, this, false)
    this.#files?.close()
    this.#leave?.()
    this.#leave = null
    this.#leaveAccount()
    this.#watcher.ended(this)
  }
}
