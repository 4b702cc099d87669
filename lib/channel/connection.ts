// One end of an established channel: frames in, frames out, over any Duplex (PROTOCOL 4.3, 4.4). The only writer of its
// stream. Knows records, keys and back-pressure; what a frame means is for client/ and server/.
//
// What a caller may rely on:
// 1. Frames leave in the order of `send`, each in exactly one record; those of one turn of the event loop share records.
// 2. Frames arrive in order, record by record. After `pause` not one further record is opened: what has arrived stays
//    sealed until `resume`, so keys may change in between.
// 3. `rebind` is a boundary: what was sent before travels under the old keys, everything after it, in both directions,
//    under the new ones.
// 4. Nothing is delivered after the first record that fails, and the peer gets no byte of explanation.
// 5. Memory is bounded: one chunk and one record of input, `bufferedBytes` of output.
import { encodeFrame } from '../protocol/codec.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Bytes } from '../util/bytes.ts'
import { codeOf, type ErrorCode } from '../util/errors.ts'
import type { ChunkReader, Framing } from './chunk-reader.ts'
import { FrameQueue } from './frame-queue.ts'
import { type ChannelKeys, reboundKeys } from './key-schedule.ts'
import { Liveness, type LivenessLimits } from './liveness.ts'
import { ANONYMOUS_RECORDS, MAX_FRAME_BYTES, RecordHalf, RECORDS } from './records.ts'
import type { Transport, TransportUser } from './transport.ts'
import type { Kept, Upkeep } from './upkeep.ts'

export interface ConnectionLimits extends LivenessLimits {
  /** More unsent bytes end the connection: whoever sends so much waits for `drained` first. */
  readonly bufferedBytes: number
  /** Above so many unsent bytes nothing more is read: who does not listen is not listened to. Infinity on a client. */
  readonly readWhileBufferedBytes: number
}

const MiB = 1024 * 1024

export const CLIENT_CONNECTION_LIMITS: ConnectionLimits = {
  lifeMs: LIMITS.connectionLifeMs,
  silenceMs: 4 * LIMITS.pingIdleMs,
  stallMs: 2 * LIMITS.pingIdleMs,
  bufferedBytes: 16 * MiB,
  readWhileBufferedBytes: Infinity,
}

export const SERVER_CONNECTION_LIMITS: ConnectionLimits = {
  ...CLIENT_CONNECTION_LIMITS,
  bufferedBytes: 8 * MiB,
  readWhileBufferedBytes: MiB,
}

export interface ConnectionOptions {
  readonly transport: Transport
  /** May hold bytes that came right behind the handshake. */
  readonly reader: ChunkReader
  readonly keys: ChannelKeys
  /** The end that dialled seals with c2s. */
  readonly dialled: boolean
  readonly remoteAddress: string
  readonly upkeep: Upkeep
  readonly limits: ConnectionLimits
}

/** `code` is null when one of the two ends closed properly. */
export interface Closed {
  readonly code: ErrorCode | null
  readonly error?: unknown
}

/** Time for the last bytes and for the peer's own end after `close`. */
const FAREWELL_MS = 5000
const BYE: Buffer = encodeFrame({ t: 'bye' })

export class Connection implements TransportUser, Kept {
  readonly remoteAddress: string
  readonly closed: Promise<Closed>
  readonly #transport: Transport
  readonly #reader: ChunkReader
  readonly #upkeep: Upkeep
  readonly #limits: ConnectionLimits
  readonly #dialled: boolean
  readonly #liveness: Liveness
  readonly #queue = new FrameQueue()
  #settle!: (closed: Closed) => void
  #exporter!: Bytes
  #in!: RecordHalf
  #out!: RecordHalf
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closingSince = 0
  #framing: Framing = ANONYMOUS_RECORDS
  #deliver: ((frames: Bytes[]) => void) | null = null
  #held = false // by pause()
  #stopped = true // the transport was told to stop
  #pumping = false
  #peerEnded = false
  #flushDue = false
  #full = false // the transport asked to wait
  #waiters: (() => void)[] | null = null

  constructor(options: ConnectionOptions) {
    this.remoteAddress = options.remoteAddress
    this.#transport = options.transport
    this.#reader = options.reader
    this.#upkeep = options.upkeep
    this.#limits = options.limits
    this.#dialled = options.dialled
    this.#liveness = new Liveness(options.limits, options.upkeep.clock.monotonic())
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.#install(options.keys)
    this.#upkeep.add(this)
    this.#transport.use(this)
  }

  /** Names this channel in login signatures (PROTOCOL 4.4); another one after `rebind`. */
  get exporter(): Bytes {
    return this.#exporter
  }

  /** Bytes handed to `send` that the network has not taken. */
  get bufferedBytes(): number {
    return this.#queue.bytes + this.#transport.pendingBytes
  }

  /** Queues a frame, which must not be changed any more. Does nothing once the connection is closing. */
  send(frame: Bytes): void {
    if (frame.length === 0 || frame.length > MAX_FRAME_BYTES) {
      throw new RangeError(`a frame has 1 to ${MAX_FRAME_BYTES} bytes, not ${frame.length}`)
    }
    if (this.#state !== 'open') return
    this.#queue.push(frame)
    if (this.bufferedBytes > this.#limits.bufferedBytes) {
      this.#finish('E_BUSY')
    } else if (!this.#flushDue) {
      this.#flushDue = true
      this.#upkeep.flushSoon(this)
    }
  }

  /** Resolves when everything queued so far is on its way and more is welcome, or the connection is over. */
  drained(): Promise<void> {
    if (this.#isDrained()) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiters ??= []
      this.#waiters.push(resolve)
    })
  }

