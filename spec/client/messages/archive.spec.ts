// Old messages leave memory and answer every question as before: compared, question by question, with a plain list.
import test, { type ExecutionContext } from 'ava'

import { cutIntoBlocks } from '../../../lib/client/messages/blocks.ts'
import { RecordMessageLog } from '../../../lib/client/messages/log.ts'
import type { MessageRow } from '../../../lib/client/messages/row.ts'
import {
  blockOf,
  decodeBlock,
  decodeIndex,
  encodeIndex,
  encodeSegment,
  placesOf,
} from '../../../lib/client/messages/segment.ts'
import { encodePayload, type Payload } from '../../../lib/protocol/payloads.ts'
import { createMemoryStore } from '../../../lib/storage/memory.ts'
import type { Store } from '../../../lib/storage/ports.ts'
import { fromHex, hex } from '../../../lib/util/bytes.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const ALICE = Buffer.alloc(32, 1)
const CONVS = ['c0', 'c1', 'c2'].map((c) => c.repeat(16))
const [BUSY = '', QUIET = '', RARE = ''] = CONVS
const COUNT = 7000

/** A key as a hash would be: the first bytes differ. */
function keyOf(n: number): Buffer {
  const key = Buffer.alloc(16)
  key.writeUInt32BE((n * 2_654_435_761) % 2 ** 32)
  key.writeUInt32BE(n, 4)
  return key
}

function rowOf(n: number, payload: Payload, conv: string): Omit<MessageRow, 'number'> {
  return {
    ...{ key: hex(keyOf(n)), conv, acct: ALICE, dev: Buffer.alloc(8), ts: n, at: n },
    ...{ payload: encodePayload(payload), own: false, resent: false },
  }
}

const convOf = (n: number): string => (n % 1000 === 7 ? RARE : n % 10 === 3 ? QUIET : BUSY)
const textOf = (n: number): string => (n % 500 === 0 ? `Needle ${String(n)}` : `hay ${String(n)}`)

function message(n: number): Omit<MessageRow, 'number'> {
  return rowOf(n, { k: 'text', id: keyOf(n), ts: n, b: textOf(n) }, convOf(n))
}

async function filled(): Promise<{ store: Store; log: RecordMessageLog }> {
  const store = createMemoryStore({ clock: new FakeClock() })
  const log = await RecordMessageLog.open(store, CONVS)
  for (let from = 1; from <= COUNT; from += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, i) => log.insert(message(from + i))))
  }
  return { store, log }
}

const numbers = (rows: readonly MessageRow[]): number[] => rows.map(({ number }) => number)
const all = Array.from({ length: COUNT }, (_, i) => i + 1)

async function inMemory(store: Store): Promise<number> {
  const lists = CONVS.map((conv) => store.records.list('msg', 'conv', conv, null, COUNT))
  return (await Promise.all(lists)).flat().length
}

async function answersAll(t: ExecutionContext, log: RecordMessageLog): Promise<void> {
  for (const conv of CONVS) {
    const expected = all.filter((n) => convOf(n) === conv)
    t.deepEqual(numbers(await log.page(conv, null, COUNT)), expected)
    t.deepEqual(numbers(await log.after(conv, 0, COUNT)), expected)
    for (const at of [1, 1023, 1024, 1025, 4095, 4096, 5000, COUNT]) {
      t.deepEqual(numbers(await log.page(conv, at, 7)), expected.filter((n) => n < at).slice(-7))
      t.deepEqual(numbers(await log.after(conv, at, 7)), expected.filter((n) => n > at).slice(0, 7))
    }
  }
  for (const n of [1, 64, 65, 1023, 1024, 4096, 4999, COUNT]) {
    t.is((await log.byNumber(n))?.key, hex(keyOf(n)))
    t.is((await log.byKey(hex(keyOf(n))))?.number, n)
  }
  t.is(await log.byNumber(COUNT + 1), null)
  t.is(await log.byKey('ab'.repeat(16)), null)
}

