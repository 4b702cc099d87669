// A chat that is deleted is gone for the account: on its other devices, and from what a fresh one is given back; the other
// person keeps hers, and what is said afterwards is there (PROTOCOL 7.1 sync, 11).
import test from 'ava'

import { closeAll, talk } from './account-kit.ts'
import { restored, takeAway } from './scenes.ts'
import { type Player, World } from './world.ts'

const QUIET = 11_000

async function friends(others: number[]): Promise<{ world: World; desk: Player; bob: Player }> {
  const world = await World.create()
  const desk = await world.prepare('alice', 0, { others })
  await desk.start()
  const bob = await world.join('bob', 1)
  await say(world, bob, 'alice', desk, 'the secret')
  await say(world, desk, 'bob', bob, 'keep it')
  await desk.session.send('alice', 'a note')
  return { world, desk, bob }
}

async function say(
  world: World,
  from: Player,
  user: string,
  to: Player,
  text: string,
): Promise<void> {
  await from.session.send(user, text)
  await world.passUntil(() => to.texts.includes(text))
}

async function users(player: Player): Promise<string[]> {
  return (await player.session.chats()).map(({ state }) => state.user)
}

test.serial('a fresh device does not get it back; what was said later it does', async (t) => {
  const { world, desk, bob } = await friends([9])
  await world.pass(QUIET, 1000)
  await bob.session.markRead('alice')
  await world.pass(2 * QUIET, 1000)
  await desk.session.life.deleteChat('bob')
  t.deepEqual(await talk(desk, 'bob'), [])
  await world.pass(QUIET, 1000)
  await say(world, bob, 'alice', desk, 'something new')
  await say(world, desk, 'bob', bob, 'good')
  await world.pass(QUIET, 1000)
  t.deepEqual(desk.of('notice'), [])
  await desk.session.close()

  const fresh = await restored(world, desk, 9)
  t.deepEqual(await talk(fresh, 'bob'), ['bob: something new', 'alice: good'])
  t.deepEqual(await talk(fresh, 'alice'), ['alice: a note'])
  t.deepEqual(fresh.of('notice'), [])
  t.is((await talk(bob, 'alice')).length, 4, 'the other side keeps what it has')
  await closeAll(fresh, bob)
})

test.serial('deleted and nothing said since: it is not even listed', async (t) => {
  const { world, desk, bob } = await friends([9])
  // never appended before it is deleted
  await desk.session.life.deleteChat('bob')
  await desk.session.close()
  const fresh = await restored(world, desk, 9)
  t.deepEqual(await users(fresh), ['alice'])
  await fresh.session.close()
  await fresh.restart()
  await world.pass(15 * 60_000, 60_000)
  t.deepEqual(await users(fresh), ['alice'])
  await closeAll(fresh, bob)
})

test.serial('the other devices follow, also one that was away the whole time', async (t) => {
  const { world, desk, bob } = await friends([9, 10])
  const laptop = await restored(world, desk, 9)
  await laptop.session.close()
  await say(world, bob, 'alice', desk, 'while the laptop was away')
  await world.pass(QUIET, 1000)
  await desk.session.life.deleteChat('bob')
  await world.pass(QUIET, 1000)
  await laptop.restart()
  await world.passUntil(async () => (await talk(laptop, 'bob')).length === 0)
  await world.pass(20 * 60_000, 60_000)
  t.deepEqual(await talk(laptop, 'bob'), [])
  await say(world, bob, 'alice', laptop, 'hello again')
  await world.passUntil(() => desk.texts.includes('hello again'))
  await world.pass(2 * QUIET, 1000)
  t.deepEqual(await talk(desk, 'bob'), ['bob: hello again'])
  t.deepEqual(await talk(laptop, 'bob'), ['bob: hello again'])
  const fresh = await restored(world, desk, 10)
  await world.pass(20 * 60_000, 60_000)
  t.deepEqual(await talk(fresh, 'bob'), ['bob: hello again'])
  t.deepEqual([...fresh.of('notice'), ...laptop.of('notice'), ...desk.of('notice')], [])
  await closeAll(desk, laptop, fresh, bob)
})

test.serial('what the other device has not sent yet is sent, whatever is deleted', async (t) => {
  const { world, desk, bob } = await friends([9])
  await world.pass(2 * QUIET, 1000)
  const laptop = await restored(world, desk, 9)
  const comeBack = takeAway(world, laptop)
  await world.passUntil(() => laptop.session.status().connection.state !== 'online')
  await laptop.session.send('bob', 'written on the train')
  await desk.session.life.deleteChat('bob')
  await world.pass(QUIET, 1000)
  comeBack()
  await world.passUntil(() => bob.texts.includes('written on the train'))
  await world.passUntil(async () => (await talk(laptop, 'bob')).length === 1)
  t.deepEqual(await talk(desk, 'bob'), ['alice: written on the train'])
  await closeAll(desk, laptop, bob)
})

test.serial(
  'what was said before and comes after stays, whoever repeats the deletion',
  async (t) => {
    const { world, desk, bob } = await friends([9])
    await world.pass(2 * QUIET, 1000)
    const laptop = await restored(world, desk, 9)
    const comeBack = takeAway(world, bob)
    await world.passUntil(() => bob.session.status().connection.state !== 'online')
    await bob.session.send('alice', 'written on the train')
    await desk.session.life.deleteChat('bob')
    await world.passUntil(async () => (await talk(laptop, 'bob')).length === 0)
    comeBack()
    const both = [desk, laptop]
    await world.passUntil(() => both.every(({ texts }) => texts.includes('written on the train')))
    // the history says once more that the chat is deleted
    await world.pass(25 * 60_000, 15_000)
    for (const player of both) {
      t.deepEqual(await talk(player, 'bob'), ['bob: written on the train'])
      t.deepEqual(
        player.texts.filter((text) => text === 'written on the train'),
        ['written on the train'],
      )
    }
    await closeAll(desk, laptop, bob)
  },
)
