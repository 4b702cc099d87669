// Appends what this device stored to its chain on the server (PROTOCOL 11): in batches, in the background, never in the way
// of a message. What is still to be appended is marked in the rows themselves, so a crash at any point costs at most that
// a batch is found on the server that this device does not remember.
import { type HistoryItem, BATCH_ITEMS_MAX, batchHash, sealBatch } from '../../envelope/history.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf, fail } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { ArchivedLog } from '../messages/archived-log.ts'
import { changeOf } from '../messages/marks.ts'
import type { MessageRow } from '../messages/row.ts'
import { Refusal } from '../refusal.ts'
import { askFor, type BatchSource, type ChainFault, ChainReader, openFrom } from './chain-reader.ts'
import { isKept, itemOf, remainderOf, rowOf } from './item.ts'
import { NO_CHAIN, type OwnChain } from './own-chain.ts'

/** After this long without a change, and at the latest after that long: a row changes a few times in its first seconds. */
const QUIET_MS = 10_000
const LONGEST_MS = 60_000
/** A refusal that names no time. */
const RETRY_MS = 60_000
const FULL_RETRY_MS = 3_600_000
/** A server that contradicts itself is not followed for ever. */
const SURPRISES_MAX = 3
/** Of rows in one batch; sealed and padded it stays below the 128 KiB of a frame. */
const BATCH_BYTES = 96 * 1024
const ITEM_OVERHEAD_BYTES = 192

export interface AppenderDeps extends BatchSource {
  readonly device: DeviceId
  readonly chain: OwnChain
  readonly messages: ArchivedLog
  readonly clock: Clock
  readonly log: Log
  /** The account at the other end of a conversation. */
  readonly otherOf: (conv: string) => Bytes | undefined
  readonly fault: (code: ChainFault | 'E_TOO_BIG') => void
  /** One more batch is on the server. */
  readonly appended: () => void
  /** The server has lost batches: every row becomes due again. */
  readonly again: () => void
}

export class Appender {
  readonly #deps: AppenderDeps
  #due = 0
  #firstDueAt: number | null = null
  #timer: Timer | null = null
  #running: Promise<void> | null = null
  #notBefore = 0
  #surprises = 0
  #stopped = false

  constructor(deps: AppenderDeps) {
    this.#deps = deps
    deps.link.add({
      online: () => {
        // what an earlier run or connection left behind
        this.#due = Math.max(this.#due, 1)
        this.#notBefore = 0
        this.#arm()
      },
      offline: () => {
        this.#timer?.cancel()
        this.#timer = null
      },
    })
  }

  /** So many rows were written. */
  touched(count: number): void {
    this.#due += count
    this.#firstDueAt ??= this.#deps.clock.monotonic()
    this.#arm()
  }

