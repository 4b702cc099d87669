// The message store with edits, reactions and deletions: whatever the order in which things arrive, and however often, the
// same state comes out (PROTOCOL 7.2).
import test from 'ava'
import fc from 'fast-check'

import { RecordMessageLog } from '../../../lib/client/messages/log.ts'
import type { MessageRow } from '../../../lib/client/messages/row.ts'
import { viewOf } from '../../../lib/client/messages/view.ts'
import { messageId } from '../../../lib/identity/conversation.ts'
import { encodePayload, type Payload } from '../../../lib/protocol/payloads.ts'
import { createMemoryStore } from '../../../lib/storage/memory.ts'
import type { Store } from '../../../lib/storage/ports.ts'
import { fromHex, hex } from '../../../lib/util/bytes.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const CONV = 'c0'.repeat(16)
const OTHER = 'c1'.repeat(16)
const ALICE = Buffer.alloc(32, 1)
const BOB = Buffer.alloc(32, 2)
const DAY_MS = 24 * 3_600_000
const names = {
  chat: () => 'chat',
  user: (acct: Uint8Array) => (acct[0] === 1 ? 'alice' : 'bob'),
}

type Unnumbered = Omit<MessageRow, 'number'>

function freshStore(): Store {
  return createMemoryStore({ clock: new FakeClock() })
}

function openLog(store: Store = freshStore()): Promise<RecordMessageLog> {
  return RecordMessageLog.open(store, [CONV, OTHER])
}

/** A row as the inbox makes it. */
function rowOf(acct: Buffer, payload: Payload, { at = 1000, conv = CONV } = {}): Unnumbered {
  return {
    ...{ key: hex(messageId(fromHex(conv), acct, payload.id)), conv, acct },
    ...{ dev: Buffer.alloc(8), ts: payload.ts, at, payload: encodePayload(payload) },
    ...{ own: false, resent: false },
  }
}

function id(n: number): Buffer {
  return Buffer.alloc(16, n)
}

const text = (n: number, b: string): Payload => ({ k: 'text', id: id(n), ts: 5, b })
const TARGET = rowOf(ALICE, text(1, 'first'))
const m = fromHex(TARGET.key)
const edit = (nth: number, n: number, b: string): Payload => ({
  ...{ k: 'edit', id: id(nth), ts: 6, m, n, b },
})
const react = (nth: number, ts: number, e: string, off = false): Payload => ({
  ...{ k: 'react', id: id(nth), ts, m, e, ...(off ? { off: true as const } : {}) },
})
const del = (nth: number): Payload => ({ k: 'del', id: id(nth), ts: 7, m: [m] })

async function lines(log: RecordMessageLog): Promise<unknown[]> {
  const rows = await log.page(CONV, null, 100)
  return rows.map((row) => {
    const { body, edited, reactions } = viewOf(row, names)
    return { body, edited, reactions }
  })
}

test('an edit shows, the first words stay for the store, and the number stays', async (t) => {
  const log = await openLog()
  const { row } = await log.insert(TARGET)
  const { touched, change } = await log.insert(rowOf(ALICE, edit(2, 1, 'second')))
  t.is(change?.kind, 'edit')
  t.deepEqual(
    touched?.map(({ after }) => after.number),
    [row.number],
  )
  t.like(await lines(log), [{ body: { kind: 'text', text: 'second' }, edited: true }])
  t.is((await log.byNumber(row.number))?.marks?.rows.length, 1)
})

test('changes are no lines of the chat, but can be told apart from what was never there', async (t) => {
  const log = await openLog()
  await log.insert(TARGET)
  await log.insert(rowOf(ALICE, edit(2, 1, 'second')))
  await log.insert(rowOf(BOB, react(3, 9, '+')))
  t.is((await log.page(CONV, null, 10)).length, 1)
  t.is((await log.changesAfter(CONV, 0, 10)).length, 2)
  t.is((await log.insert(rowOf(ALICE, edit(2, 1, 'second')))).fresh, false)
})

