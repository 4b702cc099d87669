// Lines whose author says that they were written long ago, however many: they leave memory like all others, only their places
// stay, and each question about the conversation is answered as by a plain list of it, wherever the program is killed.
import test, { type ExecutionContext } from 'ava'

import { Archive } from '../../../lib/client/messages/archive.ts'
import { cutIntoBlocks } from '../../../lib/client/messages/blocks.ts'
import { RecordMessageLog } from '../../../lib/client/messages/log.ts'
import { compareSaid } from '../../../lib/client/messages/place.ts'
import type { MessageRow } from '../../../lib/client/messages/row.ts'
import { RecordRows } from '../../../lib/client/messages/row-table.ts'
import { encodePayload } from '../../../lib/protocol/payloads.ts'
import { createMemoryStore } from '../../../lib/storage/memory.ts'
import type { Store } from '../../../lib/storage/ports.ts'
import { hex } from '../../../lib/util/bytes.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { mortal } from '../../helpers/mortal.ts'

const CONV = 'c0'.repeat(16)
const NOW = 2 ** 40
const HONEST = 300
const WIDE = 2 ** 20
/** Recent ones, those of a segment that is not yet full, and what changed (layered-rows.ts, strays.ts). */
const HOT_MAX = 2048 + 128
const SEGMENT = 1024

type Unnumbered = Omit<MessageRow, 'number'>
type Parts = Pick<Store, 'records' | 'logs'>

/** The n-th that arrives: some that are honest, then one after the other from anywhere before them. */
function message(n: number): Unnumbered {
  const scattered = (n * 2_654_435_761) % WIDE
  const ts = NOW + (n <= HONEST ? WIDE + n : scattered)
  const id = Buffer.alloc(16)
  id.writeUInt32BE((n * 2_654_435_761) % 2 ** 32)
  id.writeUInt32BE(n, 4)
  return {
    ...{ key: hex(id), conv: CONV, acct: Buffer.alloc(32, 1), dev: Buffer.alloc(8) },
    ...{ ts, at: NOW + 2 * WIDE, own: false, resent: false },
    payload: encodePayload({ k: 'text', id, ts, b: `words ${String(n)}.` }),
  }
}

const newStore = (): Parts => createMemoryStore({ clock: new FakeClock() })
const open = (store: Parts): Promise<RecordMessageLog> => RecordMessageLog.open(store, [CONV])
const numbers = (rows: readonly MessageRow[]): number[] => rows.map(({ number }) => number)

/** Those from the `from`-th to the `to`-th. */
async function say(log: RecordMessageLog, from: number, to: number): Promise<MessageRow[]> {
  const rows: MessageRow[] = []
  for (let n = from; n <= to; n += 100) {
    const size = Math.min(100, to - n + 1)
    const more = Array.from({ length: size }, (_, i) => log.insert(message(n + i)))
    rows.push(...(await Promise.all(more)).map(({ row }) => row))
  }
  await log.idle()
  return rows
}

async function hot({ records }: Parts): Promise<number> {
  const lists = ['conv', 'placed', 'change', 'expired', 'void'].map((index) =>
    records.list('msg', index, CONV, null, 1e6),
  )
  return (await Promise.all(lists)).flat().length
}

/** All that is asked about a conversation in which are these. */
async function answers(
  t: ExecutionContext,
  log: RecordMessageLog,
  rows: readonly MessageRow[],
): Promise<void> {
  const stand = numbers(rows.toSorted(compareSaid))
  const arrived = numbers(rows).toSorted((p, q) => p - q)
  const size = 173
  const [back, forth]: [number[], number[]] = [[], []]
  for (let page = await log.page(CONV, null, size); page.length > 0;) {
    back.unshift(...numbers(page))
    page = await log.page(CONV, page[0]?.number ?? 0, size)
  }
  for (let page = await log.after(CONV, 0, size); page.length > 0;) {
    forth.push(...numbers(page))
    page = await log.after(CONV, page.at(-1)?.number ?? 0, size)
  }
  t.deepEqual(back, stand)
  t.deepEqual(forth, stand)
  const came: number[] = []
  for (let page = await log.arrivals(CONV, null, size); page.length > 0;) {
    came.unshift(...numbers(page))
    page = await log.arrivals(CONV, page[0]?.number ?? 0, size)
  }
  t.deepEqual(came, arrived)
  const newest = (await log.newest([CONV])).get(CONV)
  t.is(newest?.line.number, stand.at(-1))
  t.is(newest?.number, arrived.at(-1))
  const found: number[] = []
  for await (const block of log.scan(CONV, 'words')) found.push(...numbers(block))
  t.deepEqual(
    found.toSorted((p, q) => p - q),
    arrived,
    'each is found once',
  )
  for (const { key, number, payload } of rows.filter((row) => row.number % 397 === 1)) {
    t.is((await log.byNumber(number))?.key, key)
    t.is((await log.byKey(key))?.number, number)
    const text = /words \d+\./.exec(Buffer.from(payload).toString('latin1'))?.[0] ?? ''
    const one: MessageRow[] = []
    for await (const block of log.scan(null, text)) one.push(...block)
    const isIt = (row: MessageRow): boolean => Buffer.from(row.payload).includes(text)
    t.deepEqual(numbers(one.filter(isIt)), [number])
  }
}

