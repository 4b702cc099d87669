// Lines that come late from the history stand where they belong, and everything that reads a conversation reads them there
// (PROTOCOL 11).
import test from 'ava'
import fc from 'fast-check'

import { RecordMessageLog } from '../../../lib/client/messages/log.ts'
import type { FreeNumbers } from '../../../lib/client/messages/archived-log.ts'
import type { MessageRow } from '../../../lib/client/messages/row.ts'
import { messageId } from '../../../lib/identity/conversation.ts'
import { decodePayload, encodePayload } from '../../../lib/protocol/payloads.ts'
import { createMemoryStore } from '../../../lib/storage/memory.ts'
import { fromHex, hex, u64 } from '../../../lib/util/bytes.ts'
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
  late: (who: number, ts: number, isInOrder?: boolean) => Promise<unknown>
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
    late: (who, ts, isInOrder = true) =>
      log.restore({ row: { ...said(who, ts), restored: 1 }, numbers: NO_NUMBERS, isInOrder }),
    texts: async () => (await log.page(CONV, null, 10_000)).map(textOf),
  }
}

test('before what its device said later, with what others said later, behind the rest', async (t) => {
  const { live, late, texts } = await open()
  for (const [who, ts] of [
    [1, 10],
    [2, 15],
    [1, 30],
    [2, 35],
    [3, 50],
  ] as const)
    await live(who, ts)
  await late(1, 20)
  await late(1, 12)
  await late(3, 60)
  const before = ['1 at 10', '1 at 12', '2 at 15', '1 at 20', '1 at 30', '2 at 35', '3 at 50']
  t.deepEqual(await texts(), [...before, '3 at 60'])
})

test('a device that was away gets its mail at once: what others had seen by then is not passed', async (t) => {
  const { live, late, texts } = await open()
  for (const [who, ts] of [
    [1, 10],
    [2, 40],
    [3, 20],
    [1, 50],
  ] as const)
    await live(who, ts, 100)
  await late(1, 30)
  t.deepEqual(await texts(), ['1 at 10', '2 at 40', '3 at 20', '1 at 30', '1 at 50'])
  await late(2, 30)
  t.deepEqual((await texts()).slice(1, 3), ['2 at 30', '2 at 40'], 'its own order comes first')
})

test('a clock that went back moves nothing', async (t) => {
  const { live, late, texts } = await open()
  await live(1, 1000)
  await late(1, 10, false)
  t.deepEqual(await texts(), ['1 at 1000', '1 at 10'])
})

test('after a restart, deleted, searched: it is where it was', async (t) => {
  const { log, live, late, again } = await open()
  for (const ts of [10, 30]) await live(1, ts)
  await late(1, 20)
  const after = await again()
  const [row] = await after.page(CONV, 2, 1)
  t.is(row && textOf(row), '1 at 20')
  t.is(row?.number, 3, 'its number tells when it came')
  t.is((await after.newest([CONV])).get(CONV)?.number, 2)
  const found: MessageRow[] = []
  for await (const rows of after.scan(CONV, 'at 20')) found.push(...rows)
  t.true(found.some(({ number }) => number === 3))
  await after.forget(CONV, ({ number }) => number === 2)
  t.deepEqual((await log.page(CONV, null, 9)).map(textOf), ['1 at 10', '1 at 20'])
  await after.forget(CONV, () => true)
  t.deepEqual(await log.page(CONV, null, 9), [])
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