test('somebody else can neither edit nor delete', async (t) => {
  const log = await openLog()
  await log.insert(TARGET)
  const edited = await log.insert(rowOf(BOB, edit(2, 9, 'forged')))
  const deleted = await log.insert(rowOf(BOB, del(3)))
  t.deepEqual([edited.touched, deleted.touched], [[], []])
  t.like(await lines(log), [{ body: { kind: 'text', text: 'first' }, edited: undefined }])
})

test('a change in another conversation changes nothing here', async (t) => {
  const log = await openLog()
  await log.insert(TARGET)
  const { touched } = await log.insert(rowOf(ALICE, del(3), { conv: OTHER }))
  t.deepEqual(touched, [])
  t.like(await lines(log), [{ body: { kind: 'text', text: 'first' } }])
})

test('an edit that comes after seven days does not count', async (t) => {
  const log = await openLog()
  await log.insert(TARGET)
  await log.insert(rowOf(ALICE, edit(2, 1, 'too late'), { at: 1000 + 7 * DAY_MS }))
  t.like(await lines(log), [{ body: { kind: 'text', text: 'first' } }])
})

test('a deletion takes the words, those of every edit as well', async (t) => {
  const store = freshStore()
  const { records } = store
  const log = await openLog(store)
  await log.insert(TARGET)
  await log.insert(rowOf(ALICE, edit(2, 1, 'second')))
  await log.insert(rowOf(ALICE, del(3)))
  await log.insert(rowOf(ALICE, edit(4, 2, 'third')))
  t.like(await lines(log), [{ body: { kind: 'deleted', by: 'alice' }, edited: undefined }])
  for (const number of [1, 2, 3, 4]) {
    const body = await records.get('msg', String(number).padStart(12, '0'))
    for (const word of ['first', 'second', 'third']) t.false(body?.body.toString().includes(word))
  }
})

test('the same, when the deletion and the edits came first', async (t) => {
  const store = freshStore()
  const { records } = store
  const log = await openLog(store)
  await log.insert(rowOf(ALICE, edit(2, 1, 'second')))
  await log.insert(rowOf(ALICE, del(3)))
  const again = await RecordMessageLog.open(store, [CONV])
  await again.insert(TARGET)
  t.like(await lines(again), [{ body: { kind: 'deleted', by: 'alice' } }])
  const kept = await Promise.all(
    ['000000000001', '000000000002', '000000000003'].map((n) => records.get('msg', n)),
  )
  t.true(kept.every((each) => each?.body.toString().includes('second') === false))
  t.deepEqual(await records.list('early', 'all', 'yes', null, 10), [])
})

test('any order, any repetition, and a restart anywhere: one state', async (t) => {
  const all = [
    TARGET,
    rowOf(ALICE, edit(10, 1, 'one')),
    rowOf(ALICE, edit(11, 2, 'two')),
    rowOf(ALICE, edit(12, 2, 'two as well')), // from another device, in the same moment
    rowOf(BOB, edit(13, 9, 'forged')),
    rowOf(BOB, del(14)),
    rowOf(BOB, react(20, 1, '+')),
    rowOf(BOB, react(21, 2, '+', true)),
    rowOf(BOB, react(22, 3, '+')),
    rowOf(ALICE, react(23, 3, '!')),
    rowOf(ALICE, react(24, 4, '!', true)),
    ...Array.from({ length: 10 }, (_, i) =>
      rowOf(BOB, react(30 + i, 10 + i, String.fromCharCode(97 + i))),
    ),
  ]
  const straight = await openLog()
  for (const row of all) await straight.insert(row)
  const expected = await lines(straight)
  t.like(expected, [{ edited: true }])
  const order = fc.shuffledSubarray([...all, ...all.slice(0, 12)], {
    minLength: all.length + 12,
    maxLength: all.length + 12,
  })
  await fc.assert(
    fc.asyncProperty(order, fc.nat(all.length), async (rows, restartAt) => {
      const store = freshStore()
      let log = await openLog(store)
      for (const [i, row] of rows.entries()) {
        if (i === restartAt) log = await openLog(store)
        await log.insert(row)
      }
      t.deepEqual(await lines(log), expected)
    }),
    { numRuns: process.env['SLOW'] === undefined ? 40 : 2000 },
  )
})