  /** Sets the one receiver of frames: one call per record. Nothing is read before. The frames are the receiver's. */
  onFrames(deliver: (frames: Bytes[]) => void): void {
    this.#deliver = deliver
    this.#pump()
  }

  /** Takes effect before the next record, also inside the receiver (2 above). */
  pause(): void {
    this.#held = true
  }

  resume(): void {
    this.#held = false
    this.#pump()
  }

  /**
   * New keys from a password login (PROTOCOL 4.4). The client calls it right after sending `login.fin`, with no other
   * request open; the server pauses at `login.fin` and calls it before the reply, with no other reply outstanding.
   */
  rebind(opaqueSessionKey: Bytes): void {
    if (this.#state !== 'open') return
    this.#write(true)
    this.#install(reboundKeys(this.#exporter, opaqueSessionKey))
  }

  /** The peer is known now: it may send full-sized records (PROTOCOL 4.3). */
  authenticated(): void {
    this.#framing = RECORDS
  }

  /** Sends what is queued and `finalFrame`, then ends; resolves when the peer has ended as well or time is up. */
  async close(finalFrame?: Bytes): Promise<void> {
    if (this.#state === 'open') {
      if (finalFrame !== undefined) this.#queue.push(finalFrame)
      this.#write(true)
      this.#state = 'closing'
      this.#closingSince = this.#upkeep.clock.monotonic()
      this.#wake()
      this.#transport.end()
      this.#transport.resume() // only to see the peer's end: what still arrives is dropped
      if (this.#peerEnded) this.#finish(null)
    }
    await this.closed
  }

  /** Ends at once; what is queued is lost. */
  destroy(error?: Error): void {
    this.#finish(error === undefined ? null : codeOf(error), error)
  }

  onChunk(chunk: Buffer): void {
    if (this.#state !== 'open') return
    this.#liveness.received()
    this.#reader.push(chunk)
    this.#pump()
  }

  onDrain(): void {
    this.#full = false
    this.flush()
  }

  onEnd(error: Error | null): void {
    if (this.#state === 'closing') this.#finish(null)
    else if (error !== null) this.#finish('E_CLOSED', error)
    else {
      this.#peerEnded = true
      this.#pump()
    }
  }

  flush(): void {
    this.#flushDue = false
    if (this.#state !== 'open') return
    this.#write(false)
    if (this.#stopped) this.#pump()
  }

  sweep(now: number): void {
    if (this.#state === 'closing') {
      if (now - this.#closingSince >= FAREWELL_MS) this.#finish(null)
      return
    }
    const verdict = this.#liveness.check(now, this.#transport.pendingBytes)
    if (verdict === 'gone') this.#finish('E_TIMEOUT')
    else if (verdict === 'expired') void this.close(BYE)
  }

  #install(keys: ChannelKeys): void {
    this.#exporter = Uint8Array.from(keys.exporter) // own memory, as in RecordHalf
    this.#in = new RecordHalf(this.#dialled ? keys.s2c : keys.c2s)
    this.#out = new RecordHalf(this.#dialled ? keys.c2s : keys.s2c)
  }

  #mayRead(): boolean {
    return (
      this.#state === 'open' &&
      !this.#held &&
      this.bufferedBytes <= this.#limits.readWhileBufferedBytes
    )
  }

  /** Opens and delivers what has arrived as far as it may be read now, and lets the transport flow accordingly. */
  #pump(): void {
    if (this.#pumping || this.#deliver === null) return
    this.#pumping = true
    try {
      while (this.#mayRead()) {
        const record = this.#reader.next(this.#framing)
        if (record === null) break
        const frames = this.#in.open(record)
        if (frames.length > 0) this.#deliver(frames)
      }
    } catch (error) {
      this.#finish(codeOf(error), error)
    }
    this.#pumping = false
    if (this.#state !== 'open') return
    if (!this.#mayRead()) {
      if (this.#stopped || !this.#reader.hasInput) return
      this.#stopped = true
      this.#transport.pause()
    } else if (this.#peerEnded) {
      this.#finish(this.#reader.isPartial ? 'E_RECORD' : null)
    } else if (this.#stopped) {
      this.#stopped = false
      this.#transport.resume()
    }
  }

  /** Seals what is queued; unless forced, only while the transport wants more: what waits here shares later records. */
  #write(force: boolean): void {
    while (!this.#queue.isEmpty && (force || !this.#full)) {
      const pieces = this.#out.seal(this.#queue.take())
      for (const piece of pieces) this.#liveness.wrote(piece.length)
      this.#full = !this.#transport.write(pieces)
    }
    if (this.#waiters !== null && this.#isDrained()) this.#wake()
  }

  #isDrained(): boolean {
    return this.#state !== 'open' || (this.#queue.isEmpty && !this.#full)
  }

  #wake(): void {
    const waiters = this.#waiters ?? []
    this.#waiters = null
    for (const resolve of waiters) resolve()
  }

  #finish(code: ErrorCode | null, error?: unknown): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#upkeep.delete(this)
    this.#queue.clear()
    this.#transport.destroy()
    this.#wake()
    this.#settle(error === undefined ? { code } : { code, error })
  }
}
