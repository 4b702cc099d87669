// Whatever is stored, in whichever order, and wherever the program is killed: each question about a conversation is answered as
// by a plain list of it (PROTOCOL 9.2).
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'

import type { FreeNumbers } from '../../../lib/client/messages/archived-log.ts'
import { RecordMessageLog } from '../../../lib/client/messages/log.ts'
import { compareSaid, isTimed } from '../../../lib/client/messages/place.ts'
import type { MessageRow } from '../../../lib/client/messages/row.ts'
import { encodePayload } from '../../../lib/protocol/payloads.ts'
import { createMemoryStore } from '../../../lib/storage/memory.ts'
import { hex } from '../../../lib/util/bytes.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { mortal } from '../../helpers/mortal.ts'
import { runs } from '../../helpers/refusals.ts'

const CONVS = ['c0', 'c1'].map((c) => c.repeat(16))
const [BUSY = '', QUIET = ''] = CONVS
const NOW = 2 ** 40
const RESERVED = 700
const NOTHING = Buffer.alloc(0)

type Unnumbered = Omit<MessageRow, 'number'>

let made = 0

/** A line; without a time when its author's clock cannot be right. */
function line(ts: number | null): Unnumbered {
  const n = ++made
  const id = Buffer.alloc(16)
  id.writeUInt32BE((n * 2_654_435_761) % 2 ** 32)
  id.writeUInt32BE(n, 4)
  const said = ts === null ? 0 : NOW + ts
  return {
    ...{ key: hex(id), conv: n % 11 === 5 ? QUIET : BUSY, acct: Buffer.alloc(32, 1) },
    ...{ dev: Buffer.alloc(8), ts: said, at: NOW + 3000, own: false, resent: false },
    payload: encodePayload({ k: 'text', id, ts: said, b: `line ${String(n)}` }),
  }
}

function hole(): Unnumbered {
  return { ...line(null), payload: NOTHING, placeholder: 'gap' }
}

const some = fc.integer({ min: 1, max: 500 })
const pick = fc.nat()
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('say' as const), some, pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('restore' as const), some, pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fill' as const), some, pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('update' as const), some, pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('expire' as const), some, pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), some, pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('open' as const), some, pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('kill' as const), some, pick }) },
)

class Bench {
  readonly #t: ExecutionContext
  readonly #store = createMemoryStore({ clock: new FakeClock() })
  #mortal = mortal(this.#store)
  #log!: RecordMessageLog
  /** What must be there, by key. */
  #known = new Map<string, MessageRow>()
  readonly #doubtful = new Set<string>()
  #taken = 0
  readonly #numbers: FreeNumbers = {
    take: () => (this.#taken < RESERVED ? ++this.#taken : null),
    used: (number) => {
      this.#taken = Math.max(this.#taken, number)
    },
  }

  constructor(t: ExecutionContext) {
    this.#t = t
  }

  async open(): Promise<void> {
    this.#mortal = mortal(this.#store)
    this.#log = await RecordMessageLog.open(this.#mortal, CONVS)
    this.#log.reserve(RESERVED)
  }

  /** What was under way is there or it is not. */
  async reopen(): Promise<void> {
    await this.open()
    for (const key of this.#doubtful) {
      const row = await this.#log.byKey(key)
      if (row === null) this.#known.delete(key)
      else this.#known.set(key, row)
      if (row !== null && row.number <= RESERVED) this.#numbers.used(row.number)
      if (row?.filled !== undefined) this.#known.delete(row.filled)
    }
    this.#doubtful.clear()
  }

