// What devices of one account must learn from each other's messages, and others about them, when they have never met: found
// by convergence.spec.ts (PROTOCOL 6.4, 6.5).
import test from 'ava'

import { closeAll, logInAt, signUp, talk } from './account-kit.ts'
import { friendsByPassword } from './scenes.ts'
import { type Player, World } from './world.ts'

const DAY_MS = 24 * 3_600_000

/** Two devices of bob that know each other. */
async function twoOfBob(world: World): Promise<{ readonly one: Player; readonly other: Player }> {
  const one = await world.prepare('bob', 1, { others: [9] })
  await one.start()
  const other = await world.otherDevice(one, 9)
  await other.start()
  return { one, other }
}

test.serial('what one device writes to somebody new is there on the other', async (t) => {
  const world = await World.create()
  const { one, other } = await twoOfBob(world)
  const carol = await world.join('carol', 2)
  await one.session.send('carol', 'hello')
  await world.until(() => carol.texts.includes('hello'))
  await carol.session.send('bob', 'who is it?')
  await world.passUntil(() => other.texts.includes('who is it?'))
  t.deepEqual(await talk(other, 'carol'), ['bob: hello', 'carol: who is it?'])
  t.true(other.session.contacts().find(({ user }) => user === 'carol')?.accepted)
  t.deepEqual(other.of('notice'), [])
  await closeAll(one, other, carol)
})

test.serial('what one device declines is declined on the other', async (t) => {
  const world = await World.create()
  const { one, other } = await twoOfBob(world)
  const carol = await world.join('carol', 2)
  await carol.session.life.request('bob', 'may I?')
  await world.until(() => other.session.requests().length === 1)
  await world.until(() => one.session.requests().length === 1)
  await one.session.decline(one.session.requests()[0]?.number ?? 0)
  await one.session.markRead('carol')
  await world.passUntil(() => other.session.requests().length === 0)
  await world.passUntil(async () => (await other.session.chats())[0]?.unread === 0)
  t.is(other.session.contacts()[0]?.waitsFor, undefined)
  await closeAll(one, other, carol)
})

test.serial(
  'what one device writes to a new device of a friend is no ghost on the other',
  async (t) => {
    const world = await World.create()
    const { player: desk } = await signUp(world, 'alice', 0)
    const { one, other } = await twoOfBob(world)
    await desk.session.send('bob', 'hello')
    await world.until(() => one.texts.length + other.texts.length === 2)
    await one.session.send('alice', 'hi')
    await world.until(() => desk.texts.length === 1)
    await world.pass(7000, 500)
    const laptop = await logInAt(world, 'laptop', 'alice')
    await one.session.whois('alice')
    await one.session.send('alice', 'to both of you')
    await world.until(() => laptop.texts.includes('to both of you'))
    await world.passUntil(async () => (await talk(other, 'alice')).length === 3)
    t.deepEqual(await talk(other, 'alice'), ['alice: hello', 'bob: hi', 'bob: to both of you'])
    t.deepEqual(other.of('notice'), [])
    await closeAll(desk, laptop, one, other)
  },
)

test.serial(
  'a new device is written to at once, although the keys of the old one are at hand',
  async (t) => {
    const { world, alice: desk, bob } = await friendsByPassword()
    await world.pass(7000, 500)
    await desk.session.close()
    // the stream is spent
    await world.pass(DAY_MS, 600_000)
    await world.passUntil(() => bob.session.status().connection.state === 'online')
    const laptop = await logInAt(world, 'laptop', 'alice')
    world.heard.length = 0
    await bob.session.send('alice', 'for the laptop')
    await world.passUntil(() => world.heard.some(({ frame }) => frame.t === 'msg.put'))
    await world.pass(1000)
    t.deepEqual(laptop.texts, ['for the laptop'], 'nobody else is there to have it from')
    await closeAll(laptop, bob)
  },
)

test.serial(
  'a note that nobody was there for does not keep the next one from a device that is',
  async (t) => {
    const world = await World.create()
    const one = await world.prepare('bob', 1, { others: [9] })
    await one.start()
    await one.session.send('bob', 'only for me')
    await world.passUntil(() => one.session.status().queued === 0)
    const other = await world.otherDevice(one, 9)
    await other.start()
    await world.pass(2000)
    await one.session.send('bob', 'for both of me')
    await world.passUntil(async () => (await talk(other, 'bob')).includes('bob: for both of me'))
    await closeAll(one, other)
    t.pass()
  },
)

test.serial(
  'what one device writes reaches the other, also when the beginning of the stream was lost',
  async (t) => {
    const world = await World.create()
    const { one, other } = await twoOfBob(world)
    const carol = await world.join('carol', 2)
    await one.session.send('carol', 'hello')
    await world.until(() => carol.texts.includes('hello'))
    await carol.session.send('bob', 'who is it?')
    await world.passUntil(() => other.texts.includes('who is it?'))
    await world.pass(5000, 500)
    one.kill()
    await one.restart() // a new stream begins
    let isLost = false
    world.tamper = (frame, to) => {
      if (isLost || to !== other.name || frame.t !== 'mail') return null
      isLost = true
      return []
    }
    for (const text of ['one', 'two', 'three']) {
      const { mid } = await one.session.send('carol', text)
      await world.passUntil(() => one.wasAccepted(mid))
    }
    const lines = ['one', 'two', 'three'].map((text) => `bob: ${text}`)
    await world.passUntil(async () => {
      const said = await talk(other, 'carol')
      return lines.every((line) => said.includes(line))
    })
    t.is((await talk(other, 'carol')).length, 5)
    await world.passUntil(async () => (await talk(other, 'bob')).length === 0)
    // the stream that nobody could open is used no more
    await one.session.send('carol', 'four')
    await world.until(async () => (await talk(other, 'carol')).includes('bob: four'))
    t.deepEqual(other.of('notice'), [])
    await closeAll(one, other, carol)
  },
)
