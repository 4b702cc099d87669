// The way out of one conversation: opens streams, seals in order, keeps many messages in flight, and survives refusals and
// lost connections without losing the order (PROTOCOL 6.4, 9.1, 9.3). Knows items and streams, not what they say.
import type { Bytes } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf, type ErrorCode, SecureChatError } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { Refusal } from '../refusal.ts'
import type { OutItem, Sent, Transmission } from './item.ts'
import type { Outgoing, SealedMessage } from './outgoing.ts'
import type { Traffic } from './traffic.ts'

/** Messages of one conversation that wait for their `ok` at a time. */
const IN_FLIGHT_MAX = 64
/** A message refused this often on one stream goes out on another. */
const TRIES_PER_STREAM = 5
const HOUR_MS = 3_600_000
const RETRY_MS = 60_000
const MAILBOX_FULL: Hold = {
  code: 'E_MAILBOX_FULL',
  reason: 'The mailbox of the receiver is full. Trying again every hour.',
  retryMs: HOUR_MS,
}
const NEW_PEOPLE: Hold = {
  code: 'E_RATE',
  reason: 'You have written to many new people today. It goes on by itself later.',
}
/** The message itself is refused: sending it again would not help. */
const UNWANTED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['E_TOO_BIG', 'E_FORMAT', 'E_AUTH'])
/** Pauses between streams that die at once: the first replacement comes without delay. */
const REOPEN_MS = [0, 200, 2000, 15_000, 60_000] as const

/** Why the queue of a lane waits. */
export interface Hold {
  readonly code: ErrorCode
  readonly reason: string
  /** Absent: until something changes. */
  readonly retryMs?: number
}

export interface LaneDeps {
  readonly clock: Clock
  readonly log: Log
  readonly traffic: Traffic
  /** There is a way for what waits. */
  isOpen(item: OutItem): boolean
  /** Opens a stream to everybody the next item goes to. Throws coded errors. */
  open(item: OutItem): Promise<Outgoing>
  /** Resolves when that can be told. @throws E_CLOSED */
  ready(item: OutItem): Promise<void>
  /** Why this item may not go now; null when it may. */
  gate(item: OutItem): Hold | null
  /** Inbox keys of these accounts (none named: of everybody in the lane) are out of date. */
  stale(item: OutItem, accounts: readonly Bytes[]): void
  /** Mailboxes of these are full. True: it goes on without them. */
  full(item: OutItem, accounts: readonly Bytes[]): boolean
  sent(item: OutItem): void
  /** It was sent there, and the stream ended before there was an answer. What is returned goes on instead. */
  buried(item: OutItem, at: Sent): OutItem
  accepted(item: OutItem, tx: Transmission | null): void
  held(item: OutItem, hold: Hold): void
  failed(item: OutItem, code: ErrorCode, reason: string): void
}

interface Flight {
  readonly item: OutItem
  readonly message: SealedMessage
  flying: boolean
  tries: number
}

export class Lane {
  readonly #deps: LaneDeps
  /** Not in a stream. */
  #queue: OutItem[] = []
  /** In the present stream and unanswered, by index. */
  #flights: Flight[] = []
  #stream: Outgoing | null = null
  #dead = false
  #deaths = 0
  /** Concerns the queue only: what is in a stream already goes its way. */
  #hold: Hold | null = null
  /** Takes effect when the dead stream is buried. */
  #holdAfter: Hold | null = null
  #sealing: OutItem | null = null
  #notBefore = 0
  #timer: Timer | null = null
  #running = false
  #again = false

  constructor(deps: LaneDeps) {
    this.#deps = deps
  }

  get empty(): boolean {
    return this.#queue.length === 0 && this.#flights.length === 0
  }

  /** Something still moves: not everything left is held. */
  get busy(): boolean {
    return this.#flights.length > 0 || (this.#queue.length > 0 && this.#hold === null)
  }

