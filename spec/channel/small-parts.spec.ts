// Slots, the frame queue, liveness and upkeep: parts of a connection that are easier to see alone.
import test from 'ava'
import fc from 'fast-check'

import { FrameQueue } from '../../lib/channel/frame-queue.ts'
import { Liveness } from '../../lib/channel/liveness.ts'
import { PACKED_BYTES, packedBytes } from '../../lib/channel/records.ts'
import { Slots } from '../../lib/channel/slots.ts'
import { Upkeep } from '../../lib/channel/upkeep.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { settle } from '../helpers/memory-duplex.ts'
import { runs } from '../helpers/refusals.ts'

test('slots: so many at once, the others in order, failures give theirs back', async (t) => {
  const slots = new Slots(2)
  const order: number[] = []
  let atOnce = 0
  let most = 0
  const work = (n: number) => async (): Promise<number> => {
    most = Math.max(most, ++atOnce)
    order.push(n)
    await settle(1)
    atOnce--
    if (n === 1) throw new Error('one fails')
    return n
  }
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map((n) => slots.run(work(n))))
  t.is(most, 2)
  t.deepEqual(order, [0, 1, 2, 3, 4])
  t.deepEqual(
    results.map((r) => r.status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
  )
})

test('frame queue: everything in order, records as full as can be, bytes counted', (t) => {
  const length = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 90_000 }))
  fc.assert(
    fc.property(fc.array(length, { maxLength: 60 }), (lengths) => {
      const queue = new FrameQueue()
      const frames = lengths.map((n) => new Uint8Array(n))
      for (const frame of frames) queue.push(frame)
      t.is(
        queue.bytes,
        lengths.reduce((sum, n) => sum + 4 + n, 0),
      )
      const out: Uint8Array[] = []
      let before = 0
      while (!queue.isEmpty) {
        const record = queue.take()
        const size = record.reduce((sum, f) => sum + packedBytes(f), 0)
        t.true(record.length === 1 || size <= PACKED_BYTES)
        const [first] = record
        if (before > 0 && first !== undefined) t.true(before + packedBytes(first) > PACKED_BYTES)
        before = size
        out.push(...record)
      }
      t.is(queue.bytes, 0)
      t.true(out.length === frames.length && out.every((f, i) => f === frames[i]))
    }),
    runs(100),
  )
})

test('frame queue: what is pushed between two takes keeps its place', (t) => {
  const queue = new FrameQueue()
  const frames = [40_000, 40_000, 10].map((n) => new Uint8Array(n))
  for (const f of frames.slice(0, 2)) queue.push(f)
  t.deepEqual(
    queue.take().map((f) => f.length),
    [40_000],
  )
  queue.push(new Uint8Array(10))
  t.deepEqual(
    queue.take().map((f) => f.length),
    [40_000, 10],
  )
  t.true(queue.isEmpty)
  queue.push(new Uint8Array(5))
  queue.clear()
  t.is(queue.bytes, 0)
})

test('liveness: silence, a stall, age', (t) => {
  const limits = { lifeMs: 1000, silenceMs: 100, stallMs: 50 }
  const silent = new Liveness(limits, 0)
  t.is(silent.check(99, 0), 'alive')
  t.is(silent.check(100, 0), 'gone')

  const talking = new Liveness(limits, 0)
  for (let now = 90; now < 1000; now += 90) {
    talking.received()
    t.is(talking.check(now, 0), 'alive')
  }
  talking.received()
  t.is(talking.check(1000, 0), 'expired')

  const stalled = new Liveness(limits, 0)
  stalled.wrote(500)
  stalled.received()
  t.is(stalled.check(40, 500), 'alive')
  stalled.wrote(500)
  stalled.received()
  t.is(stalled.check(60, 999), 'alive') // one byte was taken
  stalled.wrote(100)
  stalled.received()
  t.is(stalled.check(110, 1099), 'gone')
})

test('upkeep: one flush per turn for whoever asked, one timer for all, none for nobody', async (t) => {
  const clock = new FakeClock()
  const upkeep = new Upkeep(clock)
  const calls: string[] = []
  const kept = (name: string) => ({
    flush: () => {
      calls.push(`flush ${name}`)
    },
    sweep: () => {
      calls.push(`sweep ${name}`)
    },
  })
  const [a, b] = [kept('a'), kept('b')]
  upkeep.add(a)
  upkeep.add(b)
  t.is(clock.pending, 1)
  upkeep.flushSoon(a)
  upkeep.flushSoon(b)
  t.deepEqual(calls, [])
  await settle(1)
  t.deepEqual(calls, ['flush a', 'flush b'])
  clock.advance(5000)
  t.deepEqual(calls.slice(2), ['sweep a', 'sweep b'])
  upkeep.delete(a)
  clock.advance(5000)
  t.deepEqual(calls.slice(4), ['sweep b'])
  upkeep.delete(b)
  t.is(clock.pending, 0)
})