  /** Appends everything that is due. @throws E_CLOSED when offline, E_RATE, E_TOO_BIG (the server takes no more) */
  async flush(): Promise<void> {
    await this.#running?.catch(() => undefined)
    await this.#run()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #arm(): void {
    this.#timer?.cancel()
    this.#timer = null
    if (this.#stopped || this.#due === 0 || !this.#deps.link.online) return
    const now = this.#deps.clock.monotonic()
    const latest = (this.#firstDueAt ?? now) + LONGEST_MS
    const at = Math.min(now + QUIET_MS, latest)
    this.#timer = this.#deps.clock.after(Math.max(0, Math.max(at, this.#notBefore) - now), () => {
      this.#timer = null
      this.#run().catch((error: unknown) => {
        this.#failed(error)
      })
    })
  }

  #failed(error: unknown): void {
    const { clock, log, fault } = this.#deps
    const code = codeOf(error)
    if (this.#stopped) return
    log.info('client.archive', { code })
    if (code === 'E_CLOSED') return // with the next connection
    const wait = code === 'E_TOO_BIG' ? FULL_RETRY_MS : RETRY_MS
    if (code === 'E_TOO_BIG') fault('E_TOO_BIG')
    const after = error instanceof Refusal ? (error.afterMs ?? wait) : wait
    this.#notBefore = clock.monotonic() + after
    this.#due = Math.max(this.#due, 1)
    this.#arm()
  }

  #run(): Promise<void> {
    this.#running ??= this.#append().finally(() => {
      this.#running = null
      this.#arm()
    })
    return this.#running
  }

  async #append(): Promise<void> {
    const { messages, otherOf, clock } = this.#deps
    this.#surprises = 0
    while (!this.#stopped) {
      this.#due = 0
      this.#firstDueAt = null
      const rows = await messages.due(BATCH_ITEMS_MAX)
      if (rows.length === 0) return
      const now = clock.now()
      const kept: MessageRow[] = []
      const items: HistoryItem[] = []
      for (const row of rows) {
        const version = (await this.#isKept(row)) ? row : remainderOf(row)
        if (version === null) continue
        kept.push(row)
        items.push(itemOf(version, otherOf(row.conv), now))
      }
      if (kept.length < rows.length) {
        await messages.settle(rows.filter((row) => !kept.includes(row)))
      }
      const count = fitting(items)
      const isPut = count === 0 || (await this.#put(kept.slice(0, count), items.slice(0, count)))
      // what changes meanwhile waits for the next time
      if (isPut && count === kept.length && rows.length < BATCH_ITEMS_MAX) return
    }
  }

  /** What is said about a message with a timer is not kept either. */
  async #isKept(row: MessageRow): Promise<boolean> {
    if (!isKept(row)) return false
    for (const key of changeOf(row)?.targets ?? []) {
      const target = await this.#deps.messages.byKey(key)
      if (target !== null && !isKept(target)) return false
    }
    return true
  }

  /** False: the chain on the server was another one, now this device knows it. */
  async #put(rows: readonly MessageRow[], items: readonly HistoryItem[]): Promise<boolean> {
    const { device, link, archives, chain, messages } = this.#deps
    const { seq, prev } = chain.head
    const next = advanced(chain.head, items)
    const keys = archives().at(-1) ?? fail('E_DECRYPT')
    const d = sealBatch(keys, { ...device, seq }, { prev, rows: next.rows, items })
    try {
      await link.request('hist.put', { e: keys.e, seq, d })
    } catch (error) {
      const isElsewhere = error instanceof Refusal && error.code === 'E_CAS'
      if (!isElsewhere || error.n === undefined || ++this.#surprises > SURPRISES_MAX) throw error
      await this.#reconcile(error.n)
      return false
    }
    // in this order: a crash in between finds the batch on the server, and appends no row twice
    await messages.settle(rows)
    await chain.save({ ...next, seq: seq + 1, prev: batchHash(d) })
    this.#deps.appended()
    return true
  }

  /** The server has another number of batches than this device remembers. */
  async #reconcile(next: number): Promise<void> {
    const { chain, fault, again, log } = this.#deps
    const { head } = chain
    log.info('client.archive.reconcile', { mine: head.seq, server: next })
    if (next > head.seq) await this.#catchUp(next - 1)
    else {
      fault('E_ROLLBACK')
      again()
      await chain.save({ ...NO_CHAIN, seq: next, prev: await this.#hashBefore(next) })
    }
  }

  /** What the next batch follows, if that is one of ours. */
  async #hashBefore(next: number): Promise<Bytes> {
    const { device, chain } = this.#deps
    if (next === 0) return NO_CHAIN.prev
    const seq = next - 1
    const [row] = await askFor(this.#deps, { dev: device.dev, seq })
    const isOurs =
      row?.[0] === seq && openFrom(this.#deps, { dev: device.dev, seq, e: row[1] }, row[2])
    return isOurs ? batchHash(row[2]) : chain.head.prev
  }

  /** Appended before a crash, or by a copy of this device: if it continues the chain, it is the chain. */
  async #catchUp(last: number): Promise<void> {
    const { device, chain, messages, fault } = this.#deps
    const { head } = chain
    const faults = new Set<ChainFault>()
    const place = { dev: device.dev, seq: head.seq, prev: head.prev }
    const reader = new ChainReader(this.#deps, place, last, (code) => faults.add(code))
    let known = { rows: head.rows, top: head.top }
    while (!reader.isAtEnd) {
      for (const { items } of await reader.next()) {
        known = advanced(known, items)
        await messages.settle(await this.#present(items))
      }
    }
    for (const code of faults) fault(code === 'E_DECRYPT' ? 'E_FORK' : code)
    const prev = reader.place.prev ?? head.prev
    await chain.save({ ...known, seq: last + 1, prev })
  }

  /** Rows that still are what the items say. */
  async #present(items: readonly HistoryItem[]): Promise<MessageRow[]> {
    const { messages, otherOf, device } = this.#deps
    const rows: MessageRow[] = []
    for (const item of items) {
      const row = await messages.byKey(rowOf(item, device.acct).key)
      if (row === null) continue
      const now = itemOf(row, otherOf(row.conv), item.v)
      if (equal(now.x, item.x) && now.at === item.at) rows.push(row)
    }
    return rows
  }
}

/** How many fit into one batch: at least the first. */
function fitting(items: readonly HistoryItem[]): number {
  let bytes = 0
  for (const [index, { p, x }] of items.entries()) {
    bytes += p.length + x.length + ITEM_OVERHEAD_BYTES
    if (bytes > BATCH_BYTES) return Math.max(1, index)
  }
  return items.length
}

function advanced(
  before: { readonly rows: number; readonly top: number },
  items: readonly HistoryItem[],
): { readonly rows: number; readonly top: number } {
  let { rows, top } = before
  for (const { n } of items) {
    if (n <= top) continue
    rows += 1
    top = n
  }
  return { rows, top }
}
