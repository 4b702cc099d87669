// Token buckets, and a bounded table of them. Limits of one node; a cluster multiplies them (PROTOCOL 16).

export interface Rate {
  /** Tokens that come back per second; 0: no limit at all. */
  readonly perSecond: number
  /** Tokens of a rested bucket. */
  readonly burst: number
}

/** Whoever waits exactly as told must not find a billionth of a token missing. */
const ROUNDING = 1e-9

/** One bucket of tokens. Times are the monotonic milliseconds of the clock. */
export class Bucket {
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #at: number

  constructor(rate: Rate, now: number) {
    this.#perMs = rate.perSecond / 1000
    this.#burst = rate.burst
    this.#tokens = rate.burst
    this.#at = now
  }

  /** 0: taken. Else nothing was taken, and so many milliseconds later it can be. */
  take(now: number, tokens = 1): number {
    if (this.#perMs === 0) return 0
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs)
    this.#at = now
    if (this.#tokens + ROUNDING >= tokens) {
      this.#tokens = Math.max(0, this.#tokens - tokens)
      return 0
    }
    return Math.max(1, Math.ceil((tokens - this.#tokens - ROUNDING) / this.#perMs))
  }

  rest(): void {
    this.#tokens = this.#burst
  }
}

/** A map that forgets what was used longest ago: the memory of every counter about strangers is bounded by it. */
export class BoundedMap<V> {
  readonly #map = new Map<string, V>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#map.size
  }

  /** Marks the entry as used. */
  get(key: string): V | undefined {
    const value = this.#map.get(key)
    if (value !== undefined) {
      this.#map.delete(key)
      this.#map.set(key, value)
    }
    return value
  }

  set(key: string, value: V): void {
    this.#map.delete(key)
    this.#map.set(key, value)
    if (this.#map.size > this.#max) {
      for (const oldest of this.#map.keys()) {
        this.#map.delete(oldest)
        break
      }
    }
  }

  delete(key: string): void {
    this.#map.delete(key)
  }

  /** Those used longest ago first. */
  entries(): IterableIterator<[string, V]> {
    return this.#map.entries()
  }

  clear(): void {
    this.#map.clear()
  }

  deleteAll(condition: (key: string) => boolean): void {
    for (const key of this.#map.keys()) if (condition(key)) this.#map.delete(key)
  }
}

/** One bucket per key. */
export class BucketTable {
  readonly #buckets: BoundedMap<Bucket>
  #rate: Rate

  constructor(rate: Rate, max = 100_000) {
    this.#rate = rate
    this.#buckets = new BoundedMap(max)
  }

  of(key: string, now: number): Bucket {
    const known = this.#buckets.get(key)
    if (known !== undefined) return known
    const bucket = new Bucket(this.#rate, now)
    this.#buckets.set(key, bucket)
    return bucket
  }

  /** Full again, also for who holds the bucket already. */
  rest(key: string): void {
    this.#buckets.get(key)?.rest()
  }

  /** Another rate from now on, for everybody afresh. */
  change(rate: Rate): void {
    this.#rate = rate
    this.#buckets.clear()
  }
}
