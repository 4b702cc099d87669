// The outbox on disk: nothing is sent that is not in here first, nothing leaves before it is accepted or given up
// (PROTOCOL 9.1). Accepted items stay 7 days for those who could not read them (9.4).
import type { Keys, Records } from '../../storage/ports.ts'
import type { Bytes } from '../../util/bytes.ts'
import { GroupCommit } from '../group-commit.ts'
import { decodeItem, encodeItem, FORMER_MAX, type OutItem, transmissionKey } from './item.ts'

const KIND = 'out'
/** Unique keys, one for each that an item may have. */
const FORMER = Array.from({ length: FORMER_MAX }, (_, k) => `f${k}`)
const DAY_MS = 24 * 3_600_000
const KEPT_DAYS = 7
const PAGE = 500
/** Numbers per millisecond. */
const PER_MS = 16

function idOf(seq: number): string {
  return String(seq).padStart(16, '0')
}

function dayOf(at: number): string {
  return String(Math.floor(at / DAY_MS))
}

export class OutboxStore {
  readonly #records: Records
  readonly #commit: GroupCommit<{ readonly item: OutItem; readonly now: number }>
  #next = 0

  private constructor(records: Records) {
    this.#records = records
    this.#commit = new GroupCommit(async (entries) => {
      const newest = new Map(entries.map((entry) => [entry.item.seq, entry]))
      await records.putMany(
        KIND,
        [...newest.values()].map(({ item, now }) => ({
          id: idOf(item.seq),
          body: encodeItem(item),
          keys: keysOf(item, now),
        })),
      )
      return entries.map(() => undefined)
    })
  }

  /** Everything not accepted yet, in the order of composing. */
  static async open(
    records: Records,
    now: number,
  ): Promise<{ readonly store: OutboxStore; readonly items: readonly OutItem[] }> {
    const store = new OutboxStore(records)
    const items = await store.#page('open')
    store.#next = Math.max(now * PER_MS, (items.at(-1)?.seq ?? 0) + 1)
    return { store, items }
  }

  /** By the clock, so that no scan is needed to go on above every number ever used. */
  nextSeq(now: number): number {
    const seq = Math.max(this.#next, now * PER_MS)
    this.#next = seq + 1
    return seq
  }

  save(item: OutItem, now: number): Promise<void> {
    return this.#commit.add({ item, now })
  }

  /** The item that was sent as this transmission, while it is kept. */
  async sentAs(st: Bytes, i: number): Promise<OutItem | null> {
    for (const field of ['tx', ...FORMER]) {
      const record = await this.#records.getUnique(KIND, field, transmissionKey(st, i))
      if (record !== null) return decodeItem(record.body)
    }
    return null
  }

  /** What has ended of this message; whoever could not read it is told `instead`. Resolves to what that was. */
  async forget(
    mid: string,
    now: number,
    instead: (item: OutItem) => Pick<OutItem, 'kind' | 'payload'>,
  ): Promise<readonly OutItem[]> {
    const done = (await this.#page('mid', mid)).filter(isDone)
    for (const item of done) {
      if (item.tx === undefined) await this.#records.delete(KIND, idOf(item.seq))
      else await this.save({ ...item, ...instead(item) }, now)
    }
    return done
  }

  /** Removes what ended more than 7 days ago. */
  async sweep(now: number, sinceDay: number): Promise<number> {
    const upTo = Math.floor(now / DAY_MS) - KEPT_DAYS - 1
    for (let day = Math.max(sinceDay, upTo - 60); day <= upTo; day++) {
      for (const item of await this.#page('day', String(day))) {
        await this.#records.delete(KIND, idOf(item.seq))
      }
    }
    return upTo
  }

  idle(): Promise<void> {
    return this.#commit.idle()
  }

  async #page(field: string, key = 'yes'): Promise<OutItem[]> {
    const items: OutItem[] = []
    let after: string | null = null
    for (;;) {
      const page = await this.#records.list(KIND, field, key, after, PAGE)
      items.push(...page.map((record) => decodeItem(record.body)))
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return items
      after = last.id
    }
  }
}

function isDone(item: OutItem): boolean {
  return item.state === 'accepted' || item.state === 'failed'
}

function keysOf(item: OutItem, now: number): Keys {
  return {
    index: { mid: item.mid, ...(isDone(item) ? { day: dayOf(now) } : { open: 'yes' }) },
    unique: Object.fromEntries([
      ...(item.tx === undefined ? [] : [['tx', transmissionKey(item.tx.st, item.tx.i)]]),
      ...(item.former ?? []).map(({ st, i }, k) => [FORMER[k], transmissionKey(st, i)]),
    ]) as Record<string, string>,
  }
}
