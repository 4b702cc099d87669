// Sealed files on their way through the server: what one connection has in hand is in file-window.ts; here is what all
// share: the Files port, chunks that somebody waits for, and the bytes in memory on their way to the disk.
import { padme } from '../crypto/padding.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Files } from '../storage/ports.ts'
import type { Bytes } from '../util/bytes.ts'
import type { Clock, Timer } from '../util/clock.ts'

/** A receiver may be ahead of the sender by this much (PROTOCOL 9.3: no answer in 20 s ends a connection). */
const WAIT_MS = LIMITS.requestTimeoutMs - 2000
const LOOK_MS = 1000
const CHUNKS_MAX = 32_768

/** Somebody who asked for a chunk that is not there yet. */
export interface Waiter {
  readonly index: number
  /** The chunk has just been stored. */
  arrived(chunk: Bytes): void
  /** The time is over, or the file is gone. */
  gone(why: 'late' | 'deleted'): void
}

/** A connection whose reading stops while too much is in memory. */
export interface Pausable {
  resumeIfLow(): void
}

export class Transfers {
  readonly files: Files
  readonly fileLifeMs: number
  readonly maxChunks: number
  readonly #clock: Clock
  readonly #maxInFlight: number
  readonly #waiters = new Map<string, Map<Waiter, number>>()
  readonly #paused = new Set<Pausable>()
  #inFlight = 0
  #timer: Timer | null = null

  constructor(deps: {
    readonly files: Files
    readonly clock: Clock
    readonly maxInFlightBytes: number
    readonly fileBytes: number
    readonly fileLifeMs: number
  }) {
    this.files = deps.files
    this.fileLifeMs = deps.fileLifeMs
    this.#clock = deps.clock
    this.#maxInFlight = deps.maxInFlightBytes
    // the content is padded before it is cut (PROTOCOL 10)
    this.maxChunks = Math.min(CHUNKS_MAX, Math.ceil(padme(deps.fileBytes) / LIMITS.chunkBytes))
  }

  get inFlightBytes(): number {
    return this.#inFlight
  }

  now(): number {
    return this.#clock.now()
  }

  /** False: the connection that brought these bytes should bring no more for now. */
  take(bytes: number): boolean {
    this.#inFlight += bytes
    return this.#inFlight <= this.#maxInFlight
  }

  /** True: there is room again. */
  give(bytes: number): boolean {
    this.#inFlight -= bytes
    if (this.#inFlight > this.#maxInFlight / 2) return false
    const paused = [...this.#paused]
    this.#paused.clear()
    for (const connection of paused) connection.resumeIfLow()
    return true
  }

  get hasRoom(): boolean {
    return this.#inFlight <= this.#maxInFlight / 2
  }

  resumeLater(connection: Pausable): void {
    this.#paused.add(connection)
  }

  wait(fid: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(fid) ?? new Map<Waiter, number>()
    this.#waiters.set(fid, waiters)
    waiters.set(waiter, this.#clock.monotonic() + WAIT_MS)
    this.#timer ??= this.#clock.after(LOOK_MS, this.#look)
  }

  /** False: it was told something already. */
  unwait(fid: string, waiter: Waiter): boolean {
    const waiters = this.#waiters.get(fid)
    const was = waiters?.delete(waiter) ?? false
    if (waiters?.size === 0) this.#waiters.delete(fid)
    return was
  }

  stored(fid: string, index: number, chunk: Bytes): void {
    for (const waiter of this.#waiters.get(fid)?.keys() ?? []) {
      if (waiter.index !== index) continue
      this.unwait(fid, waiter)
      waiter.arrived(chunk)
    }
  }

  deleted(fid: string): void {
    const waiters = this.#waiters.get(fid)
    this.#waiters.delete(fid)
    for (const waiter of waiters?.keys() ?? []) waiter.gone('deleted')
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#waiters.clear()
  }

  readonly #look = (): void => {
    this.#timer = null
    const now = this.#clock.monotonic()
    for (const [fid, waiters] of this.#waiters) {
      for (const [waiter, deadline] of waiters) {
        if (now < deadline) continue
        this.unwait(fid, waiter)
        waiter.gone('late')
      }
    }
    if (this.#waiters.size > 0) this.#timer = this.#clock.after(LOOK_MS, this.#look)
  }
}
