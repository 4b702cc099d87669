// Requests and answers over one Connection: matches replies, gives up after 20 s, keeps the line alive, hands pushes on
// record by record. Knows the frame table; knows nothing of accounts and messages.
import type { Connection } from '../channel/connection.ts'
import { decodeFrame, decodeReply, encodeFrame } from '../protocol/codec.ts'
import {
  isRequest,
  type Frame,
  type FrameOf,
  type OkFrame,
  type ReplyOf,
  type RequestFrame,
  type RequestName,
  type RequestOf,
} from '../protocol/frames.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Bytes } from '../util/bytes.ts'
import type { Clock, Timer } from '../util/clock.ts'
import { codeOf, type ErrorCode, fail, isWireCode, SecureChatError } from '../util/errors.ts'
import type { Log } from '../util/log.ts'
import { Refusal } from './refusal.ts'

export type Push = FrameOf<'mail'> | FrameOf<'mail.end'> | FrameOf<'dl.new'>

/** Answers what the other end asks for; rejects with a coded error. A server asks for nothing but `ping`. */
export type Serve = (frame: RequestFrame) => Promise<object>

export interface WireEnd {
  readonly code: ErrorCode
  readonly reason: string
  /** The server said goodbye, with this code if it gave one. */
  readonly bye?: string
}

interface Pending {
  readonly name: RequestName
  readonly deadline: number
  resolve(ok: OkFrame): void
  reject(error: unknown): void
}

const WATCH_MS = 5000
/** Pushes kept until somebody listens: twice what may be unacknowledged (PROTOCOL 9.2). */
const EARLY_MAX = 2 * LIMITS.unackedMails

export class Wire {
  readonly connection: Connection
  /** Resolves once, when nothing more can be sent or will arrive. */
  readonly closed: Promise<WireEnd>
  /** What the device login on this connection answered; null before. */
  login: ReplyOf<'dev.login'> | null = null
  readonly #clock: Clock
  readonly #log: Log
  readonly #serve: Serve | null
  #serving = 0
  readonly #pending = new Map<number, Pending>()
  #nextRequest = 1
  #onPush: ((frames: readonly Push[]) => void) | null = null
  #early: Push[] = []
  #watch: Timer | null = null
  #heard: number
  #pinging = false
  #silent = false
  #whenQuiet: (() => void) | null = null
  #latencyMs: number | null = null
  #bye: string | undefined
  /** Something was answered: we were let in. */
  #served = false
  #end: WireEnd | null = null
  #fault: SecureChatError | null = null