  get items(): readonly OutItem[] {
    return [...this.#flights.map((flight) => flight.item), ...this.#queue]
  }

  push(item: OutItem): void {
    this.#queue.push(item)
    if (this.#hold !== null) this.#deps.held(item, this.#hold)
    this.wake()
  }

  /** Takes an item out that is not on its way yet. */
  remove(mid: string): OutItem | null {
    const item = this.#queue.find((queued) => queued.mid === mid)
    if (item === undefined || item === this.#sealing) return null
    this.#queue = this.#queue.filter((queued) => queued !== item)
    return item
  }

  /** The cause of a hold may be gone: looks again. */
  release(): void {
    if (this.#hold !== null) {
      this.#hold = null
      this.#deaths = 0
      this.#notBefore = 0
    }
    this.wake()
  }

  /** The next message opens a new stream (a device asked for it, or the way has changed). */
  renew(): void {
    if (this.#flights.length === 0 && this.#sealing === null) this.#stream = null
    else this.#dead = true
    this.wake()
  }

  /** The connection is gone: what was unanswered goes again, byte for byte. */
  offline(): void {
    this.#stream?.lostConnection()
  }

  wake(): void {
    if (this.#running) {
      this.#again = true
      return
    }
    this.#running = true
    void this.#run()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  async #run(): Promise<void> {
    try {
      do this.#again = false
      while ((await this.#step()) || this.#wasWoken())
    } catch (error) {
      this.#trouble(error)
    } finally {
      this.#running = false
    }
    if (this.#wasWoken()) this.wake()
  }

  #isDead(): boolean {
    return this.#dead
  }

  #wasWoken(): boolean {
    return this.#again
  }

  /** One thing to do; false when there is nothing to do before the next wake. */
  async #step(): Promise<boolean> {
    const { clock } = this.#deps
    const [any] = this.items
    if (any === undefined || !this.#deps.isOpen(any)) return false
    const wait = this.#notBefore - clock.monotonic()
    if (wait > 0) {
      this.#wakeIn(wait)
      return false
    }
    const flying = this.#flights.some((flight) => flight.flying)
    if (this.#dead) {
      if (flying) return false
      this.#bury()
      return true
    }
    const next = this.#flights.find((flight) => !flight.flying)
    if (next !== undefined) {
      if (flying) return false
      await this.#resend()
      return true
    }
    return this.#sendNext()
  }

  async #sendNext(): Promise<boolean> {
    const [item] = this.#queue
    if (item === undefined || this.#hold !== null) return false
    if (this.#flights.length >= IN_FLIGHT_MAX) return false
    await this.#deps.ready(item)
    if (this.#queue[0] !== item) return true
    const hold = this.#deps.gate(item)
    if (hold !== null) {
      this.#holdAll(hold)
      return false
    }
    if (this.#stream?.expired(this.#deps.clock.now(), item) === true) {
      if (this.#flights.length > 0) return false
      this.#stream = null
    }
    this.#stream ??= await this.#open(item)
    const stream = this.#stream
    if (stream.empty) {
      this.#queue.shift()
      this.#deps.accepted(item, null)
      return true
    }
    await this.#deps.traffic.take(stream.cost)
    // the user may have cancelled it, or a refusal arrived, while we waited
    if (this.#queue[0] !== item || this.#stream !== stream || this.#dead) {
      this.#deps.traffic.giveBack(stream.cost)
      return true
    }
    this.#sealing = item
    const message = await stream.seal(item.payload).finally(() => {
      this.#sealing = null
    })
    const flight: Flight = { item, message, flying: false, tries: 0 }
    const mayFly = !this.#isDead() && this.#flights.every((other) => other.flying)
    this.#queue.shift()
    this.#flights.push(flight)
    if (mayFly) {
      this.#deps.sent(item)
      this.#fly(stream, flight)
    } else this.#deps.traffic.giveBack(stream.cost)
    return true
  }

  async #open(item: OutItem): Promise<Outgoing> {
    const stream = await this.#deps.open(item)
    await this.#deps.traffic.charge(stream.openingCost)
    return stream
  }

  /** After a lost connection or a refusal for now: the same bytes in the same order. */
  async #resend(): Promise<void> {
    const stream = this.#stream
    if (stream === null) return
    for (const flight of [...this.#flights]) {
      await this.#deps.traffic.take(stream.cost)
      if (this.#dead || flight.flying || !this.#flights.includes(flight)) {
        this.#deps.traffic.giveBack(stream.cost)
        continue
      }
      this.#fly(stream, flight)
    }
  }

  #fly(stream: Outgoing, flight: Flight): void {
    flight.flying = true
    flight.tries += 1
    this.#announce(stream, flight.item)
    stream.put(flight.message).then(
      () => {
        this.#landed(stream, flight)
      },
      (error: unknown) => {
        this.#refused(flight, error)
      },
    )
  }

  /** Pipelined: messages follow `st.open` without waiting for its answer. */
  #announce(stream: Outgoing, item: OutItem): void {
    stream.announce()?.catch((error: unknown) => {
      if (this.#stream === stream) this.#streamRefused(item, error)
    })
  }

  #landed(stream: Outgoing, flight: Flight): void {
    this.#deps.traffic.landed()
    this.#deaths = 0
    this.#flights = this.#flights.filter((other) => other !== flight)
    const { st, gs, devices: devs } = stream
    const tx = { st, i: flight.message.i, devs }
    this.#deps.accepted(flight.item, gs === undefined ? tx : { ...tx, gs })
    this.wake()
  }

  #refused(flight: Flight, error: unknown): void {
    this.#deps.traffic.landed()
    flight.flying = false
    const code = codeOf(error)
    if (code === 'E_RATE' && error instanceof Refusal) {
      const after = error.afterMs ?? 1000
      this.#notBefore = this.#deps.clock.monotonic() + after
      this.#deps.traffic.penalty(after)
    } else if (code === 'E_GAP' && flight.tries < TRIES_PER_STREAM && !this.#isBehind(error)) {
      // a lower one was refused: it goes first, this one follows
    } else if (code !== 'E_CLOSED') this.#streamRefused(flight.item, error)
    this.wake()
  }

  /** The server misses messages that we no longer have: only a new stream can go on. */
  #isBehind(error: unknown): boolean {
    const first = this.#flights[0]?.message.i ?? 0
    return error instanceof Refusal && error.n !== undefined && error.n < first
  }

  #streamRefused(item: OutItem, error: unknown): void {
    const code = codeOf(error)
    if (code === 'E_CLOSED') return
    this.#dead = true
    this.#deps.log.info('client.lane.refused', { code })
    const who = error instanceof Refusal ? error.who : []
    if (code === 'E_MAILBOX_FULL') {
      if (!this.#deps.full(item, who)) this.#holdAfter = MAILBOX_FULL
    } else if (code === 'E_RATE') this.#slowDown(error)
    else if (UNWANTED.has(code)) {
      this.#flights = this.#flights.filter((flight) => flight.item !== item)
      this.#deps.failed(item, code, 'The server does not take this message.')
    } else this.#deps.stale(item, who)
  }

  /** Refused for a stream as a whole: the server limits new recipients per day (PROTOCOL 15). */
  #slowDown(error: unknown): void {
    const retryMs = (error instanceof Refusal ? error.afterMs : undefined) ?? RETRY_MS
    if (retryMs > RETRY_MS) this.#holdAfter = { ...NEW_PEOPLE, retryMs }
    else this.#notBefore = this.#deps.clock.monotonic() + retryMs
  }

  /** Back to the queue with everything that was in the stream, in order; the next one opens another. */
  #bury(): void {
    const st = this.#stream?.st
    const unanswered = this.#flights.map(({ item, message: { i }, tries }) =>
      st === undefined || tries === 0 ? item : this.#deps.buried(item, { st, i }),
    )
    this.#queue.unshift(...unanswered)
    this.#flights = []
    this.#stream = null
    this.#dead = false
    const pause = REOPEN_MS[Math.min(this.#deaths, REOPEN_MS.length - 1)] ?? 0
    this.#deaths += 1
    this.#notBefore = Math.max(this.#notBefore, this.#deps.clock.monotonic() + pause)
    const hold = this.#holdAfter
    this.#holdAfter = null
    if (hold !== null) this.#holdAll(hold)
  }

  #holdAll(hold: Hold): void {
    this.#hold = hold
    for (const item of this.#queue) this.#deps.held(item, hold)
    if (hold.retryMs !== undefined) {
      this.#timer?.cancel()
      this.#timer = this.#deps.clock.after(hold.retryMs, () => {
        this.release()
      })
    }
  }

  /** Opening a stream failed on this side. */
  #trouble(error: unknown): void {
    const code = codeOf(error)
    if (code === 'E_CLOSED' || code === 'E_CONNECT' || code === 'E_TIMEOUT') return // again when online
    this.#deps.log.info('client.lane.trouble', { code })
    const reason =
      error instanceof SecureChatError ? error.message : 'Something went wrong; trying again.'
    const retryMs = (error instanceof Refusal ? error.afterMs : undefined) ?? RETRY_MS
    this.#holdAll({ code, reason, retryMs })
  }

  #wakeIn(ms: number): void {
    this.#timer?.cancel()
    this.#timer = this.#deps.clock.after(ms, () => {
      this.wake()
    })
  }
}
