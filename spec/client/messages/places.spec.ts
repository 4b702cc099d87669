// Lines stand by the time at which they were said, whatever comes first, and everything that reads a conversation reads them
// there (PROTOCOL 9.2).
import test from 'ava'
import fc from 'fast-check'

import { RecordMessageLog } from '../../../lib/client/messages/log.ts'
import type { FreeNumbers } from '../../../lib/client/messages/archived-log.ts'
import type { MessageRow } from '../../../lib/client/messages/row.ts'
import { messageId } from '../../../lib/identity/conversation.ts'
import { decodePayload, encodePayload } from '../../../lib/protocol/payloads.ts'
import { createMemoryStore } from '../../../lib/storage/memory.ts'
import { fromHex, hex, u64 } from '../../../lib/util/bytes.ts'
import { SecureChatError } from '../../../lib/util/errors.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { runs } from '../../helpers/refusals.ts'

const CONV = 'c0'.repeat(16)
const NO_NUMBERS: FreeNumbers = { take: () => null, used: () => undefined }

/** What `who` (1, 2...) said at this time. */
function said(who: number, ts: number, at = ts): Omit<MessageRow, 'number'> {
  const acct = Buffer.alloc(32, who)
  const id = Buffer.concat([u64(who), u64(ts)])
  return {
    ...{
      key: hex(messageId(fromHex(CONV), acct, id)),
      conv: CONV,
      acct,
      dev: Buffer.alloc(8, who),
    },
    ...{ ts, at, payload: encodePayload({ k: 'text', id, ts, b: `${who} at ${ts}` }) },
    ...{ own: false, resent: false },
  }
}

function textOf({ payload }: MessageRow): string {
  const said = decodePayload(payload)
  return said.k === 'text' ? said.b : said.k
}

async function open(): Promise<{
  log: RecordMessageLog
  live: (who: number, ts: number, at?: number) => Promise<unknown>
  late: (who: number, ts: number) => Promise<unknown>
  again: () => Promise<RecordMessageLog>
  texts: () => Promise<string[]>
}> {
  const store = createMemoryStore({ clock: new FakeClock() })
  const again = (): Promise<RecordMessageLog> => RecordMessageLog.open(store, [CONV])
  const log = await again()
  return {
    log,
    again,
    live: (who, ts, at) => log.insert(said(who, ts, at)),
    late: (who, ts) => log.restore({ row: { ...said(who, ts), restored: 1 }, numbers: NO_NUMBERS }),
    texts: async () => (await log.page(CONV, null, 10_000)).map(textOf),
  }
}

test('by the time at which they were said, whatever comes first', async (t) => {
  const said = [10, 12, 15, 20, 30, 35, 50, 60]
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(said, { minLength: 8 }), fc.nat(8), async (times, n) => {
      const { live, late, texts } = await open()
      for (const ts of times.slice(0, n)) await live(ts % 3, ts, 100)
      for (const ts of times.slice(n)) await late(ts % 3, ts)
      t.deepEqual(
        await texts(),
        said.map((ts) => `${ts % 3} at ${ts}`),
      )
    }),
    runs(40),
  )
})

test('of two that were said at the same time the smaller id comes first, on every device', async (t) => {
  const [one, other] = [await open(), await open()]
  for (const who of [1, 2, 3, 4]) await one.live(who, 10)
  for (const who of [3, 1, 4, 2]) await other.live(who, 10)
  t.deepEqual(await one.texts(), await other.texts())
})

test('a time that cannot be moves nothing, and nothing goes by it', async (t) => {
  const DAY = 24 * 3_600_000
  const now = 100 * DAY
  const { log, live, texts } = await open()
  await live(1, now, now)
  await live(2, now + 2 * DAY, now + 1)
  await live(3, now - 32 * DAY, now + 2)
  await live(1, now + 3, now + 3)
  t.deepEqual(await texts(), [
    `1 at ${now}`,
    `2 at ${now + 2 * DAY}`,
    `3 at ${now - 32 * DAY}`,
    `1 at ${now + 3}`,
  ])
  t.is(await log.lastSaid(CONV), now + 3)
})

test('what fills a placeholder stands where it was said', async (t) => {
  const { log, live, texts } = await open()
  const hole = {
    ...said(1, 5),
    key: 'gap-1',
    payload: Buffer.alloc(0),
    placeholder: 'gap',
  } as const
  await live(2, 10)
  await log.insert(hole)
  await live(2, 30)
  await log.insert({ ...hole, key: 'gap-2' })
  await log.insert({ ...hole, key: 'gap-3' })
  await log.insert(said(1, 20), 'gap-1')
  await log.insert(said(1, 40), 'gap-2')
  await log.insert(said(1, 15), 'gap-3')
  t.deepEqual(await texts(), ['2 at 10', '1 at 15', '1 at 20', '2 at 30', '1 at 40'])
  const late = await log.insert(said(1, 50))
  await log.insert({ ...hole, key: 'gap-4' })
  await log.insert(said(1, 60))
  await log.insert(said(1, 70), 'gap-4')
  t.is(late.row.before, undefined)
  await live(1, 80)
  t.deepEqual((await texts()).slice(-4), ['1 at 50', '1 at 60', '1 at 70', '1 at 80'])
})