test('all in one flush is as one after the other', async (t) => {
  const log = await openLog()
  const inserted = await Promise.all([
    log.insert(rowOf(ALICE, edit(2, 1, 'second'))),
    log.insert(rowOf(BOB, react(3, 1, '+'))),
    log.insert(TARGET),
    log.insert(rowOf(ALICE, edit(4, 2, 'third'))),
  ])
  t.true(inserted.every(({ fresh }) => fresh))
  t.deepEqual(await lines(log), [
    {
      body: { kind: 'text', text: 'third' },
      edited: true,
      reactions: [{ emoji: '+', from: ['bob'] }],
    },
  ])
})

test('an answer knows what it answers', async (t) => {
  const log = await openLog()
  const { row } = await log.insert(TARGET)
  const answer: Payload = { k: 'text', id: id(9), ts: 8, b: 'yes', re: m }
  const { answers } = await log.insert(rowOf(BOB, answer))
  t.is(answers?.number, row.number)
  const unknown: Payload = { k: 'text', id: id(10), ts: 8, b: 'no', re: id(99) }
  const inserted = await log.insert(rowOf(BOB, unknown))
  t.is(inserted.answers, undefined)
  t.is(viewOf(inserted.row, names).answers, 'unknown')
})

test('numbers are never given twice, also not after a chat was deleted', async (t) => {
  const store = freshStore()
  const log = await openLog(store)
  await log.insert(TARGET)
  const { row } = await log.insert(rowOf(BOB, text(2, 'hi')))
  await log.forget(CONV, () => true)
  t.deepEqual(await log.page(CONV, null, 10), [])
  const again = await openLog(store)
  const next = await again.insert(rowOf(BOB, text(3, 'new')))
  t.is(next.row.number, row.number + 1)
})

test('what expired leaves a name and no words, and does not come back', async (t) => {
  const store = freshStore()
  const { records } = store
  const log = await openLog(store)
  const { row } = await log.insert(TARGET)
  await log.insert(rowOf(ALICE, edit(2, 1, 'second')))
  t.is((await log.expire(row.number))?.aside, 'expired')
  t.is(await log.expire(row.number), null)
  t.deepEqual(await log.page(CONV, null, 10), [])
  const body = await records.get('msg', '000000000001')
  t.false(/first|second/.test(String(body?.body)))
  t.is((await log.insert(TARGET)).fresh, false)
  t.deepEqual(await log.page(CONV, null, 10), [])
})

test('at most a thousand changes of a conversation wait for their message, and those for a week', async (t) => {
  const log = await openLog()
  for (let i = 0; i < 1010; i++) {
    const other = Buffer.alloc(16)
    other.writeUInt32BE(i)
    const payload: Payload = { k: 'react', id: other, ts: 1, m: other, e: '+' }
    await log.insert(rowOf(BOB, payload))
  }
  await log.insert(rowOf(ALICE, edit(2, 1, 'second')))
  await log.insert(TARGET)
  t.like(await lines(log), [{ body: { kind: 'text', text: 'first' } }])

  const patient = await openLog()
  await patient.insert(rowOf(ALICE, edit(2, 1, 'second')))
  await patient.sweep(1000 + 8 * DAY_MS)
  await patient.insert(TARGET)
  t.like(await lines(patient), [{ body: { kind: 'text', text: 'first' } }])
})

test('a reaction that is not one character is none', async (t) => {
  const log = await openLog()
  await log.insert(TARGET)
  for (const [i, e] of ['ab', '', ' ', '\u202e', '\u0301'].entries()) {
    t.deepEqual((await log.insert(rowOf(BOB, react(40 + i, 1, e)))).touched, [])
  }
  t.like(await lines(log), [{ reactions: undefined }])
})
