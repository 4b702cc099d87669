// Connections without login by themselves: who makes room for whom, and when time is over.
import test from 'ava'

import { type Visitor, Visitors } from '../../lib/server/visitors.ts'

interface Guest extends Visitor {
  patientUntil: number
  readonly byes: string[]
}

function guest(block: string, since = 0): Guest {
  const byes: string[] = []
  return {
    ...{ block, since, patientUntil: 0, byes },
    bye: (code) => {
      byes.push(code)
      return Promise.resolve()
    },
  }
}

const LIMITS = { maxClients: 80, perBlock: 3, lifeMs: 1000 }

test('a quarter of all connections, and so many of a block; the oldest goes', (t) => {
  const visitors = new Visitors(LIMITS)
  const guests = Array.from({ length: 20 }, (_, k) => guest(`block ${k}`))
  for (const each of guests) visitors.add(each, 0)
  t.is(visitors.count, 20)
  visitors.add(guest('block 5'), 0)
  visitors.add(guest('block 5'), 0)
  t.deepEqual(
    guests.slice(0, 3).map(({ byes }) => byes),
    [['E_RATE'], ['E_RATE'], []],
  )
  visitors.add(guest('block 5'), 0)
  t.deepEqual(guests[5]?.byes, ['E_RATE'])
  t.deepEqual(guests[2]?.byes, [], 'its place was enough')
  t.is(visitors.count, 20)
})

test('a small server has room for some all the same, and 0 is no limit of a block', (t) => {
  const visitors = new Visitors({ ...LIMITS, maxClients: 3, perBlock: 0 })
  for (let k = 0; k < 20; k++) visitors.add(guest('here'), 0)
  t.is(visitors.count, 16)
})

test('who is logging in goes last', (t) => {
  const visitors = new Visitors(LIMITS)
  const [busy, idle] = [guest('a'), guest('a')]
  busy.patientUntil = 50
  visitors.add(busy, 0)
  visitors.add(idle, 0)
  t.true(visitors.dismiss(10))
  t.deepEqual([busy.byes.length, idle.byes.length], [0, 1])
  t.false(visitors.dismiss(10, 'b'))
  t.true(visitors.dismiss(10))
  t.is(busy.byes.length, 1)
  t.false(visitors.dismiss(10))
})

test('time: a life from the start, more for who has begun to log in', (t) => {
  const visitors = new Visitors(LIMITS)
  const [busy, idle, late, gone] = [guest('a'), guest('b'), guest('c', 500), guest('d')]
  busy.patientUntil = 2000
  for (const each of [busy, idle, gone, late]) visitors.add(each, each.since)
  visitors.delete(gone)
  visitors.delete(gone)
  visitors.sweep(999)
  t.is(visitors.count, 3)
  visitors.sweep(1000)
  t.deepEqual([busy.byes.length, idle.byes.length, late.byes.length], [0, 1, 0])
  visitors.sweep(1999)
  t.deepEqual([busy.byes.length, late.byes.length, gone.byes.length], [0, 1, 0])
  visitors.sweep(2000)
  t.is(busy.byes.length, 1)
  t.is(visitors.count, 0)
})