test('after a restart, deleted, searched: it is where it was', async (t) => {
  const { live, late, again } = await open()
  for (const ts of [10, 30]) await live(1, ts)
  await late(1, 20)
  const after = await again()
  const [row] = await after.page(CONV, 2, 1)
  t.is(row && textOf(row), '1 at 20')
  t.is(row?.number, 3, 'its number tells when it came')
  const newest = (await after.newest([CONV])).get(CONV)
  t.is(newest?.line.number, 2, 'stands last')
  t.is(newest?.number, 3, 'arrived last')
  t.deepEqual((await after.arrivals(CONV, null, 2)).map(textOf), ['1 at 30', '1 at 20'])
  const found: MessageRow[] = []
  for await (const rows of after.scan(CONV, 'at 20')) found.push(...rows)
  t.true(found.some(({ number }) => number === 3))
  await after.forget(CONV, ({ number }) => number === 2)
  t.deepEqual((await after.page(CONV, null, 9)).map(textOf), ['1 at 10', '1 at 20'])
  await after.forget(CONV, () => true)
  t.deepEqual(await after.page(CONV, null, 9), [])
})

test('pages of any size, forwards and backwards, are the same conversation', async (t) => {
  const one = fc.record({ who: fc.integer({ min: 1, max: 3 }), isLate: fc.boolean() })
  const many = fc.array(one, { minLength: 1, maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(many, fc.integer({ min: 1, max: 7 }), async (lines, size) => {
      const { log, live, late, texts } = await open()
      const missed = lines.map((line, k) => ({ ...line, ts: k + 1 })).filter(({ isLate }) => isLate)
      for (const [k, { who, isLate }] of lines.entries()) if (!isLate) await live(who, k + 1)
      for (const { who, ts } of missed) await late(who, ts)
      const whole = lines.map(({ who }, k) => `${who} at ${k + 1}`)
      t.deepEqual(await texts(), whole, 'clocks that are right give the order of sending')
      const [forwards, backwards]: [string[], string[]] = [[], []]
      for (let page = await log.after(CONV, 0, size); page.length > 0;) {
        forwards.push(...page.map(textOf))
        page = await log.after(CONV, page.at(-1)?.number ?? 0, size)
      }
      for (let page = await log.page(CONV, null, size); page.length > 0;) {
        backwards.unshift(...page.map(textOf))
        page = await log.page(CONV, page[0]?.number ?? 0, size)
      }
      t.deepEqual(forwards, whole)
      t.deepEqual(backwards, whole)
    }),
    runs(20),
  )
})

test('a later version of the history changes no place: when it came here stays', async (t) => {
  const DAY = 24 * 3_600_000
  const { log, live, texts } = await open()
  const [now, old] = [100 * DAY, said(1, 60 * DAY)]
  await live(2, now, now)
  await log.restore({ row: { ...old, at: now + 1, restored: 1 }, numbers: NO_NUMBERS })
  await live(2, now + 2, now + 2)
  // another device had it in time
  const later = { ...old, at: old.ts, state: 'read', restored: 2 } as const
  const { row } = await log.restore({ row: later, numbers: NO_NUMBERS })
  t.like(row, { state: 'read', at: now + 1 })
  for (const ts of [now + 1, now - 1]) await live(3, ts, now + 3)
  const lines = ([3, 2, 1, 3, 2] as const).map(
    (who, i) => `${who} at ${[now - 1, now, old.ts, now + 1, now + 2][i] ?? 0}`,
  )
  t.deepEqual(
    (await texts()).filter((text) => !text.startsWith('1')),
    lines.filter((text) => !text.startsWith('1')),
  )
})

test('what was stored all the same when a write failed is seen', async (t) => {
  const store = createMemoryStore({ clock: new FakeClock() })
  let fails = false
  const putMany: typeof store.records.putMany = async (...args) => {
    await store.records.putMany(...args)
    if (fails) throw new SecureChatError('E_STORE', 'unknown outcome')
  }
  const log = await RecordMessageLog.open(
    { logs: store.logs, records: { ...store.records, putMany } },
    [CONV],
  )
  for (const ts of [10, 30]) await log.insert(said(1, ts))
  t.is((await log.page(CONV, null, 9)).length, 2)
  fails = true
  await t.throwsAsync(log.insert(said(1, 20)), { code: 'E_STORE' })
  fails = false
  t.false((await log.insert(said(1, 20))).fresh)
  t.deepEqual((await log.page(CONV, null, 9)).map(textOf), ['1 at 10', '1 at 20', '1 at 30'])
})
