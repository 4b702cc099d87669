// What stood for something missing and is gone does not come back with the history, wherever it went (PROTOCOL 9.4, 11).
import test from 'ava'

import { befriend, linesOf } from './group-kit.ts'
import { type Player, World } from './world.ts'

const QUIET = 25_000
const HOLE = '[placeholder]'

interface Scene {
  readonly world: World
  readonly alice: Player
  readonly bob: Player
}

async function friends(): Promise<Scene> {
  const world = await World.create()
  const alice = await world.prepare('alice', 0, { others: [9] })
  await alice.start()
  const bob = await world.join('bob', 1)
  await befriend(bob, alice)
  await alice.session.send('bob', 'zero')
  await world.passUntil(() => bob.texts.includes('zero'))
  await world.pass(5000, 500)
  return { world, alice, bob }
}

/** The next mail to alice is lost; what bob does in between makes it, and then something that shows the gap. */
async function lose({ world, bob }: Scene, ...texts: readonly string[]): Promise<void> {
  let isLost = false
  world.tamper = (frame, to) => {
    if (isLost || to !== 'alice' || frame.t !== 'mail') return null
    isLost = true
    return []
  }
  for (const text of texts) {
    const { mid } = await bob.session.send('alice', text)
    await world.passUntil(() => bob.wasAccepted(mid))
  }
}

/** Nobody answers until the hole has gone into the history. */
async function append({ world, alice, bob }: Scene): Promise<void> {
  bob.kill()
  await world.passUntil(async () => (await linesOf(alice, 'bob')).includes(HOLE))
  await world.pass(QUIET, 1000)
  world.tamper = null
  await bob.restart()
  await world.passUntil(async () => !(await linesOf(alice, 'bob')).includes(HOLE))
  await world.pass(QUIET, 1000)
}

async function restored({ world, alice }: Scene): Promise<Player> {
  await alice.session.close()
  const fresh = await world.otherDevice(alice, 9)
  const session = await fresh.start()
  await world.passUntil(() => session.archive.status().restore.done)
  return fresh
}

function closeAll(...players: readonly Player[]): Promise<unknown> {
  return Promise.all(players.map((player) => player.session.close()))
}

test.serial('a receipt that was lost: its line went, and stays away', async (t) => {
  const all = await friends()
  const { world, alice, bob } = all
  // the receipt for this is what gets lost
  await lose(all)
  await alice.session.send('bob', 'one')
  await world.passUntil(() => bob.texts.includes('one'))
  await world.pass(3000, 500)
  const { mid } = await bob.session.send('alice', 'two')
  await world.passUntil(() => bob.wasAccepted(mid))
  await append(all)
  const lines = await linesOf(alice, 'bob')
  const fresh = await restored(all)
  t.deepEqual(await linesOf(fresh, 'bob'), lines)
  t.false(lines.includes(HOLE))
  await closeAll(fresh, bob)
})

test.serial('what filled the hole vanishes: neither of the two comes back', async (t) => {
  const all = await friends()
  const { world, alice, bob } = all
  await bob.session.life.disappear('alice', 3600)
  await world.pass(3000, 500)
  await lose(all, 'one', 'two')
  await append(all)
  t.deepEqual(
    alice.texts.filter((text) => text !== 'hi'),
    ['two', 'one'],
  )
  const fresh = await restored(all)
  const lines = await linesOf(fresh, 'bob')
  t.false(lines.includes(HOLE), lines.join())
  t.false(lines.some((line) => line.includes('one') || line.includes('two')))
  await closeAll(fresh, bob)
})

test.serial('what was missing belongs elsewhere: it is there, and there only', async (t) => {
  const all = await friends()
  const { world, alice, bob } = all
  await bob.session.groups.create('team', ['alice'])
  await world.passUntil(() => alice.of('group').length > 0)
  await world.pass(3000, 500)
  bob.kill()
  await bob.restart()
  await lose(all)
  for (const text of ['one', 'two']) {
    const { mid } = await bob.session.send('#team', text)
    await world.passUntil(() => bob.wasAccepted(mid))
  }
  await append(all)
  await world.passUntil(() => alice.texts.includes('two'))
  await world.pass(QUIET, 1000)
  const chats = [await linesOf(alice, 'bob'), await linesOf(alice, '#team')]
  t.deepEqual(chats[1]?.slice(1), ['bob: one', 'bob: two'])
  const fresh = await restored(all)
  t.deepEqual([await linesOf(fresh, 'bob'), await linesOf(fresh, '#team')], chats)
  await closeAll(fresh, bob)
})