async function found(
  log: RecordMessageLog,
  conv: string | null,
  needle: string,
): Promise<number[]> {
  const rows: MessageRow[] = []
  for await (const block of log.scan(conv, needle)) rows.push(...block)
  return numbers(rows).filter((n) => textOf(n).toLowerCase().includes(needle))
}

test('old messages answer as before, also after a restart, and are not in memory', async (t) => {
  const { store, log } = await filled()
  t.true((await inMemory(store)) < 2500)
  t.true(log.recentFrom > COUNT - 2500)
  await answersAll(t, log)
  const again = await RecordMessageLog.open(store, CONVS)
  await answersAll(t, again)
  const needles = all.filter((n) => n % 500 === 0).reverse()
  t.deepEqual(await found(again, null, 'needle'), needles)
  t.deepEqual(await found(again, QUIET, 'hay 2003'), [2003])
  t.deepEqual(await found(again, BUSY, 'hay 2003'), [])
  t.deepEqual(
    new Map([...(await again.newest(CONVS))].map(([conv, { number }]) => [conv, number])),
    new Map(CONVS.map((conv) => [conv, all.filter((n) => convOf(n) === conv).at(-1) ?? 0])),
  )
  t.is((await again.insert(message(5))).fresh, false)
  const next = { ...message(COUNT + 1), conv: BUSY }
  t.is((await again.insert(next)).row.number, COUNT + 1)
})

test('a line that came late keeps its place when all around it is old', async (t) => {
  const { store, log } = await filled()
  const at = COUNT - 510
  const numbers = { take: () => null, used: () => undefined }
  const row = { ...message(COUNT + 1), conv: BUSY, ts: at, at, restored: 1 }
  const late = (await log.restore({ row, numbers })).row.number
  for (let n = COUNT + 2; n < COUNT + 2500; n++) await log.insert({ ...message(n), conv: BUSY })
  t.true(log.recentFrom > late)
  for (const each of [log, await RecordMessageLog.open(store, CONVS)]) {
    const [before, after] = [await each.page(BUSY, late, 2), await each.after(BUSY, late, 2)]
    t.deepEqual(
      [...before, ...after].map(({ number }) => number),
      [at - 1, at, at + 1, at + 2],
    )
    const around = await each.page(BUSY, at + 2, 3)
    t.deepEqual(
      around.map(({ number }) => number),
      [at, late, at + 1],
    )
    t.is((await each.byNumber(late))?.key, row.key)
    t.deepEqual(await found(each, BUSY, `hay ${String(COUNT + 1)}`), [late])
  }
})

test('who reads while a segment is written anew misses nothing', async (t) => {
  const { log } = await filled()
  const expected = all.filter((n) => convOf(n) === BUSY)
  const changing = Array.from({ length: 40 }, (_, i) =>
    log.insert(
      rowOf(9500 + i, { k: 'del', id: keyOf(9500 + i), ts: 1, m: [keyOf(i * 100 + 1)] }, BUSY),
    ),
  )
  for (let i = 0; i < 12; i++) {
    const [one, rows] = await Promise.all([log.byNumber(2 + i), log.page(BUSY, null, COUNT)])
    t.is(one?.key, hex(keyOf(2 + i)))
    t.deepEqual(numbers(rows), expected)
    await log.insert(rowOf(9600 + i, { k: 'del', id: keyOf(9600 + i), ts: 1, m: [] }, BUSY))
  }
  await Promise.all(changing)
})