  async run(steps: readonly { do: string; some: number; pick: number }[]): Promise<void> {
    for (const { do: what, some, pick } of steps) {
      if (what === 'kill') {
        this.#mortal.lives = pick % 12
        continue
      }
      const isAlive = await this.#do(what, some, pick).then(
        () => this.#mortal.lives >= 0,
        () => false,
      )
      if (!isAlive) await this.reopen()
      await this.#check(pick)
    }
  }

  #some(count: number, from: number, isIt: (row: MessageRow) => boolean): MessageRow[] {
    const rows = [...this.#known.values()].filter(isIt)
    const start = rows.length === 0 ? 0 : from % rows.length
    return rows.slice(start, start + count)
  }

  async #do(what: string, some: number, pick: number): Promise<void> {
    const log = this.#log
    switch (what) {
      case 'say': {
        // runs of lines in order, some far up, some with no time at all
        const base = (pick % 3000) - (pick % 3 === 0 ? 1500 : 0)
        await this.#all(some, (i) => {
          const kind = (pick + i * 7) % 23
          if (kind === 0) return this.#insert(hole())
          if (kind < 3 || pick % 17 === 0) return this.#insert(line(null))
          const isBack = kind < 7
          return this.#insert(line(base + i - (isBack ? (i * 13) % 60 : 0)))
        })
        return
      }
      case 'restore':
        await this.#all(some % 200, async (i) => {
          const ts = (pick % 2000) + i - (i % 9 === 4 ? 50 : 0) - 3000
          const numbers =
            pick % 4 === 0 ? { take: () => null, used: () => undefined } : this.#numbers
          const row = { ...(i % 31 === 3 ? line(null) : line(ts)), restored: 1 }
          this.#doubtful.add(row.key)
          const { row: stored } = await log.restore({ row, numbers })
          this.#keep(stored)
        })
        return
      case 'fill':
        for (const each of this.#some(1 + (some % 20), pick, (row) => !!row.placeholder)) {
          const row = { ...line((pick + each.number * 17) % 3000), conv: each.conv }
          this.#doubtful.add(row.key).add(each.key)
          const { row: stored } = await log.insert(row, each.key)
          this.#known.delete(each.key)
          this.#keep(stored)
          this.#doubtful.delete(each.key)
        }
        return
      case 'update':
        for (const { key } of this.#some(some, pick, () => true)) {
          this.#doubtful.add(key)
          const row = await log.update(key, (now) => ({
            ...now,
            state: now.state === 'read' ? 'delivered' : 'read',
          }))
          if (row !== null) this.#keep(row)
        }
        return
      case 'expire':
        for (const { key, number } of this.#some(1 + (some % 9), pick, ({ aside }) => !aside)) {
          this.#doubtful.add(key)
          const row = await log.expire(number)
          if (row !== null) this.#keep(row)
        }
        return
      case 'forget': {
        const conv = some % 4 === 0 ? QUIET : BUSY
        const isGone = ({ number }: MessageRow): boolean => number % (1 + (pick % 5)) === 0
        const keys = [...this.#known.values()].filter((row) => row.conv === conv && isGone(row))
        for (const { key } of keys) this.#doubtful.add(key)
        await log.forget(conv, isGone)
        for (const { key } of keys) {
          this.#known.delete(key)
          this.#doubtful.delete(key)
        }
        return
      }
      default:
        await this.reopen()
    }
  }

  async #all(count: number, one: (i: number) => Promise<void>): Promise<void> {
    const results = await Promise.allSettled(Array.from({ length: count }, (_, i) => one(i)))
    if (results.some(({ status }) => status === 'rejected')) throw new Error('killed')
  }

  async #insert(row: Unnumbered): Promise<void> {
    this.#doubtful.add(row.key)
    this.#keep((await this.#log.insert(row)).row)
  }

  #keep(row: MessageRow): void {
    this.#known.set(row.key, row)
    this.#doubtful.delete(row.key)
  }

  async #check(pick: number): Promise<void> {
    const [t, log] = [this.#t, this.#log]
    const newest = await log.newest(CONVS)
    for (const conv of CONVS) {
      const lines = [...this.#known.values()].filter(
        (row) => row.conv === conv && row.aside === undefined,
      )
      const arrived = lines.map(({ number }) => number).sort((p, q) => p - q)
      const whole = await log.page(conv, null, 10_000)
      const stand = whole.map(({ number }) => number)
      t.deepEqual(
        stand.toSorted((p, q) => p - q),
        arrived,
        'none is lost, none is there twice',
      )
      t.deepEqual(
        whole.filter(isTimed).map(({ number }) => number),
        lines
          .filter(isTimed)
          .sort(compareSaid)
          .map(({ number }) => number),
        'in the order in which they were said',
      )
      const others = whole.filter((row) => !isTimed(row)).map(({ number }) => number)
      t.deepEqual(
        others,
        others.toSorted((p, q) => p - q),
        'others as they arrived',
      )
      t.is(newest.get(conv)?.line.number, stand.at(-1))
      t.is(newest.get(conv)?.number, arrived.at(-1))
      t.deepEqual(
        (await log.after(conv, 0, 10_000)).map(({ number }) => number),
        stand,
      )
      t.deepEqual(
        (await log.arrivals(conv, null, 10_000)).map(({ number }) => number),
        arrived,
      )
      for (let i = 0; i < 6 && stand.length > 0; i++) {
        const at = (pick + i * 997) % stand.length
        const cursor = stand[at] ?? 0
        const limit = 1 + ((pick >>> 3) % 90)
        const before = await log.page(conv, cursor, limit)
        t.deepEqual(
          before.map(({ number }) => number),
          stand.slice(Math.max(0, at - limit), at),
        )
        const behind = await log.after(conv, cursor, limit)
        t.deepEqual(
          behind.map(({ number }) => number),
          stand.slice(at + 1, at + 1 + limit),
        )
        const earlier = await log.arrivals(conv, cursor, limit)
        t.deepEqual(
          earlier.map(({ number }) => number),
          arrived.filter((number) => number < cursor).slice(-limit),
        )
        const known = lines.find(({ number }) => number === cursor)
        t.is((await log.byNumber(cursor))?.key, known?.key)
        t.is((await log.byKey(known?.key ?? ''))?.state, known?.state)
      }
      const found: number[] = []
      for await (const rows of log.scan(conv, 'line')) found.push(...rows.map((row) => row.number))
      const said = lines.filter(({ payload }) => payload.length > 0).map(({ number }) => number)
      t.true(
        said.every((number) => found.includes(number)),
        'found',
      )
      t.is(new Set(found).size, found.length, 'found once')
    }
  }
}

test('inserted, restored, filled, changed, expired, forgotten, killed and opened again', async (t) => {
  t.timeout(600_000)
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 20 }), async (steps) => {
      const bench = new Bench(t)
      await bench.open()
      // so many that some of them are old
      const first = [100, 203, 307, 401, 502].map((pick) => ({ do: 'say', some: 450, pick }))
      await bench.run([...(steps.length % 3 === 0 ? [] : first), ...steps])
    }),
    // the same run each time, so that a suite never fails by chance; with SLOW=1 many, and others each time
    { ...runs(1), endOnFailure: true, ...(process.env['SLOW'] === undefined ? { seed: 7 } : {}) },
  )
})
