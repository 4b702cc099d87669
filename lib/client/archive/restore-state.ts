// How far the restore of this device is, in the sealed store: enough to go on after a crash at any point (PROTOCOL 11).
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { b, check, flag, list, map, opt, u } from '../../protocol/shape.ts'
import type { Records } from '../../storage/ports.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import type { FreeNumbers } from '../messages/archived-log.ts'

const KIND = 'meta'
const ID = 'restore'
/** A list has at most 10 devices and 32 that are gone. */
const CHAINS_MAX = 42
/** In one record of at most 256 KiB. */
const UNMET_MAX = 5000

/** How far one chain is applied. */
export interface ChainProgress {
  readonly dev: Bytes
  /** The batch that is applied next, from this item on. */
  readonly seq: number
  readonly item: number
  /** H(d) of the batch before; absent: not known. */
  readonly prev?: Bytes
  /** Highest number of a row in it so far: what is above is a first version. */
  readonly top: number
  /** Number of the last batch that was ever seen or promised. */
  readonly last: number
}

export interface Progress {
  readonly done: boolean
  /** When this device began with it. */
  readonly since: number
  readonly restored: number
  readonly expected: number
  /** Numbers for restored rows: the next one, and the last that is reserved. */
  readonly next: number
  readonly end: number
  readonly chains: readonly ChainProgress[]
  /** Accounts of restored rows that were not looked up yet. */
  readonly unmet: readonly Bytes[]
}

const CHAIN = map({ d: b(8), q: u, i: u, p: opt(b(32)), t: u, l: u })
const PROGRESS = map({
  f: opt(flag),
  s: u,
  r: u,
  x: u,
  n: u,
  e: u,
  c: list(CHAIN, CHAINS_MAX),
  u: list(b(32), UNMET_MAX),
})

export class RestoreState implements FreeNumbers {
  readonly #records: Records
  #progress: Progress | null
  #next: number

  private constructor(records: Records, progress: Progress | null) {
    this.#records = records
    this.#progress = progress
    this.#next = progress?.next ?? 1
  }

  static async open(records: Records): Promise<RestoreState> {
    const record = await records.get(KIND, ID)
    if (record === null) return new RestoreState(records, null)
    const { f, s, r, x, n, e, c, u: unmet } = check(PROGRESS, decodeStrict(record.body), 'restore')
    const chains = c.map(({ d, q, i, p, t, l }) => ({
      ...{ dev: d, seq: q, item: i, top: t, last: l },
      ...(p === undefined ? {} : { prev: p }),
    }))
    return new RestoreState(records, {
      ...{ done: f === true, since: s, restored: r, expected: x, next: n, end: e, chains },
      unmet,
    })
  }

  /** Null: this device has never asked whether there is anything. */
  get progress(): Progress | null {
    return this.#progress
  }

  /** The last number that belongs to restored rows. */
  get end(): number {
    return this.#progress?.end ?? 0
  }

  take(): number | null {
    return this.#next > this.end ? null : this.#next++
  }

  used(number: number): void {
    if (number <= this.end) this.#next = Math.max(this.#next, number + 1)
  }

  chain(dev: Bytes): ChainProgress | undefined {
    return this.#progress?.chains.find((chain) => equal(chain.dev, dev))
  }

  async save(progress: Omit<Progress, 'next'>): Promise<void> {
    const now = { ...progress, next: this.#next }
    const { done, since, restored, expected, next, end, chains, unmet } = now
    const body = encode({
      ...{ f: done ? true : undefined, s: since, r: restored, x: expected, n: next, e: end },
      c: chains.map(({ dev, seq, item, prev, top, last }) => ({
        ...{ d: dev, q: seq, i: item, p: prev, t: top, l: last },
      })),
      u: unmet.slice(0, UNMET_MAX),
    })
    await this.#records.put(KIND, ID, body)
    this.#progress = now
  }
}