test('thousands of them leave memory, and answer as before', async (t) => {
  const store = newStore()
  const log = await open(store)
  const rows = await say(log, 1, 3600)
  const count = await hot(store)
  t.true(count <= HOT_MAX, `${String(count)} stay in memory`)
  t.is(log.recentFrom, 2 * SEGMENT)
  await answers(t, log, rows)
  const again = await open(store)
  await answers(t, again, rows)
  t.is(await hot(store), count)
  t.is((await again.insert(message(500))).fresh, false)
})

test('one that is changed, vanishes or is forgotten: where it stood, or nowhere', async (t) => {
  const store = newStore()
  const log = await open(store)
  const said = await say(log, 1, 2300)
  const first = log.recentFrom
  let rows = said
  const late = (k: number, of: number): MessageRow[] =>
    rows.filter(({ number }) => number > HONEST && number < first && number % of === k)
  for (const { key } of late(0, 5)) {
    await log.update(key, (row) => ({ ...row, state: 'read' }))
  }
  t.true((await hot(store)) <= HOT_MAX)
  await answers(t, log, rows)
  for (const { number } of late(1, 50)) await log.expire(number)
  const expired = new Set(numbers(late(1, 50)))
  rows = rows.filter(({ number }) => !expired.has(number))
  await answers(t, log, rows)
  await log.forget(CONV, ({ number }) => number % 3 === 0)
  rows = rows.filter(({ number }) => number % 3 !== 0)
  for (const each of [log, await open(store)]) {
    await answers(t, each, rows)
    for (const { number } of late(0, 5)) t.is((await each.byNumber(number))?.state, 'read')
  }
  // what is said later finds its place among them
  rows = [...rows, ...(await say(log, 6001, 6200))]
  await answers(t, await open(store), rows)
})

test('who reads while they change misses none and sees none twice', async (t) => {
  const log = await open(newStore())
  const rows = await say(log, 1, 2300)
  const stand = numbers(rows.toSorted(compareSaid))
  const old = rows.filter(({ number }) => number > HONEST && number < log.recentFrom)
  let isOver = false
  const changing = (async () => {
    for (const { key } of old) await log.update(key, (row) => ({ ...row, state: 'read' }))
    isOver = true
  })()
  while (!isOver) {
    t.deepEqual(numbers(await log.page(CONV, null, 5000)), stand)
    const found: number[] = []
    for await (const block of log.scan(CONV, 'words')) found.push(...numbers(block))
    t.is(new Set(found).size, found.length)
  }
  await changing
})

test('one that must vanish stays where it can be removed at once', async (t) => {
  const store = newStore()
  const log = await open(store)
  const rows = await say(log, 1, 400)
  const { row } = await log.insert({ ...message(401), ttl: 60_000, expires: 99 })
  rows.push(row, ...(await say(log, 402, 2600)))
  t.true(row.number < log.recentFrom)
  t.true((await store.records.get('msg', String(row.number).padStart(12, '0'))) !== null)
  await answers(t, await open(store), rows)
})

test('killed after any write while a segment is written, and while it is written anew', async (t) => {
  const store = newStore()
  let log = await open(store)
  const rows = new Map((await say(log, 1, 2040)).map((row) => [row.key, row]))
  let tries = 0
  /** What was under way is there or it is not. */
  const attempt = async (work: (log: RecordMessageLog) => Promise<unknown>[]): Promise<boolean> => {
    const body = mortal(store)
    const weak = await open(body)
    body.lives = tries++
    await Promise.allSettled(work(weak))
    await weak.idle()
    log = await open(store)
    for (let n = 2040; n < 2070; n++) {
      const row = await log.byKey(message(n).key)
      if (row !== null) rows.set(row.key, row)
    }
    await answers(t, log, [...rows.values()])
    return body.lives >= 0
  }
  t.is(log.recentFrom, 0)
  const some = Array.from({ length: 10 }, (_, i) => message(2041 + i))
  while (!(await attempt((weak) => some.map((row) => weak.insert(row)))));
  t.is(log.recentFrom, SEGMENT)
  t.true(tries > 4)
  const old = [...rows.values()].filter(({ number }) => number < SEGMENT)
  const changed = old.filter(({ number }) => number > HONEST).slice(0, 200)
  tries = 0
  const change = ({ key }: MessageRow, weak: RecordMessageLog): Promise<unknown> =>
    weak.update(key, (row) => ({ ...row, state: 'read' }))
  while (!(await attempt((weak) => changed.map((row) => change(row, weak)))));
  t.true(tries > 4)
  for (const { number } of changed) t.is((await log.byNumber(number))?.state, 'read')
  t.true((await hot(store)) <= HOT_MAX)
})

test('a store in which they lie in records is read, and they leave them with time', async (t) => {
  const store = newStore()
  const log = await open(store)
  const rows = await say(log, 1, 3300)
  const archive = await Archive.open(store.records, store.logs)
  const old = new RecordRows(store.records)
  for (let segment = 0; segment < archive.count; segment++) {
    const all = (await archive.rows(segment)).toSorted((p, q) => p.number - q.number)
    const { near, far } = cutIntoBlocks(all)
    await old.put(far.flat().map(({ row }) => row))
    await archive.write(segment, { near, far: [] })
  }
  t.true((await hot(store)) > 2900)
  const after = await open(store)
  await answers(t, after, rows)
  for (let n = 5001; n <= 5004; n++) rows.push(...(await say(after, n, n)))
  t.true((await hot(store)) <= HOT_MAX)
  await answers(t, after, rows)
  await answers(t, await open(store), rows)
})