  constructor(connection: Connection, clock: Clock, log: Log, serve: Serve | null = null) {
    this.#serve = serve
    this.connection = connection
    this.#clock = clock
    this.#log = log
    this.#heard = clock.monotonic()
    connection.onFrames((frames) => {
      this.#receive(frames)
    })
    this.closed = connection.closed.then(({ code }) => this.#finish(code))
    this.#schedule()
  }

  get exporter(): Bytes {
    return this.connection.exporter
  }

  get latencyMs(): number | null {
    return this.#latencyMs
  }

  get open(): boolean {
    return this.#end === null
  }

  /** Sends at once; rejects with a Refusal, or E_CLOSED when the connection ends first. */
  async request<N extends RequestName>(
    name: N,
    fields: RequestOf<N>,
    timeoutMs: number = LIMITS.requestTimeoutMs,
  ): Promise<ReplyOf<N>> {
    const ok = await new Promise<OkFrame>((resolve, reject) => {
      if (this.#end !== null) {
        reject(closedError(this.#end))
        return
      }
      const r = this.#nextRequest++
      const deadline = this.#clock.monotonic() + timeoutMs
      this.#pending.set(r, { name, deadline, resolve, reject })
      // one table row per name: the compiler cannot follow the spread of a generic row
      this.connection.send(encodeFrame({ t: name, r, ...fields } as unknown as Frame))
    })
    return decodeReply(name, ok)
  }

  push(frame: FrameOf<'mail.ack'>): void {
    if (this.#end === null) this.connection.send(encodeFrame(frame))
  }

  /** All pushes of one record together; those that came before are handed over first. */
  onPush(listener: (frames: readonly Push[]) => void): void {
    this.#onPush = listener
    const early = this.#early
    this.#early = []
    if (early.length > 0) listener(early)
  }

  /** Sends no pings from now on; resolves when no request is open: the keys of the channel may change. */
  async quiet(): Promise<void> {
    this.#silent = true
    if (this.#pending.size === 0) return
    await new Promise<void>((resolve) => {
      this.#whenQuiet = resolve
    })
  }

  /** Ends `quiet`. */
  noisy(): void {
    this.#silent = false
  }

  /** Says goodbye and closes properly. */
  async close(): Promise<void> {
    if (this.#end === null) await this.connection.close(encodeFrame({ t: 'bye' }))
    await this.closed
  }

  /** Ends at once; requests under way are rejected. */
  destroy(code: ErrorCode, reason: string): void {
    this.#fault ??= new SecureChatError(code, reason)
    this.connection.destroy(this.#fault)
  }

  #receive(frames: readonly Bytes[]): void {
    this.#heard = this.#clock.monotonic()
    const pushes: Push[] = []
    try {
      for (const bytes of frames) this.#take(decodeFrame(bytes), pushes)
    } catch (error) {
      this.#log.warn('client.wire', { code: codeOf(error) })
      this.destroy('E_FORMAT', 'The server sent something that is not part of the protocol.')
      return
    }
    if (pushes.length === 0) return
    if (this.#onPush !== null) {
      this.#onPush(pushes)
      return
    }
    for (const push of pushes) this.#early.push(push)
    if (this.#early.length > EARLY_MAX) this.destroy('E_FORMAT', 'The server sends too much.')
  }

  #take(frame: Frame, pushes: Push[]): void {
    if (frame.t !== 'bye') this.#served = true
    if (frame.t === 'mail' || frame.t === 'mail.end' || frame.t === 'dl.new') pushes.push(frame)
    else if (frame.t === 'ok') this.#answered(frame.r)?.resolve(frame)
    else if (frame.t === 'err') {
      if (frame.r === undefined) this.#log.warn('client.err', { code: frame.c })
      else this.#answered(frame.r)?.reject(new Refusal(frame))
    } else if (frame.t === 'ping') {
      this.connection.send(encodeFrame({ t: 'ok', r: frame.r, now: this.#clock.now() }))
    } else if (frame.t === 'bye') {
      this.#bye = frame.c ?? ''
      void this.connection.close()
    } else if (this.#serve !== null && isRequest(frame)) {
      if (this.#serving >= LIMITS.openRequests) fail('E_RATE', 'too many open requests')
      void this.#answer(this.#serve, frame)
    } else fail('E_FORMAT', `unexpected ${frame.t}`)
  }

  async #answer(serve: Serve, frame: RequestFrame): Promise<void> {
    const { r } = frame
    this.#serving += 1
    let answer: Frame
    try {
      answer = { t: 'ok', r, ...(await serve(frame)) }
    } catch (error) {
      const code = codeOf(error)
      answer = { t: 'err', r, c: isWireCode(code) ? code : 'E_INTERNAL' }
    }
    // open until it has left: answers that nobody reads are not to pile up here
    await this.connection.drained()
    this.#serving -= 1
    if (this.#end === null) this.connection.send(encodeFrame(answer))
  }

  #answered(r: number): Pending | undefined {
    const pending = this.#pending.get(r)
    this.#pending.delete(r)
    if (this.#pending.size === 0) this.#whenQuiet?.()
    return pending
  }

  #schedule(): void {
    this.#watch = this.#clock.after(WATCH_MS, () => {
      this.#check()
      if (this.#end === null) this.#schedule()
    })
  }

  /** PROTOCOL 9.3: an answer within 20 s, a ping after 30 s of silence. */
  #check(): void {
    const now = this.#clock.monotonic()
    for (const { deadline } of this.#pending.values()) {
      if (now < deadline) continue
      this.destroy('E_TIMEOUT', 'The server does not answer.')
      return
    }
    if (this.#silent || this.#pinging || now - this.#heard < LIMITS.pingIdleMs) return
    this.#pinging = true
    this.request('ping', {}).then(
      () => {
        this.#pinging = false
        this.#latencyMs = this.#clock.monotonic() - now
      },
      () => undefined, // the connection is gone; `closed` says so
    )
  }

  /** What a server means with E_BUSY (PROTOCOL 14.3): it says so to who just came, or to all when it goes. */
  #busy(): string {
    return this.#served ? CLOSING : FULL
  }

  #finish(code: ErrorCode | null): WireEnd {
    this.#watch?.cancel()
    const fault = this.#fault
    const end: WireEnd = {
      code: fault?.code ?? code ?? 'E_CLOSED',
      reason: fault?.message ?? (this.#bye === 'E_BUSY' ? this.#busy() : ENDED),
      ...(this.#bye === undefined ? {} : { bye: this.#bye }),
    }
    this.#end = end
    const lost = [...this.#pending.values()]
    this.#pending.clear()
    for (const pending of lost) pending.reject(closedError(end))
    this.#whenQuiet?.()
    return end
  }
}

const FULL = 'The server is full. Try again later.'
const CLOSING = 'The server is going down. Try again later.'
const ENDED = 'The connection to the server ended.'

function closedError(end: WireEnd): SecureChatError {
  return new SecureChatError('E_CLOSED', end.reason)
}
