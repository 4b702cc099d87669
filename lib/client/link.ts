// Keeps one device connected: reconnects with backoff (PROTOCOL 9.3), tells the rest of the client when it is on and off
// line, and stops for good when another session took over or the server is no longer the pinned one.
import { randomBytes } from '../crypto/random.ts'
import type { ReplyOf, RequestName, RequestOf } from '../protocol/frames.ts'
import type { Clock, Timer } from '../util/clock.ts'
import { codeOf, type ErrorCode, fail, SecureChatError } from '../util/errors.ts'
import type { Log } from '../util/log.ts'
import type { ConnectionState } from './events.ts'
import type { Wire, WireEnd } from './wire.ts'

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 60_000
/** A connection that lasted this long starts the backoff anew. */
const STABLE_MS = 10_000

/** Said by the server that was proven to be ours: there is no sense in trying again. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['E_REPLACED', 'E_AUTH', 'E_NO_DEVICE'])

/**
 * Said by whoever answered instead. Nothing is sent to them; but one forged answer must not silence a client for good, so it
 * looks again, slowly.
 */
const IMPOSTOR: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['E_SERVER_IDENTITY', 'E_VERSION'])

/** Goodbyes of the server after which this device must not come back by itself. */
const FAREWELLS: ReadonlyMap<string, readonly [ErrorCode, string]> = new Map([
  ['E_REPLACED', ['E_REPLACED', 'Another session started with this account. Forced to log out.']],
  ['E_NO_DEVICE', ['E_NO_DEVICE', 'This device was removed from the account. Logged out.']],
  ['E_AUTH', ['E_AUTH', 'The operator of this server has closed this account. Logged out.']],
])

export interface LinkOptions {
  /** Dials, makes the channel and logs the device in; `listed` hears the number of the own device list, and may throw. */
  readonly open: (listed: (n: number) => void) => Promise<Wire>
  readonly clock: Clock
  readonly log: Log
}

export interface LinkListener {
  /** A login has brought this number of the own device list. What it throws ends the connection before it is used. */
  listed?(n: number): void
  /** Logged in; the wire is the one that requests go through from now on. */
  online?(wire: Wire): void
  offline?(): void
  /** Somebody else answers in the server's place: told once, until the server itself is back. */
  impostor?(code: ErrorCode, reason: string): void
}

export class Link {
  readonly #options: LinkOptions
  readonly #listeners: LinkListener[] = []
  #onState: (state: ConnectionState) => void = () => undefined
  #onFinal: (code: ErrorCode, reason: string) => void = () => undefined
  #wire: Wire | null = null
  #state: ConnectionState = { state: 'connecting', attempt: 1 }
  #attempt = 0
  #warned = false
  #since = 0
  #retry: Timer | null = null
  #stopped = false
  /** Why we stay away by ourselves. */
  #away: string | null = null
  #opening: Promise<void> | null = null

  constructor(options: LinkOptions) {
    this.#options = options
  }

  get state(): ConnectionState {
    return this.#state
  }

  get online(): boolean {
    return this.#wire !== null
  }

  get stopped(): boolean {
    return this.#stopped
  }

  get latencyMs(): number | null {
    return this.#wire?.latencyMs ?? null
  }

  onState(listener: (state: ConnectionState) => void): void {
    this.#onState = listener
  }

  /** Called once, when no further connection will be tried. */
  onFinal(listener: (code: ErrorCode, reason: string) => void): void {
    this.#onFinal = listener
  }

  /** In the order in which they were added. */
  add(listener: LinkListener): void {
    this.#listeners.push(listener)
  }

  /** Starts with a wire that is logged in already. */
  start(wire: Wire): void {
    this.#adopt(wire)
  }

