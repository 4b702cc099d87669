// What a device owes of receipts when it starts: what arrived since the last one that was told, wherever it stands (PROTOCOL 9.2).
import test from 'ava'

import { type ReceiptDeps, Receipts } from '../../lib/client/inbox/receipts.ts'
import { RecordMessageLog } from '../../lib/client/messages/log.ts'
import type { MessageRow } from '../../lib/client/messages/row.ts'
import { encodePayload, type PayloadOf } from '../../lib/protocol/payloads.ts'
import { createMemoryStore } from '../../lib/storage/memory.ts'
import { type Bytes, hex, u64 } from '../../lib/util/bytes.ts'
import { silentLog } from '../../lib/util/log.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

const CONV = 'c0'.repeat(16)
const ACCT = Buffer.alloc(32, 1)
const NOW = 2 ** 40
const DAY_MS = 24 * 3_600_000

function said(number: number, ts: number): Omit<MessageRow, 'number'> {
  const id = Buffer.concat([u64(0), u64(number)])
  return {
    ...{ key: hex(id), conv: CONV, acct: ACCT, dev: Buffer.alloc(8, 1), ts, at: NOW },
    payload: encodePayload({ k: 'text', id, ts, b: 'words' }),
    ...{ own: false, resent: false },
  }
}

/** Lines that arrived in this order; up to number `told` their author knows. `read`: how many rows it took to find out. */
async function owed(
  times: readonly number[],
  told: number,
): Promise<{ readonly numbers: readonly number[]; readonly read: number }> {
  const { records, logs } = createMemoryStore({ clock: new FakeClock() })
  let read = 0
  const list: typeof records.list = async (...args) => {
    const found = await records.list(...args)
    read += found.length
    return found
  }
  const messages = await RecordMessageLog.open({ logs, records: { ...records, list } }, [CONV])
  await Promise.all(times.map((ts, i) => messages.insert(said(i + 1, ts))))
  read = 0
  const peer = { accepted: true, blocked: false, acct: ACCT, receiptedTo: told }
  const party = { is: 'peer', conv: CONV, peer }
  const parties = { all: () => [party], find: () => party, receiptedTo: () => told }
  const sent: Bytes[] = []
  const add = ({ m }: PayloadOf<'rcpt'>): Promise<unknown> => {
    sent.push(...m)
    return Promise.resolve({ mid: '' })
  }
  const clock = new FakeClock()
  const peers = { get: () => undefined }
  const deps = { parties, peers, messages, outbox: () => ({ add }), clock, log: silentLog }
  const receipts = new Receipts(deps as unknown as ReceiptDeps)
  await receipts.load()
  clock.advance(2000)
  receipts.stop()
  return { numbers: sent.map((mid) => Buffer.from(mid).readUInt32BE(12)), read }
}

test('of a line that stands above what was told', async (t) => {
  const { numbers } = await owed([NOW, NOW + 1, NOW + 2, NOW - DAY_MS], 2)
  t.deepEqual(numbers, [3, 4])
})

test('a line far up that was told does not have everything behind it read at each start', async (t) => {
  const times = Array.from({ length: 1000 }, (_, i) => NOW + i)
  const { numbers, read } = await owed([...times, NOW - DAY_MS, NOW + 2000], 1001)
  t.deepEqual(numbers, [1002])
  t.true(read < 500, `${String(read)} rows`)
})
