// How far the chains of the other devices of the account are, as those devices say themselves (PROTOCOL 7.1 sync, 11): a
// server that has less, or something else there, is caught by devices that would not read these chains any more.
import { batchHash } from '../../envelope/history.ts'
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { hhead, type HistoryHead } from '../../protocol/composites.ts'
import { check, list, map } from '../../protocol/shape.ts'
import type { Records } from '../../storage/ports.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Timer } from '../../util/clock.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { askFor, type BatchSource, openFrom } from './chain-reader.ts'
import type { OwnChain } from './own-chain.ts'

const KIND = 'meta'
const ID = 'heads'
/** In one `sync` (PROTOCOL 7.1). */
const TOLD_MAX = 10
/** An account has had at most 42 devices that anybody remembers. */
const KEPT_MAX = 42
/** What matters comes first on a new connection. */
const CHECK_AFTER_MS = 10_000
const HASH_BYTES = 16
/** Heads of one device that wait for a look. */
const UNSEEN_MAX = 16
/** Batches before a head that are looked at with it: each must be the one that the next one names. */
const LINKS = 8

const STORED = map({ h: list(hhead, KEPT_MAX) })

export interface HeadsDeps extends BatchSource {
  readonly records: Records
  readonly dev: Bytes
  readonly chain: OwnChain
  readonly log: Log
  readonly fault: (code: 'E_ROLLBACK' | 'E_FORK', dev: Bytes) => void
}

export class Heads {
  readonly #deps: HeadsDeps
  readonly #known = new Map<string, HistoryHead>()
  /** Heads whose batch was not looked at in this session, by dev (hex), the highest last: of each that was told, once. */
  readonly #unseen = new Map<string, readonly HistoryHead[]>()
  #timer: Timer | null = null
  #stopped = false

  private constructor(deps: HeadsDeps) {
    this.#deps = deps
    deps.link.add({
      online: () => {
        this.#soon()
      },
    })
  }

  static async open(deps: HeadsDeps): Promise<Heads> {
    const heads = new Heads(deps)
    const record = await deps.records.get(KIND, ID)
    const stored = record === null ? [] : check(STORED, decodeStrict(record.body), 'heads').h
    for (const head of stored) {
      heads.#known.set(hex(head[0]), head)
      heads.#unseen.set(hex(head[0]), [head])
    }
    return heads
  }

  /** What the other devices should know: this device first. */
  get told(): readonly HistoryHead[] {
    const { chain, dev } = this.#deps
    const { seq, prev } = chain.head
    const own: HistoryHead[] = seq === 0 ? [] : [[dev, seq - 1, prev.subarray(0, HASH_BYTES)]]
    return [...own, ...this.#known.values()].slice(0, TOLD_MAX)
  }

  /** Another device of ours says so. Durable when it resolves. */
  async heard(heads: readonly HistoryHead[]): Promise<void> {
    let isNew = false
    for (const head of heads) {
      const [dev, seq, hash] = head
      if (equal(dev, this.#deps.dev)) continue // our own chain is ours to know
      const known = this.#known.get(hex(dev))
      if (known?.[1] === seq && !equal(known[2], hash)) this.#deps.fault('E_FORK', dev)
      if (known !== undefined && known[1] >= seq) continue
      if (known === undefined && this.#known.size >= KEPT_MAX) continue
      this.#known.set(hex(dev), head)
      this.#unseen.set(hex(dev), [...(this.#unseen.get(hex(dev)) ?? []), head].slice(-UNSEEN_MAX))
      isNew = true
    }
    if (!isNew) return
    await this.#save()
    this.#soon()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #soon(): void {
    if (this.#known.size === 0 || this.#stopped) return
    this.#timer ??= this.#deps.clock.after(CHECK_AFTER_MS, () => {
      this.#timer = null
      this.#compare().catch((error: unknown) => {
        if (!this.#stopped) this.#deps.log.info('client.heads', { code: codeOf(error) })
      })
    })
  }

  /** With what the server says it has, and with the batches themselves where they were not looked at yet. */
  async #compare(): Promise<void> {
    const { link, fault } = this.#deps
    if (!link.online) return
    const { devs } = await link.request('hist.ls', {})
    const last = new Map(devs.map(([dev, , seq]) => [hex(dev), seq]))
    for (const [id, [dev, seq]] of [...this.#known]) {
      const served = last.get(id) ?? -1
      if (served < seq) {
        fault('E_ROLLBACK', dev)
        await this.#settle(id, served)
      } else await this.#look(id)
    }
  }

  /** The batches of what was told, and those before them. */
  async #look(id: string): Promise<void> {
    const told = this.#unseen.get(id) ?? []
    let from = 0
    for (const head of told) {
      from = await this.#read(head, Math.max(from, head[1] - LINKS))
      const now = (this.#unseen.get(id) ?? []).filter((each) => each !== head)
      if (now.length === 0) this.#unseen.delete(id)
      else this.#unseen.set(id, now)
    }
  }

  /** Resolves to where the next look begins: this head, since what follows must name it. */
  async #read([dev, last, hash]: HistoryHead, from: number): Promise<number> {
    let prev: Bytes | null = null
    for (let at = from; at <= last;) {
      const rows = (await askFor(this.#deps, { dev, seq: at })).filter(([seq]) => seq <= last)
      if (rows[0]?.[0] !== at) {
        this.#deps.fault('E_ROLLBACK', dev)
        return last
      }
      for (const [seq, e, d] of rows) {
        const batch = openFrom(this.#deps, { dev, seq, e }, d)
        const follows = prev === null || batch === null || equal(batch.prev, prev)
        prev = batchHash(d)
        const isTold = seq !== last || equal(prev.subarray(0, HASH_BYTES), hash)
        if (!follows || !isTold) this.#deps.fault('E_FORK', dev)
        if (!isTold) await this.#keep([dev, last, prev.subarray(0, HASH_BYTES)])
        at = seq + 1
      }
    }
    return last
  }

  /** It was said; what is there now is what counts, unless more was told meanwhile. */
  async #keep(head: HistoryHead): Promise<void> {
    if (this.#known.get(hex(head[0]))?.[1] !== head[1]) return
    this.#known.set(hex(head[0]), head)
    await this.#save()
  }

  /** It was said; what the server has from now on is compared with what it has now. */
  async #settle(id: string, served: number): Promise<void> {
    const [dev] = this.#known.get(id) ?? []
    this.#unseen.delete(id)
    const [row] =
      dev === undefined || served < 0 ? [] : await askFor(this.#deps, { dev, seq: served })
    if (dev === undefined || row?.[0] !== served) this.#known.delete(id)
    else this.#known.set(id, [dev, served, batchHash(row[2]).subarray(0, HASH_BYTES)])
    await this.#save()
  }

  async #save(): Promise<void> {
    await this.#deps.records.put(KIND, ID, encode({ h: [...this.#known.values()] }))
  }
}
