// The counters by themselves: buckets, guesses, new recipients, tables that never grow beyond their bound.
import test from 'ava'
import fc from 'fast-check'

import { Guesses } from '../../lib/server/guesses.ts'
import { NewRecipients } from '../../lib/server/new-recipients.ts'
import { BoundedMap, Bucket, BucketTable } from '../../lib/util/rate.ts'
import { runs } from '../helpers/refusals.ts'

test('a bucket gives its burst at once, then its rate', (t) => {
  const bucket = new Bucket({ perSecond: 2, burst: 3 }, 0)
  t.deepEqual(
    [0, 0, 0, 0].map((now) => bucket.take(now)),
    [0, 0, 0, 500],
  )
  t.is(bucket.take(499), 1)
  t.is(bucket.take(500), 0)
  t.is(bucket.take(100_000, 3), 0)
  t.is(bucket.take(100_000, 4), 2000)
})

test('rate 0 is no limit', (t) => {
  const bucket = new Bucket({ perSecond: 0, burst: 1 }, 0)
  t.true([1, 2, 3].every(() => bucket.take(0, 1000) === 0))
})

test('who waits as long as told is let in, and nobody gets more than the rate', (t) => {
  fc.assert(
    fc.property(
      fc.record({
        perSecond: fc.integer({ min: 1, max: 50 }),
        burst: fc.integer({ min: 1, max: 20 }),
      }),
      fc.array(fc.nat(500), { minLength: 1, maxLength: 100 }),
      (rate, pauses) => {
        const bucket = new Bucket(rate, 0)
        let now = 0
        let taken = 0
        for (const pause of pauses) {
          now += pause
          const wait = bucket.take(now)
          if (wait === 0) taken++
          else if (bucket.take(now + wait) === 0) {
            now += wait
            taken++
          } else return false
        }
        return taken <= rate.burst + (now / 1000) * rate.perSecond + 1e-6
      },
    ),
    runs(100),
  )
  t.pass()
})

test('a table keeps its newest entries, whatever strangers do', (t) => {
  const map = new BoundedMap<number>(3)
  for (let k = 0; k < 10; k++) map.set(`${k}`, k)
  t.is(map.size, 3)
  t.is(map.get('7'), 7)
  map.set('10', 10)
  t.deepEqual([map.get('8'), map.get('7'), map.get('10')], [undefined, 7, 10])
  map.delete('7')
  t.is(map.size, 2)

  const table = new BucketTable({ perSecond: 1, burst: 1 }, 2)
  t.is(table.of('a', 0).take(0), 0)
  t.is(table.of('a', 0).take(0), 1000)
  table.of('b', 0)
  table.of('c', 0)
  t.is(table.of('a', 0).take(0), 0, 'forgotten: at worst a limit starts afresh')
})

test('guesses: five free, then doubling up to an hour, a day later free again', (t) => {
  const guesses = new Guesses()
  const waits: number[] = []
  let now = 0
  for (let k = 0; k < 20; k++) {
    const wait = guesses.wait('alice', 'here', now)
    waits.push(wait / 1000)
    now += wait
    guesses.count('alice', 'here', now)
  }
  t.deepEqual(waits.slice(0, 9), [0, 0, 0, 0, 0, 1, 2, 4, 8])
  t.is(waits.at(-1), 3600)
  t.is(guesses.wait('alice', 'there', now), 0)
  t.is(guesses.wait('bob', 'here', now), 0)
  t.is(guesses.wait('alice', 'here', now + 25 * 3_600_000), 0)
  guesses.forgive('alice', 'here')
  t.is(guesses.wait('alice', 'here', now), 0)
})

test('new recipients: each counts once; all of a stream or none', (t) => {
  const people = [1, 2, 3, 4].map((k) => Buffer.alloc(32, k))
  const [alice = Buffer.alloc(32), ...others] = people
  const limit = new NewRecipients(2)
  t.true(limit.admit(alice, others, 0) > 0)
  t.is(limit.admit(alice, others.slice(0, 2), 0), 0)
  t.is(limit.admit(alice, others.slice(0, 2), 0), 0)
  t.true(limit.admit(alice, others, 0) > 0)
  t.is(limit.admit(Buffer.alloc(32, 9), others.slice(1), 0), 0)
  t.is(limit.admit(alice, others, 24 * 3_600_000), 0)
  t.is(new NewRecipients(0).admit(alice, others, 0), 0)
})