  /** Rejects with E_CLOSED while offline. */
  request<N extends RequestName>(
    name: N,
    fields: RequestOf<N>,
    timeoutMs?: number,
  ): Promise<ReplyOf<N>> {
    if (this.#wire === null) return Promise.reject(offlineError())
    return this.#wire.request(name, fields, timeoutMs)
  }

  ackMail(q: number): void {
    this.#wire?.push({ t: 'mail.ack', q })
  }

  /** Tries now instead of waiting for the backoff. */
  retryNow(): void {
    this.#away = null // also while the goodbye is still being said
    if (this.#stopped || this.#wire !== null || this.#opening !== null) return
    this.#retry?.cancel()
    this.#connect()
  }

  /** Drops the present connection (a broken local store must not acknowledge anything) and stops. */
  abort(code: ErrorCode, reason: string): void {
    this.#stopped = true
    this.#retry?.cancel()
    this.#wire?.destroy(code, reason)
  }

  /** Drops the present connection and comes back by itself: fresh launch keys, for example. */
  reopen(reason: string): void {
    this.#wire?.destroy('E_CLOSED', reason)
  }

  /** Says goodbye and stays away until `retryNow`. */
  async leave(reason: string): Promise<void> {
    if (this.#stopped) return
    this.#away = reason
    this.#retry?.cancel()
    await this.#wire?.close()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#retry?.cancel()
    const wire = this.#wire
    await wire?.close()
    await this.#opening
  }

  #adopt(wire: Wire): void {
    this.#wire = wire
    this.#warned = false
    this.#since = this.#options.clock.monotonic()
    this.#change({ state: 'online' })
    void wire.closed.then((end) => {
      this.#lost(end)
    })
    for (const listener of this.#listeners) listener.online?.(wire)
  }

  #lost(end: WireEnd): void {
    this.#wire = null
    if (this.#options.clock.monotonic() - this.#since >= STABLE_MS) this.#attempt = 0
    for (const listener of this.#listeners) listener.offline?.()
    const farewell = end.bye === undefined ? undefined : FAREWELLS.get(end.bye)
    if (farewell === undefined) this.#failed(end.code, end.reason)
    else this.#finish(...farewell)
  }

  #failed(code: ErrorCode, reason: string): void {
    if (this.#stopped) {
      this.#change({ state: 'offline', code, reason })
      return
    }
    if (FINAL.has(code)) {
      this.#finish(code, reason)
      return
    }
    if (this.#away !== null) {
      this.#change({ state: 'offline', code: 'E_CLOSED', reason: this.#away })
      return
    }
    const isImpostor = IMPOSTOR.has(code)
    if (isImpostor && !this.#warned) {
      this.#warned = true
      for (const listener of this.#listeners) listener.impostor?.(code, reason)
    }
    const nextTryMs = isImpostor ? MAX_RETRY_MS : this.#backoff()
    this.#change({ state: 'offline', code, reason, nextTryMs })
    this.#retry = this.#options.clock.after(nextTryMs, () => {
      this.#connect()
    })
  }

  #finish(code: ErrorCode, reason: string): void {
    this.#stopped = true
    this.#change({ state: 'offline', code, reason })
    this.#onFinal(code, reason)
  }

  /** 0.5 s doubling to 60 s, +-50 %, so that a thousand clients do not come back in one instant. */
  #backoff(): number {
    const base = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#attempt, 10))
    this.#attempt += 1
    return Math.round(base * (0.5 + randomBytes(4).readUInt32BE() / 2 ** 32))
  }

  #connect(): void {
    this.#change({ state: 'connecting', attempt: this.#attempt + 1 })
    this.#opening = this.#open().finally(() => {
      this.#opening = null
    })
  }

  async #open(): Promise<void> {
    let wire: Wire
    try {
      wire = await this.#options.open((n) => {
        for (const listener of this.#listeners) listener.listed?.(n)
      })
    } catch (error) {
      this.#options.log.info('client.connect', { code: codeOf(error), attempt: this.#attempt })
      this.#failed(codeOf(error), sentence(error))
      return
    }
    if (this.#stopped) await wire.close()
    else this.#adopt(wire)
  }

  #change(state: ConnectionState): void {
    this.#state = state
    this.#onState(state)
  }
}

export function offlineError(): SecureChatError {
  return new SecureChatError('E_CLOSED', 'You are offline: there is no connection to the server.')
}

function sentence(error: unknown): string {
  return error instanceof SecureChatError ? error.message : 'The connection failed.'
}

/** For steps that make sense only while connected. @throws E_CLOSED */
export function requireOnline(link: Link): void {
  if (!link.online) fail('E_CLOSED', offlineError().message)
}
