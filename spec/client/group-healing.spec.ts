// What a device of a member lost the beginning of: it cannot know that it was for a group, and gets it there all the same
// (PROTOCOL 9.4).
import test from 'ava'

import { befriend, crowd, linesOf, saw } from './group-kit.ts'
import { type Player, World } from './world.ts'

/** The next mail to this client, which has its head with it, never comes. */
function behead(world: World, name: string): () => boolean {
  let isLost = false
  world.tamper = (frame, to) => {
    if (isLost || to !== name || frame.t !== 'mail' || frame.h === undefined) return null
    isLost = true
    return []
  }
  return () => isLost
}

async function say(player: Player, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    const { mid } = await player.session.send('#team', text)
    await player.world.passUntil(() => player.wasAccepted(mid))
  }
}

/** Another process: what it writes is in another stream. */
async function reborn(player: Player): Promise<void> {
  player.kill()
  await player.restart()
}

async function hasHoles(player: Player, ...chats: readonly string[]): Promise<boolean> {
  for (const chat of chats) {
    if ((await linesOf(player, chat)).includes('[placeholder]')) return true
  }
  return false
}

function closeAll(...players: readonly Player[]): Promise<unknown> {
  return Promise.all(players.map((player) => player.session.close()))
}

test.serial(
  'the beginning of a group stream is lost: all of it comes again, in the group',
  async (t) => {
    const { world, alice, bob, carol } = await crowd()
    await alice.session.groups.create('team', ['bob', 'carol'])
    await say(alice, 'zero')
    await saw(world, 'zero', bob, carol)
    await world.pass(3000)
    await reborn(alice)
    const isLost = behead(world, 'bob')
    await say(alice, 'one', 'two', 'three')
    t.true(isLost())
    await saw(world, 'three', carol)
    t.false(bob.texts.includes('one'))
    // nobody can tell yet where it belongs
    await world.passUntil(() => hasHoles(bob, 'alice'))
    await saw(world, 'three', bob)
    await world.passUntil(async () => !(await hasHoles(bob, 'alice', '#team')))
    t.deepEqual(await linesOf(bob, '#team'), [
      '[created]',
      ...['zero', 'one', 'two', 'three'].map((text) => `alice: ${text}`),
    ])
    t.false((await linesOf(bob, 'alice')).some((line) => /one|two|three/.test(line)))
    // the answers came to bob alone, what they repeat did not
    const rows = await bob.session.history('#team')
    t.true(rows.some(({ resent }) => resent))
    t.true(rows.every(({ notTo }) => notTo === undefined))
    // the stream that bob could not open is used no more
    await say(alice, 'four')
    await world.until(() => bob.texts.includes('four'))
    t.false(await hasHoles(bob, 'alice', '#team'))
    for (const player of [alice, bob, carol]) {
      t.deepEqual(
        player.of('notice').filter(({ level }) => level !== 'info'),
        [],
      )
    }
    await closeAll(alice, bob, carol)
  },
)

test.serial(
  'the same from a member who is no contact: a group of both is where he is asked',
  async (t) => {
    const world = await World.create()
    const alice = await world.join('alice', 0)
    const bob = await world.join('bob', 1)
    const carol = await world.join('carol', 2)
    await befriend(alice, bob)
    await befriend(alice, carol)
    await alice.session.groups.create('team', ['bob', 'carol'])
    await world.passUntil(() => carol.of('group').length > 0 && bob.of('group').length > 0)
    await say(bob, 'zero')
    await saw(world, 'zero', alice, carol)
    await world.pass(3000)
    t.not(carol.session.contacts().find(({ user }) => user === 'bob')?.accepted, true)
    await reborn(bob)
    const isLost = behead(world, 'carol')
    await say(bob, 'one', 'two')
    t.true(isLost())
    await saw(world, 'two', alice)
    await saw(world, 'two', carol)
    await world.passUntil(async () => !(await hasHoles(carol, '#team')))
    t.deepEqual((await linesOf(carol, '#team')).slice(1), ['bob: zero', 'bob: one', 'bob: two'])
    await closeAll(alice, bob, carol)
  },
)

test.serial('a group of which nothing was known: the answer brings it along', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  const isLost = behead(world, 'bob')
  await alice.session.groups.create('team', ['bob', 'carol'])
  await say(alice, 'one', 'two')
  t.true(isLost())
  await saw(world, 'two', carol)
  await saw(world, 'two', bob)
  await world.passUntil(async () => !(await hasHoles(bob, 'alice', '#team')))
  t.is(bob.session.groups.of('#team').standing, 'member')
  const said = (await linesOf(bob, '#team')).filter((line) => line.startsWith('alice'))
  t.deepEqual(said, ['alice: one', 'alice: two'])
  await closeAll(alice, bob, carol)
})

test.serial(
  'what another device of the own account said in a group is found again as well',
  async (t) => {
    const world = await World.create()
    const desk = await world.prepare('alice', 0, { others: [9] })
    const laptop = await world.otherDevice(desk, 9)
    await desk.start()
    const bob = await world.join('bob', 1)
    await befriend(desk, bob)
    await laptop.start()
    await world.pass(7000, 1000)
    await desk.session.groups.create('team', ['bob'])
    await say(desk, 'zero')
    await world.passUntil(() => laptop.session.groups.list().length === 1)
    await world.passUntil(async () => (await linesOf(laptop, '#team')).includes('alice: zero'))
    await world.pass(3000)
    await reborn(desk)
    const isLost = behead(world, laptop.name)
    await say(desk, 'one', 'two')
    t.true(isLost())
    await world.passUntil(() => hasHoles(laptop, 'alice'))
    const wanted = ['alice: zero', 'alice: one', 'alice: two']
    await world.passUntil(async () => (await linesOf(laptop, '#team')).length === wanted.length + 1)
    t.deepEqual((await linesOf(laptop, '#team')).slice(1), wanted)
    await world.passUntil(async () => !(await hasHoles(laptop, 'alice', '#team')))
    await say(desk, 'three')
    await world.until(async () => (await linesOf(laptop, '#team')).includes('alice: three'))
    await closeAll(desk, laptop, bob)
  },
)

test.serial('who was removed meanwhile asks in vain', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  await alice.session.groups.create('team', ['bob', 'carol'])
  await say(alice, 'zero')
  await saw(world, 'zero', bob, carol)
  await world.pass(3000)
  await reborn(alice)
  behead(world, 'bob')
  await say(alice, 'one', 'two')
  await saw(world, 'two', carol)
  await alice.session.groups.kick('#team', 'bob')
  await world.passUntil(() => bob.session.groups.of('#team').standing === 'removed')
  world.heard.length = 0
  await world.pass(15_000, 500)
  t.true(
    world.heard.some(({ from, frame }) => from === 'bob' && frame.t === 'msg.put'),
    'bob asks',
  )
  await world.pass(660_000, 5000)
  t.false(bob.texts.includes('one') || bob.texts.includes('two'))
  t.true(await hasHoles(bob, 'alice'))
  t.deepEqual(alice.of('notice'), [])
  await closeAll(alice, bob, carol)
})
