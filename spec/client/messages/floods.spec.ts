// What somebody sends whose times are far off costs the reader little with each line, however much of it there is.
import test from 'ava'

import { Deserts } from '../../../lib/client/messages/deserts.ts'
import { RecordMessageLog } from '../../../lib/client/messages/log.ts'
import type { MessageRow } from '../../../lib/client/messages/row.ts'
import { encodePayload } from '../../../lib/protocol/payloads.ts'
import { createMemoryStore } from '../../../lib/storage/memory.ts'
import { hex } from '../../../lib/util/bytes.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const CONV = 'c0'.repeat(16)
const NOW = 2 ** 40
const MANY = 1500
let made = 0

function line(ts: number): Omit<MessageRow, 'number'> {
  const id = Buffer.alloc(16)
  id.writeUInt32BE(++made, 0)
  return {
    ...{ key: hex(id), conv: CONV, acct: Buffer.alloc(32, 1), dev: Buffer.alloc(8) },
    ...{ ts, at: NOW + 10_000, own: false, resent: false },
    payload: encodePayload({ k: 'text', id, ts, b: 'words' }),
  }
}

test('lines with a time that cannot be are gone over once, not with each line that stands above them', async (t) => {
  const store = createMemoryStore({ clock: new FakeClock() })
  let read = 0
  const list: typeof store.records.list = async (...args) => {
    const found = await store.records.list(...args)
    read += found.length
    return found
  }
  const log = await RecordMessageLog.open(
    { logs: store.logs, records: { ...store.records, list } },
    [CONV],
  )
  for (const ts of [1, 2, 3, 9]) await log.insert(line(NOW + ts))
  await Promise.all(Array.from({ length: MANY }, () => log.insert(line(0))))
  await log.insert(line(NOW + 20))
  await log.insert(line(NOW + 4))
  read = 0
  const late = [8, 5, 15, 7, 18].map((ts) => NOW + ts)
  for (const ts of late) await log.insert(line(ts))
  t.true(read < MANY, `${String(read)} rows were read`)
  const timed = (await log.page(CONV, null, 2 * MANY)).filter(({ ts }) => ts > 0)
  t.deepEqual(
    timed.map(({ ts }) => ts - NOW),
    [1, 2, 3, 4, 5, 7, 8, 9, 15, 18, 20],
  )
})

test('deserts: joined where they meet, parted where somebody is, and what is small is none', (t) => {
  const deserts = new Deserts()
  deserts.add(CONV, { low: 10, high: 40 })
  t.is(deserts.around(CONV, 20), undefined)
  deserts.add(CONV, { low: 100, high: 300 })
  deserts.add(CONV, { low: 301, high: 500 })
  t.deepEqual(deserts.around(CONV, 300), { low: 100, high: 500 })
  t.is(deserts.around('c1', 300), undefined)
  deserts.settled(CONV, 450)
  t.deepEqual(deserts.around(CONV, 100), { low: 100, high: 449 })
  t.is(deserts.around(CONV, 450), undefined)
  t.is(deserts.around(CONV, 460), undefined, 'too small')
})

test('what a crowd says about a message that is not here stops nobody, however much it is', async (t) => {
  const log = await RecordMessageLog.open(createMemoryStore({ clock: new FakeClock() }), [CONV])
  const m = Buffer.alloc(16, 0xee)
  const edit = (who: number): Promise<unknown> => {
    const row = line(NOW)
    const id = Buffer.from(row.key, 'hex')
    const payload = { k: 'edit', id, ts: NOW, m, n: 1, b: 'x'.repeat(8192) } as const
    return log.insert({ ...row, acct: Buffer.alloc(32, who), payload: encodePayload(payload) })
  }
  for (let who = 1; who <= 40; who++) await t.notThrowsAsync(edit(who), String(who))
  const target = { ...line(NOW), key: hex(m) }
  await log.insert(target)
  const row = await log.byKey(target.key)
  t.is(row?.marks?.edits[0]?.text.length, 8192, 'its author was among the first')
})
