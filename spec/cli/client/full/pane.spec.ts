// A pane against the simplest model of one: all rows in one list, and the place of the last one on show.
import test from 'ava'
import fc from 'fast-check'

import { type Item, Pane } from '../../../../lib/cli/client/full/pane.ts'
import { plainText, type Row } from '../../../../lib/cli/client/rows.ts'
import { holds } from '../../../helpers/property.ts'

const COLS = 40
const NOW = Date.UTC(2026, 10, 20, 12)
const DAY = 24 * 3600_000

function item(number: number, rows: number, at = NOW): Item & { readonly number: number } {
  const drawn = Array.from({ length: rows }, (_, i): Row => [{ text: `${number}.${i}` }])
  return { number, at, entries: [() => drawn], ids: [String(number)] }
}

function shown(pane: Pane, height: number): string[] {
  return pane.rows(COLS, height).map(plainText)
}

const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), n: fc.integer({ min: 0, max: 4 }) }),
  fc.record({
    do: fc.constantFrom('up' as const, 'down' as const),
    n: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({ do: fc.constant('bottom' as const), n: fc.constant(0) }),
)

test('scrolling is what it would be in one long list, whatever is added meanwhile', async (t) => {
  const height = 5
  await holds(
    t,
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pane = new Pane(null, NOW)
      const all: string[] = []
      let last: number | null = null
      let count = 0
      for (const { do: what, n } of steps) {
        const end = all.length - 1
        if (what === 'add') {
          pane.add(item(++count, n))
          for (let i = 0; i < n; i++) all.push(`${count}.${i}`)
        } else if (what === 'up') {
          pane.up(n, COLS, height)
          last = Math.min(end, Math.max(height - 1, (last ?? end) - n))
        } else if (what === 'down') {
          pane.down(n, COLS)
          if (last !== null) last += n
        } else {
          pane.toBottom()
          last = null
        }
        if (what !== 'add' && last !== null && last >= end) last = null
        const bottom = last ?? all.length - 1
        const rows = all.slice(Math.max(0, bottom - height + 1), bottom + 1)
        if (JSON.stringify(shown(pane, height)) !== JSON.stringify(rows)) return false
      }
      return true
    }),
    300,
  )
})

test('messages stand in the order of their numbers, each once, whenever they come', (t) => {
  const pane = new Pane('alice', NOW)
  for (const n of [5, 6, 3, 4, 5, 1, 2, 6]) pane.put(item(n, 1))
  t.deepEqual(shown(pane, 20).slice(1), ['1.0', '2.0', '3.0', '4.0', '5.0', '6.0'])
  t.is(pane.oldest, 1)
  pane.remove(3)
  pane.remove(99)
  t.false(pane.has(3))
  t.is(shown(pane, 20).length, 6)
})

test('a message that came late stands before the one that its conversation says', (t) => {
  const pane = new Pane('alice', NOW)
  for (const n of [4, 5, 6]) pane.put(item(n, 1))
  pane.put({ ...item(8, 1), before: 5, ts: 20 })
  pane.put({ ...item(7, 1), before: 5, ts: 30 })
  pane.put({ ...item(9, 1), before: 4, ts: 10 })
  t.deepEqual(shown(pane, 20).slice(1), ['9.0', '4.0', '8.0', '7.0', '5.0', '6.0'])
  t.is(pane.oldest, 9, 'what is before that one comes next')
})

test('words of ours stay where they were said', (t) => {
  const pane = new Pane('alice', NOW)
  pane.put(item(5, 1))
  pane.add({ entries: [() => [[{ text: '* words' }]]], ids: [] })
  pane.put(item(6, 1))
  pane.put(item(2, 1))
  t.deepEqual(shown(pane, 20).slice(1), ['2.0', '5.0', '* words', '6.0'])
})

test('a day begins with its date', (t) => {
  const pane = new Pane('alice', NOW)
  for (let n = 1; n <= 4; n++) pane.put(item(n, 1, NOW - DAY * (n < 3 ? 1 : 0)))
  t.deepEqual(
    shown(pane, 20).map((row) => row.replaceAll(/ -+$/gu, '')),
    ['- Thursday, 19 November 2026', '1.0', '2.0', '- Friday, 20 November 2026', '3.0', '4.0'],
  )
})

test('older messages above, and one that is gone or replaced, do not move what is on show', (t) => {
  const pane = new Pane(null, NOW)
  for (let n = 50; n < 80; n++) pane.put(item(n, 2))
  pane.up(20, COLS, 5)
  const before = shown(pane, 5)
  for (let n = 1; n < 50; n++) pane.put(item(n, 1))
  t.deepEqual(shown(pane, 5), before)
  pane.put(item(78, 3))
  pane.remove(79)
  t.deepEqual(shown(pane, 5), before)
})

test('the row one looks at may go', (t) => {
  const pane = new Pane(null, NOW)
  for (let n = 1; n <= 20; n++) pane.put(item(n, 1))
  pane.up(5, COLS, 4)
  pane.remove(15)
  t.deepEqual(shown(pane, 4), ['11.0', '12.0', '13.0', '14.0'])
  for (let n = 1; n <= 20; n++) pane.remove(n)
  t.deepEqual(shown(pane, 4), [])
  pane.up(3, COLS, 4)
  pane.down(3, COLS)
  t.deepEqual(shown(pane, 4), [])
})

test('no pane grows for ever', (t) => {
  const pane = new Pane('alice', NOW)
  pane.isWhole = true
  for (let n = 1; n <= 5100; n++) pane.put(item(n, 1))
  t.is(pane.oldest, 101)
  t.false(pane.isWhole)
})
