// Groups on several devices of one account, and on one that is new (PROTOCOL 8, 11).
import test from 'ava'

import type { MessageView } from '../../lib/client/events.ts'
import { exported } from './exports.ts'
import { befriend, linesOf, saw } from './group-kit.ts'
import { type Player, World } from './world.ts'

interface Scene {
  readonly world: World
  /** Alice's first device; the second is not started. */
  readonly desk: Player
  readonly laptop: Player
  readonly bob: Player
}

async function scene(): Promise<Scene> {
  const world = await World.create()
  const desk = await world.prepare('alice', 0, { others: [9] })
  const laptop = await world.otherDevice(desk, 9)
  await desk.start()
  const bob = await world.join('bob', 1)
  return { world, desk, laptop, bob }
}

function closeAll(...players: readonly Player[]): Promise<unknown> {
  return Promise.all(players.map((player) => player.session.close()))
}

test.serial('two devices of one account stay in step', async (t) => {
  const { world, desk, laptop, bob } = await scene()
  await befriend(desk, bob)
  await laptop.start()
  await world.pass(7000, 1000)
  await desk.session.groups.create('weekend', ['bob'])
  await world.passUntil(() => laptop.of('group').length > 0 && bob.of('group').length > 0)
  t.is(laptop.session.groups.of('#weekend').standing, 'member')
  t.true(laptop.session.groups.of('#weekend').admin)
  const sent = await laptop.session.send('#weekend', 'from the laptop')
  await saw(world, 'from the laptop', bob)
  await world.passUntil(async () =>
    (await linesOf(desk, '#weekend')).includes('alice: from the laptop'),
  )
  await laptop.session.groups.topic('#weekend', 'set there')
  await world.passUntil(() => desk.session.groups.of('#weekend').topic === 'set there')
  await bob.session.send('#weekend', 'hi both')
  await saw(world, 'hi both', desk, laptop)
  await desk.session.markRead('#weekend')
  await world.passUntil(async () => {
    const chats = await laptop.session.chats()
    return chats.find(({ group }) => group !== undefined)?.unread === 0
  })
  await world.passUntil(() => laptop.stateOf(sent.mid) === 'delivered')
  await world.passUntil(async () => {
    const rows = await desk.session.history('#weekend')
    return rows.find(({ mid }) => mid === sent.mid)?.state !== 'queued'
  })
  t.deepEqual(await linesOf(desk, '#weekend'), await linesOf(laptop, '#weekend'))
  await closeAll(desk, laptop, bob)
})

test.serial('what one device accepts or leaves, the other has accepted or left', async (t) => {
  const { world, desk, laptop, bob } = await scene()
  await laptop.start()
  await bob.session.groups.create('party', ['alice'])
  await bob.session.groups.create('other', ['alice'])
  await bob.session.send('#party', 'welcome')
  await world.passUntil(() =>
    [desk, laptop].every((player) => player.session.requests().length === 2),
  )
  const request = (player: Player, name: string): number =>
    player.session.requests().find(({ group }) => group?.name === name)?.number ?? 0
  await desk.session.accept(request(desk, 'party'))
  await world.passUntil(() => laptop.session.groups.of('#party').standing === 'member')
  await saw(world, 'welcome', desk, laptop)
  await laptop.session.decline(request(laptop, 'other'))
  await world.passUntil(() => desk.session.groups.of('#other').standing === 'left')
  for (const player of [desk, laptop]) t.deepEqual(player.session.requests(), [])
  // also when nobody else is in it
  await desk.session.groups.create('alone', [])
  await world.passUntil(() => laptop.session.groups.list().some(({ name }) => name === 'alone'))
  t.is((await laptop.session.groups.leave('#alone')).standing, 'left')
  await world.passUntil(() => desk.session.groups.of('#alone').standing === 'left')
  await world.passUntil(() => laptop.session.status().queued === 0)
  await closeAll(desk, laptop, bob)
})

test.serial('a new device gets its groups out of the history, and goes on in them', async (t) => {
  const { world, desk, laptop, bob } = await scene()
  await befriend(desk, bob)
  await bob.session.groups.create('weekend', ['alice'])
  await bob.session.groups.topic('#weekend', 'hills')
  await world.passUntil(() => desk.session.groups.list()[0]?.topic === 'hills')
  await desk.session.send('#weekend', 'before the laptop')
  await saw(world, 'before the laptop', bob)
  await bob.session.send('#weekend', 'and an answer')
  await saw(world, 'and an answer', desk)
  await world.passUntil(() => desk.session.status().queued === 0)
  await world.pass(12_000, 1000)
  const document = await exported(desk.session, '#weekend')
  const wants = desk.session.groups.of('#weekend')
  await desk.session.markRead('#weekend')
  await world.pass(12_000, 1000)
  await desk.session.close()

  const session = await laptop.start()
  await world.passUntil(() => session.archive.status().restore.done)
  await world.passUntil(() => session.groups.list().length === 1)
  const found = session.groups.of('#weekend')
  t.deepEqual(
    [found.n, found.topic, found.standing, found.members.length],
    [wants.n, 'hills', 'member', 2],
  )
  t.is(await exported(session, '#weekend'), document)
  t.is((await session.chats()).find(({ group }) => group !== undefined)?.unread, 0)
  await session.send('#weekend', 'from the laptop')
  await saw(world, 'from the laptop', bob)
  await bob.session.groups.topic('#weekend', 'sea')
  await world.passUntil(() => session.groups.of('#weekend').topic === 'sea')
  await closeAll(laptop, bob)
})

