// What was read and what was not is the same on a new device, told by the history (PROTOCOL 11).
import test from 'ava'

import { joined } from '../../lib/client/messages/restored.ts'
import { decodeRow, encodeRow, type MessageRow } from '../../lib/client/messages/row.ts'
import { seenTo } from '../../lib/client/messages/seen.ts'
import type { Session } from '../../lib/client/api.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { befriend, saw } from './group-kit.ts'
import { World } from './world.ts'

const QUIET = 11_000

async function unread(session: Session, chat: string): Promise<number | undefined> {
  return (await session.chats()).find(({ state }) => state.user === chat)?.unread
}

test.serial('a new device has unread what the others have, in chats and groups', async (t) => {
  const world = await World.create()
  const desk = await world.prepare('alice', 0, { others: [9] })
  await desk.start()
  const bob = await world.join('bob', 1)
  const carol = await world.join('carol', 2)
  await befriend(desk, bob)
  await befriend(carol, desk)
  await bob.session.groups.create('weekend', ['alice'])
  for (const chat of ['alice', '#weekend']) {
    for (const text of ['one', 'two']) await bob.session.send(chat, `${text} in ${chat}`)
    await saw(world, `two in ${chat}`, desk)
    await desk.session.markRead(chat === 'alice' ? 'bob' : chat)
  }
  // the history has them once more, in a later version
  await world.pass(QUIET, 1000)
  for (const chat of ['alice', '#weekend']) {
    for (const text of ['three', 'four']) await bob.session.send(chat, `${text} in ${chat}`)
    await saw(world, `four in ${chat}`, desk)
  }
  const wants = { bob: 2, '#weekend': 2, carol: 1 }
  for (const [chat, count] of Object.entries(wants)) t.is(await unread(desk.session, chat), count)
  await world.pass(QUIET, 1000)
  await desk.session.close()

  const laptop = await world.otherDevice(desk, 9)
  let session = await laptop.start()
  await world.passUntil(() => session.archive.status().restore.done)
  for (const isAgain of [false, true]) {
    if (isAgain) {
      await session.close()
      session = await laptop.restart()
    }
    for (const [chat, count] of Object.entries(wants)) t.is(await unread(session, chat), count)
  }
  t.deepEqual(
    (await session.unread('bob')).map(({ body }) => (body.kind === 'text' ? body.text : '')),
    ['three in alice', 'four in alice'],
  )
  await session.markRead('bob')
  t.is(await unread(session, 'bob'), 0)
  await world.passUntil(async () => {
    const rows = await bob.session.history('alice')
    return rows.filter(({ own }) => own).every(({ state }) => state === 'read')
  })
  await Promise.all([session, bob.session, carol.session].map((each) => each.close()))
})

const ID = Buffer.alloc(16, 7)
const ROW: MessageRow = {
  ...{ number: 1, key: '07'.repeat(16), conv: 'c0'.repeat(16), acct: Buffer.alloc(32, 1) },
  ...{ dev: Buffer.alloc(8), ts: 1, at: 1, own: false, resent: false },
  payload: encodePayload({ k: 'text', id: ID, ts: 1, b: 'words' }),
}

test('what was read on one device is not unread because another one stored it later', (t) => {
  const seen = { ...ROW, seen: true, restored: 1 } as const
  const later = { ...ROW, restored: 2 }
  t.is(joined(seen, later)?.seen, true)
  t.is(joined(later, seen)?.seen, true)
  t.is(joined(seen, seen), null)
  t.is(decodeRow(encodeRow(seen)).seen, true)
  t.is(decodeRow(encodeRow(ROW)).seen, undefined)
})

test('the last mark is found, however much stands behind it', async (t) => {
  const of = (marks: readonly number[], upTo: number): Promise<number> =>
    seenTo(
      {
        arrivals: (_, before, limit) =>
          Promise.resolve(
            Array.from({ length: 500 }, (__, i): MessageRow => {
              const row = { ...ROW, number: i + 1 }
              return marks.includes(i + 1) ? { ...row, seen: true } : row
            })
              .filter(({ number }) => number < (before ?? Infinity))
              .slice(-limit),
          ),
      },
      ROW.conv,
      upTo,
    )
  t.is(await of([3, 40], 500), 40)
  t.is(await of([3, 40], 39), 3)
  t.is(await of([], 500), 0)
  t.is(await of([1], 0), 0)
})