test('old messages can still be edited, deleted and forgotten, and the words are gone', async (t) => {
  const { store, log } = await filled()
  const change = (n: number, payload: Payload): Promise<unknown> =>
    log.insert({ ...rowOf(n, payload, BUSY), key: hex(keyOf(n)) })
  const m = keyOf(500)
  await change(9001, { k: 'edit', id: keyOf(9001), ts: 1, m, n: 1, b: 'Changed needle' })
  t.is((await log.byNumber(500))?.marks?.edits[0]?.text, 'Changed needle')
  t.true(numbers(await log.page(BUSY, 502, 3)).includes(500))
  t.true((await found(log, null, 'needle')).includes(500))
  await change(9002, { k: 'del', id: keyOf(9002), ts: 1, m: [m, keyOf(1000)] })
  // what is left to do is done with the next writes
  for (let i = 0; i < 4; i++)
    await change(9010 + i, { k: 'del', id: keyOf(9010 + i), ts: 1, m: [] })
  await log.idle()
  t.deepEqual((await log.byNumber(1000))?.payload.length, 0)
  t.false(await holds(store, 'Needle 1000'))
  t.false(await holds(store, 'Changed needle'))
  t.true(await holds(store, 'Needle 1500'))

  await log.forget(BUSY, () => true)
  t.deepEqual(await log.page(BUSY, null, 10), [])
  t.false(await holds(store, 'Needle'))
  t.is((await log.page(QUIET, null, COUNT)).length, COUNT / 10)
  const again = await RecordMessageLog.open(store, CONVS)
  t.is((await again.page(QUIET, null, COUNT)).length, COUNT / 10)
  t.is((await again.insert(message(9100))).row.number > COUNT, true)
})

/** Whether a text is anywhere in what the store keeps of messages. */
async function holds(store: Store, text: string): Promise<boolean> {
  const bodies: Uint8Array[] = []
  for (let segment = 0; segment < 12; segment++) {
    for (let generation = 0; generation < 12; generation++) {
      const name = `messages-${String(segment)}-${String(generation)}`
      bodies.push(...(await store.logs.read(name, 0, 1e6, 2 ** 30)).map(({ body }) => body))
    }
  }
  for (const index of ['conv', 'change', 'expired']) {
    for (const conv of CONVS) {
      const records = await store.records.list('msg', index, conv, null, COUNT)
      bodies.push(...records.map(({ body }) => body))
    }
  }
  return bodies.some((body) => Buffer.from(body).includes(text))
}

test('a message that vanishes stays where it can be removed at once', async (t) => {
  const { store, log } = await filled()
  const payload: Payload = { k: 'text', id: keyOf(8000), ts: 1, b: 'burn', ttl: 60 }
  const { row } = await log.insert({
    ...{ ...rowOf(8000, payload, BUSY), ts: COUNT + 1 },
    ...{ ttl: 60_000, expires: 99 },
  })
  for (let n = COUNT + 2; n <= COUNT + 5000; n += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, i) => log.insert(message(n + i))))
  }
  await log.idle()
  t.true(row.number < log.recentFrom)
  t.is((await log.byNumber(row.number))?.key, row.key)
  await log.expire(row.number)
  t.false(await holds(store, 'burn'))
  t.false(numbers(await log.page(BUSY, row.number + 2, 3)).includes(row.number))
})

test('a segment comes back from its bytes', (t) => {
  const rows = all.slice(0, 300).map((n) => ({ ...message(n), number: n }))
  const { index, blocks } = encodeSegment(cutIntoBlocks(rows), 3)
  const back = decodeIndex(encodeIndex(index))
  t.deepEqual({ ...back, keys: hex(back.keys) }, { ...index, keys: hex(index.keys) })
  t.deepEqual(
    blocks.flatMap((block) => decodeBlock(block)).map(({ number }) => number),
    [...all.slice(0, 300)],
  )
  for (const n of [1, 64, 65, 300]) {
    t.deepEqual(placesOf(index, hex(keyOf(n))), [n])
    t.is(blockOf(index, n), Math.floor((n - 1) / 64))
  }
  t.is(blockOf(index, 0), -1)
  t.deepEqual(placesOf(index, hex(keyOf(301))), [])
  t.is(fromHex(rows[0]?.key ?? '').length, 16)
  t.throws(() => decodeIndex(Buffer.from('a0', 'hex')), { code: 'E_FORMAT' })
})