test.serial(
  'whom a message was not sent to is the same on all devices of its author',
  async (t) => {
    const { world, desk, laptop, bob } = await scene()
    await world.prepare('dave', 3) // has never been online: no keys
    await befriend(desk, bob)
    await laptop.start()
    await world.pass(7000, 1000)
    await desk.session.groups.create('weekend', ['bob', 'dave'])
    await world.passUntil(() => laptop.of('group').length > 0 && bob.of('group').length > 0)
    const sent = await desk.session.send('#weekend', 'hi all')
    await saw(world, 'hi all', bob)
    const row = async (player: Player): Promise<MessageView | undefined> =>
      (await player.session.history('#weekend')).find(({ mid }) => mid === sent.mid)
    for (const player of [desk, laptop]) {
      await world.passUntil(async () => (await row(player))?.delivery?.delivered === 1)
      t.deepEqual((await row(player))?.notTo, ['dave'], player.name)
      t.is((await row(player))?.delivery?.of, 2)
    }
    t.deepEqual((await row(bob))?.notTo, ['dave'])
    t.is(await exported(desk.session, '#weekend'), await exported(laptop.session, '#weekend'))
    await closeAll(desk, laptop, bob)
  },
)

test.serial('a group of a stranger that was accepted is one on a new device, too', async (t) => {
  const { world, desk, laptop, bob } = await scene()
  await bob.session.groups.create('crew', ['alice'])
  await bob.session.send('#crew', 'welcome')
  await world.passUntil(() => desk.session.requests().length === 1)
  // the history has it as one that waits
  await world.pass(12_000, 1000)
  await desk.session.accept(desk.session.requests()[0]?.number ?? 0)
  await world.pass(12_000, 1000)
  const document = await exported(desk.session, '#crew')
  await desk.session.close()

  let session = await laptop.start()
  await world.passUntil(() => session.archive.status().restore.done)
  for (const isAgain of [false, true]) {
    if (isAgain) {
      await session.close()
      session = await laptop.restart()
    }
    t.is(session.groups.of('#crew').standing, 'member')
    t.deepEqual(session.requests(), [])
    // who a stranger is has to be asked
    await world.passUntil(async () => (await exported(session, '#crew')).includes('bob'))
    t.is(await exported(session, '#crew'), document)
  }
  await session.send('#crew', 'thanks')
  await saw(world, 'thanks', bob)
  await closeAll(laptop, bob)
})

test.serial('an invitation that still waits is answered on a new device', async (t) => {
  const { world, desk, laptop, bob } = await scene()
  await bob.session.groups.create('crew', ['alice'])
  await bob.session.send('#crew', 'welcome')
  await bob.session.groups.create('other', ['alice'])
  await world.passUntil(() => desk.session.requests().length === 2)
  await world.pass(12_000, 1000)
  await desk.session.close()

  await laptop.start()
  await world.passUntil(() => laptop.session.archive.status().restore.done)
  await laptop.session.close()
  await laptop.restart()
  const numberOf = (name: string): number =>
    laptop.session.requests().find(({ group }) => group?.name === name)?.number ?? 0
  t.deepEqual(
    laptop.session.requests().map(({ user }) => user),
    ['bob', 'bob'],
  )
  await laptop.session.accept(numberOf('crew'))
  await laptop.session.decline(numberOf('other'))
  t.is(laptop.session.groups.of('#other').standing, 'left')
  t.deepEqual(laptop.texts, ['welcome'])
  await laptop.session.send('#crew', 'thanks')
  await saw(world, 'thanks', bob)
  await desk.restart()
  await world.passUntil(() => desk.session.groups.of('#crew').standing === 'member')
  await closeAll(desk, laptop, bob)
})

test.serial('that it was accepted is learnt from the history, if nothing else tells', async (t) => {
  const { world, desk, laptop, bob } = await scene()
  await bob.session.groups.create('crew', ['alice'])
  await bob.session.send('#crew', 'welcome')
  await world.passUntil(() => desk.session.requests().length === 1)
  await world.pass(12_000, 1000)
  await laptop.start()
  await world.passUntil(() => laptop.session.archive.status().restore.done)
  t.is(laptop.session.requests().length, 1)
  world.tamper = (frame, to) => (to === laptop.name && frame.t === 'mail' ? [] : null)
  await desk.session.accept(desk.session.requests()[0]?.number ?? 0)
  await world.pass(20 * 60_000, 5000)
  t.is(laptop.session.groups.of('#crew').standing, 'member')
  t.deepEqual(laptop.session.requests(), [])
  t.deepEqual(await linesOf(laptop, '#crew'), await linesOf(desk, '#crew'))
  await closeAll(desk, laptop, bob)
})
