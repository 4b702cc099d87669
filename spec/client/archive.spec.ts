// The sealed history: what a device appends, and what a fresh one makes of it (PROTOCOL 11).
import test from 'ava'

import type { FrameOf } from '../../lib/protocol/frames.ts'
import { accountId, historyLog } from '../../lib/server/ids.ts'
import { exported } from './exports.ts'
import { friends, restored } from './scenes.ts'
import { type Player, World } from './world.ts'

const QUIET = 11_000

function puts(world: World, from: string): FrameOf<'hist.put'>[] {
  return world.heard.flatMap(({ frame, from: who }) =>
    frame.t === 'hist.put' && who === from ? [frame] : [],
  )
}

/** Alternating, so that the order means something. */
async function talk(world: World, alice: Player, bob: Player, rounds: number): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    await alice.session.send('bob', `from alice ${i}\nsecond *line*`)
    await world.passUntil(() => bob.texts.at(-1)?.startsWith(`from alice ${i}\n`) === true)
    await bob.session.send('alice', `from bob ${i}`)
    await world.passUntil(() => alice.texts.at(-1) === `from bob ${i}`)
  }
}

test.serial('a burst becomes few batches, after a while and behind the messages', async (t) => {
  const { world, alice, bob } = await friends([9])
  await world.pass(QUIET, 1000)
  t.is(puts(world, 'alice').length, 1, 'what was said so far, in all its states')
  for (let i = 0; i < 80; i++) await alice.session.send('bob', `message ${i}`)
  await world.passUntil(() => bob.texts.length === 81)
  await world.pass(2 * QUIET, 1000)
  t.true(puts(world, 'alice').length <= 5, `${puts(world, 'alice').length} batches`)
  const before = puts(world, 'alice').length
  await world.pass(5 * QUIET, 1000)
  t.is(puts(world, 'alice').length, before, 'nothing changes, nothing is appended')
  await bob.session.markRead('alice')
  await world.pass(2 * QUIET, 1000)
  t.is(puts(world, 'alice').length, before + 2, 'read now: appended again, 81 rows')
  t.is(alice.session.archive.status().batches, before + 2)
  await Promise.all([alice.session.close(), bob.session.close()])
})

test.serial('wiped and restored: the same chat, byte for byte, while new mail comes', async (t) => {
  const { world, alice, bob } = await friends([9])
  await talk(world, alice, bob, 30)
  await alice.session.send('alice', 'a note to myself')
  await world.passUntil(() => alice.session.status().queued === 0)
  await world.pass(QUIET, 1000)
  await alice.session.markRead('bob')
  await world.pass(QUIET, 1000)
  const chats = [await exported(alice.session, 'bob'), await exported(alice.session, 'alice')]
  await alice.session.close()

  const fresh = await world.otherDevice(alice, 9)
  await bob.session.send('alice', 'sent while she was away')
  const session = await fresh.start()
  await bob.session.send('alice', 'sent while it came back')
  await world.passUntil(() => session.archive.status().restore.done)
  t.deepEqual([await exported(session, 'bob'), await exported(session, 'alice')].map(known), chats)
  await world.passUntil(() => fresh.texts.includes('sent while it came back'))
  const texts = (await session.history('bob', { limit: 1000 })).map(({ body }) => body)
  t.deepEqual(texts.at(-1), { kind: 'text', text: 'sent while it came back' })
  t.is(session.archive.status().restore.restored, 63)
  t.is(fresh.of('restore').at(-1)?.progress.done, true)
  const chat = (await session.chats()).find(({ contact }) => contact?.user === 'bob')
  t.is(chat?.unread, fresh.texts.length, 'what came back was read before')
  const receipts = alice.of('message-state').length
  await world.pass(5000)
  t.is(alice.of('message-state').length, receipts)
  await Promise.all([session.close(), bob.session.close()])

  /** Without what came new. */
  function known(document: string): string {
    return document
      .split('\n')
      .filter((line) => !line.includes('sent while it came back'))
      .join('\n')
  }
})

test.serial('an offline line keeps its place, a failed one is not shown as sent', async (t) => {
  const { world, alice, bob } = await friends([9])
  await world.pass(QUIET, 1000)
  world.cutNetwork('bob')
  bob.kill()
  const waiting = await alice.session.send('bob', 'to be cancelled')
  t.truthy(waiting.number)
  await world.passUntil(() => alice.wasAccepted(waiting.mid))
  await bob.restart()
  await bob.session.send('alice', 'later')
  await world.passUntil(() => alice.texts.includes('later'))
  await world.pass(QUIET, 1000)
  const before = await exported(alice.session, 'bob')
  await alice.session.close()
  const fresh = await restored(world, alice, 9)
  t.is(await exported(fresh.session, 'bob'), before)
  await Promise.all([fresh.session.close(), bob.session.close()])
})

test.serial('a session that ends appends what waits, at once', async (t) => {
  const { world, alice, bob } = await friends([9])
  const before = puts(world, 'alice').length
  await alice.session.close()
  t.is(puts(world, 'alice').length, before + 1)
  const log = historyLog(accountId(alice.who?.acct ?? Buffer.of()), Buffer.alloc(8, 1))
  t.is((await world.store.logs.head(log)).next, before + 1)
  await bob.session.close()
})

test.serial('with the password on a fresh home: everything is there again', async (t) => {
  t.timeout(300_000)
  const world = await World.create()
  const bob = await world.join('bob', 1)
  const old = world.newcomer('old')
  const password = 'correct horse battery staple'
  const { session } = await (await old.lobby()).register({ username: 'alice', password })
  await old.adopt(session)
  await session.send('bob', 'hello')
  await world.passUntil(() => bob.texts.includes('hello'))
  await bob.session.send('alice', 'welcome')
  await world.passUntil(() => old.texts.includes('welcome'))
  await world.pass(6000, 1000)
  const before = await exported(session, 'bob')
  await session.close()

  const fresh = world.newcomer('new')
  const again = await fresh.adopt(
    await (await fresh.lobby()).login({ username: 'alice', password }),
  )
  await bob.session.send('alice', 'is it you?')
  await world.passUntil(() => again.archive.status().restore.done && fresh.texts.length > 0)
  const after = (await exported(again, 'bob')).split('\n')
  t.deepEqual(
    after.filter((line) => !line.includes('is it you?')),
    before.split('\n'),
  )
  t.true((await again.chats()).some(({ contact }) => contact?.user === 'bob' && contact.accepted))
  await Promise.all([again.close(), bob.session.close()])
})

test.serial('two devices that were both there: a third has each message once', async (t) => {
  const { world, alice, bob } = await friends([9, 10])
  const second = await world.otherDevice(alice, 9)
  await second.start()
  for (let i = 0; i < 6; i++) {
    await (i % 2 === 0 ? alice : second).session.send('bob', `mine ${i}`)
    await world.passUntil(() => bob.texts.at(-1) === `mine ${i}`)
    await bob.session.send('alice', `yours ${i}`)
    const both = [alice, second]
    await world.passUntil(() => both.every((each) => each.texts.at(-1) === `yours ${i}`))
    await world.pass(1000, 500)
  }
  await world.pass(QUIET, 1000)
  const before = await exported(alice.session, 'bob')
  await alice.session.close()
  await second.session.close()
  const fresh = await restored(world, alice, 10)
  t.is(await exported(fresh.session, 'bob'), before)
  t.deepEqual(fresh.of('notice'), [])
  await Promise.all([fresh.session.close(), bob.session.close()])
})
