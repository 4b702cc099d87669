// How much may still be written. Asking the system is asynchronous and asking for every mail too dear, so the last answer
// counts for a second, less what has been written since. Adapters refuse new data below the floor; deletions always pass,
// and the floor leaves room for them.
import { statfs } from 'node:fs/promises'

import type { Clock } from '../util/clock.ts'

const FRESH_MS = 1000
const RETRY_MS = 100

export class DiskSpace {
  readonly #dir: string
  readonly #floorBytes: number
  readonly #clock: Clock
  #freeBytes = Infinity
  #spentBytes = 0
  /** What the last request was refused; 0: it was not. */
  #refusedBytes = 0
  #asked = -Infinity
  #asking: Promise<void> | null = null

  /** Below `floorBytes` of free space nothing new is accepted; 0: everything is, until a write fails. */
  constructor(dir: string, floorBytes: number, clock: Clock) {
    this.#dir = dir
    this.#floorBytes = floorBytes
    this.#clock = clock
  }

  /** The last request was refused, and would be again; or any would be. As far as is known. */
  get isLow(): boolean {
    return !this.fits(this.#refusedBytes)
  }

  /** As far as is known. */
  fits(bytes: number, floors = 1): boolean {
    const freeBytes = this.#freeBytes - this.#spentBytes - bytes
    return this.#floorBytes === 0 || freeBytes >= floors * this.#floorBytes
  }

  /**
   * True when `bytes` more may be written, which then count as written. What can wait asks for more than one floor, so
   * that it does not take the room of what cannot.
   */
  take(bytes: number, floors = 1): boolean {
    const age = this.#clock.monotonic() - this.#asked
    const isLow = !this.fits(bytes, floors)
    const isEating = this.#spentBytes * 8 > this.#freeBytes - this.#floorBytes
    if (age > FRESH_MS || (age > RETRY_MS && (isLow || isEating))) void this.refresh()
    if (floors === 1) this.#refusedBytes = isLow ? bytes : 0
    if (isLow) return false
    this.#spentBytes += bytes
    return true
  }

  /** Asks the system now. A file system that cannot tell is taken as roomy: the failing write will tell. */
  refresh(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  async #ask(): Promise<void> {
    this.#asked = this.#clock.monotonic()
    const spentBefore = this.#spentBytes
    try {
      const { bavail, bsize } = await statfs(this.#dir)
      this.#freeBytes = bavail * bsize
    } catch {
      this.#freeBytes = Infinity
    }
    this.#spentBytes -= spentBefore
  }
}
