// The receiving ends of streams, by sender and stream id: a bounded number in memory, all of them in the sealed store, so
// that the next message opens after a restart and none opens twice (PROTOCOL 6.5).
import { ReceiverStream } from '../../envelope/receiver-stream.ts'
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { bRange, check, flag, map, opt, u } from '../../protocol/shape.ts'
import type { Records } from '../../storage/ports.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'

const KIND = 'recv'
const CACHED_MAX = 512
const PAGE = 500
/** Kept for somebody whom the user has not accepted: five messages and a request need no more. */
const OF_STRANGER_MAX = 16
/** A sender's stream lives a day; what is older than this has seen its last message. */
const IDLE_MS = 3 * 24 * 3_600_000

export interface Sender {
  readonly acct: Bytes
  readonly dev: Bytes
}

export interface Receiver {
  readonly id: string
  readonly stream: ReceiverStream
  readonly klid: Bytes
  usedAt: number
  /** It came with two heads: nothing opens in it any more (PROTOCOL 6.5). */
  isClosed: boolean
}

const BODY = map({ s: bRange(1, 262_144), k: bRange(16, 16), t: u, x: opt(flag) })

function idOf({ acct, dev }: Sender, st: Bytes): string {
  return `${hex(acct)}:${hex(dev)}:${hex(st)}`
}

function parsed(body: Bytes): {
  readonly s: Bytes
  readonly k: Bytes
  readonly t: number
  readonly x?: true
} {
  return check(BODY, decodeStrict(body), 'stream record')
}

function decode(id: string, body: Bytes): Receiver {
  const { s, k, t, x } = parsed(body)
  return { id, stream: ReceiverStream.restore(s), klid: k, usedAt: t, isClosed: x === true }
}

export class Receivers {
  readonly #records: Records
  /** Least recently used first. */
  readonly #cache = new Map<string, Receiver>()

  constructor(records: Records) {
    this.#records = records
  }

  async find(from: Sender, st: Bytes): Promise<Receiver | null> {
    const id = idOf(from, st)
    const cached = this.#cache.get(id)
    if (cached !== undefined) {
      this.#keep(cached)
      return cached
    }
    const record = await this.#records.get(KIND, id)
    if (record === null) return null
    const receiver = decode(id, record.body)
    this.#keep(receiver)
    return receiver
  }

  add(stream: ReceiverStream, klid: Bytes, now: number): Receiver {
    const id = idOf(stream.from, stream.st)
    const receiver = { id, stream, klid, usedAt: now, isClosed: false }
    this.#keep(receiver)
    return receiver
  }

  /** A stranger's streams must not fill the disk: those used longest ago give way, and what still comes in them is dropped. */
  async makeRoomForStranger(acct: Bytes): Promise<void> {
    const stored = await this.#records.list(KIND, 'acct', hex(acct), null, PAGE)
    const ages = stored.map(({ id, body }) => ({ id, ...parsed(body) }))
    for (const { id } of ages.sort((a, b) => b.t - a.t).slice(OF_STRANGER_MAX - 1)) {
      this.#cache.delete(id)
      await this.#records.delete(KIND, id)
    }
  }

  /** One disk flush; after it the messages behind these states must never be needed again. */
  async save(receivers: Iterable<Receiver>): Promise<void> {
    const items = [...receivers].map(({ id, stream, klid, usedAt, isClosed }) => ({
      id,
      body: encode({ s: stream.serialize(), k: klid, t: usedAt, x: isClosed || undefined }),
      keys: { index: { all: 'yes', acct: hex(stream.from.acct) } },
    }))
    if (items.length > 0) await this.#records.putMany(KIND, items)
  }

  /** A state whose changes could not be stored is worth nothing: the next look reads the stored one. */
  forget(receivers: Iterable<Receiver>): void {
    for (const { id } of receivers) this.#cache.delete(id)
  }

  /** Streams in memory that belong to this conversation, the last used first. */
  recent(conv: Bytes, limit: number): ReceiverStream[] {
    const found: ReceiverStream[] = []
    for (const { stream } of [...this.#cache.values()].reverse()) {
      if (found.length === limit) break
      if (hex(stream.conv) === hex(conv)) found.push(stream)
    }
    return found
  }

  /** The streams in memory that their senders call so: nobody takes the name from another. */
  cached(st: Bytes): ReceiverStream[] {
    return [...this.#cache.values()].flatMap(({ stream }) => (equal(stream.st, st) ? stream : []))
  }

  /** Drops states that are out of use and whose inbox key is gone: a replay of them opens nothing. */
  async prune(now: number, isLive: (klid: Bytes) => boolean): Promise<number> {
    let after: string | null = null
    let count = 0
    for (;;) {
      const page = await this.#records.list(KIND, 'all', 'yes', after, PAGE)
      for (const record of page) {
        const { k, t } = parsed(record.body)
        if (now - t < IDLE_MS || isLive(k)) continue
        this.#cache.delete(record.id)
        await this.#records.delete(KIND, record.id)
        count++
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return count
      after = last.id
    }
  }

  #keep(receiver: Receiver): void {
    this.#cache.delete(receiver.id)
    this.#cache.set(receiver.id, receiver)
    if (this.#cache.size <= CACHED_MAX) return
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest)
      return
    }
  }
}
