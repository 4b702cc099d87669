// Lines that do not stand where they arrived, when they are old: each question is answered as by a plain sorted list, before and
// after a restart, and they leave memory.
import test from 'ava'
import fc from 'fast-check'

import { cutIntoBlocks } from '../../../lib/client/messages/blocks.ts'
import { RecordMessageLog } from '../../../lib/client/messages/log.ts'
import { compareLines, compareSaid } from '../../../lib/client/messages/place.ts'
import type { MessageRow } from '../../../lib/client/messages/row.ts'
import { encodePayload } from '../../../lib/protocol/payloads.ts'
import { createMemoryStore } from '../../../lib/storage/memory.ts'
import { hex } from '../../../lib/util/bytes.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { runs } from '../../helpers/refusals.ts'

const CONVS = ['c0', 'c1'].map((c) => c.repeat(16))
const [BUSY = '', QUIET = ''] = CONVS
const COUNT = 4400
const FAR = 1500

/** The n-th that arrives: every third a little late, some very late. */
function rowOf(n: number): Omit<MessageRow, 'number'> {
  const late = n % 100 === 50 ? FAR : n % 3 === 0 ? ((n * 7) % 25) + 1 : 0
  const ts = 10 * FAR + 10 * n - 10 * late - (late > 0 ? 5 : 0)
  const id = Buffer.alloc(16)
  id.writeUInt32BE(n, 0)
  return {
    ...{ key: hex(id), conv: n % 10 === 3 ? QUIET : BUSY, acct: Buffer.alloc(32, 1) },
    ...{ dev: Buffer.alloc(8), ts, at: 20 * COUNT, own: false, resent: false },
    payload: encodePayload({ k: 'text', id, ts, b: `line ${String(n)}` }),
  }
}

test('pages, arrivals and the newest, of old and new lines', async (t) => {
  const store = createMemoryStore({ clock: new FakeClock() })
  const log = await RecordMessageLog.open(store, CONVS)
  const rows: MessageRow[] = []
  for (let from = 1; from <= COUNT; from += 100) {
    const more = Array.from({ length: 100 }, (_, i) => log.insert(rowOf(from + i)))
    rows.push(...(await Promise.all(more)).map(({ row }) => row))
  }
  await log.idle()
  t.true(log.recentFrom > COUNT / 2)
  const others = rows.map(({ number }) => number).filter((number) => number < log.recentFrom)
  const placed = await store.records.list('msg', 'placed', BUSY, null, COUNT)
  const inMemory = placed.filter(({ id }) => Number(id) < log.recentFrom)
  t.is(inMemory.length, 0)
  for (const each of [log, await RecordMessageLog.open(store, CONVS)]) {
    for (const conv of CONVS) {
      const arrived = rows.filter((row) => row.conv === conv)
      const inOrder = arrived.toSorted(compareSaid).map(({ number }) => number)
      const numbers = (lines: readonly MessageRow[]): number[] => lines.map(({ number }) => number)
      t.deepEqual(numbers(await each.page(conv, null, COUNT)), inOrder)
      t.deepEqual(numbers(await each.after(conv, 0, COUNT)), inOrder)
      t.deepEqual(numbers(await each.arrivals(conv, null, COUNT)), numbers(arrived))
      const newest = (await each.newest(CONVS)).get(conv)
      t.is(newest?.line.number, inOrder.at(-1))
      t.is(newest?.number, arrived.at(-1)?.number)
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...inOrder),
          fc.integer({ min: 1, max: 90 }),
          async (n, k) => {
            const at = inOrder.indexOf(n)
            t.deepEqual(
              numbers(await each.page(conv, n, k)),
              inOrder.slice(Math.max(0, at - k), at),
            )
            t.deepEqual(numbers(await each.after(conv, n, k)), inOrder.slice(at + 1, at + 1 + k))
            const before = numbers(arrived).filter((number) => number < n)
            t.deepEqual(numbers(await each.arrivals(conv, n, k)), before.slice(-k))
          },
        ),
        runs(25),
      )
    }
  }
  // what changes is written anew, in its segment or beside it
  for (const number of others.filter((n) => n % 7 === 0)) {
    const key = rows[number - 1]?.key ?? ''
    await log.update(key, (row) => ({ ...row, state: 'read' }))
  }
  await log.forget(QUIET, () => true)
  await log.idle()
  for (const each of [log, await RecordMessageLog.open(store, CONVS)]) {
    const lines = await each.page(BUSY, null, COUNT)
    const inOrder = rows.filter(({ conv }) => conv === BUSY).toSorted(compareSaid)
    t.deepEqual(
      lines.map(({ number }) => number),
      inOrder.map(({ number }) => number),
    )
    t.true(
      lines.every(({ number, state }) =>
        others.includes(number) && number % 7 === 0 ? state === 'read' : true,
      ),
    )
    t.deepEqual(await each.page(QUIET, null, COUNT), [])
  }
})

test('blocks: each is in order by itself, none is too large, and what stands elsewhere lies beside them', (t) => {
  const line = fc.record({ back: fc.option(fc.integer({ min: -40, max: 200 }), { freq: 4 }) })
  fc.assert(
    fc.property(fc.array(line, { maxLength: 400 }), (lines) => {
      const rows = lines.map(({ back }, i) => {
        const number = i + 1000
        return { ...rowOf(i + 1), number, ...(back === null ? {} : { before: number - back }) }
      })
      const { near, far } = cutIntoBlocks(rows)
      const [lie = [], others = []] = [near, far].map((blocks) =>
        blocks.flat().map(({ row }) => row),
      )
      t.deepEqual(
        [...lie, ...others].toSorted((p, q) => p.number - q.number),
        rows,
      )
      t.true(others.every(({ before }) => before !== undefined))
      t.deepEqual(others, others.toSorted(compareLines))
      t.true([...near, ...far].every(({ length }) => length <= 64))
      const stand = near.flatMap((block) => block.map(({ row }) => row).toSorted(compareLines))
      t.deepEqual(stand, lie.toSorted(compareLines))
    }),
    runs(100),
  )
})
