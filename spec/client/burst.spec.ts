// A hundred messages to ten people typed in one moment, as scripts and pasted texts do (the ancestor's one slot for a
// pending message lost all but the last).
import test from 'ava'

import { rsa3072 } from '../helpers/keys.ts'
import { type Player, World } from './world.ts'

test.serial(
  '100 messages to 10 users in one burst arrive once each, at the right user, in order',
  async (t) => {
    t.timeout(120_000)
    const world = await World.create()
    const alice = await world.join('alice', 0)
    const names = Array.from({ length: 10 }, (_, i) => `friend${i}`)
    const friends: Player[] = []
    for (const [i, name] of names.entries()) {
      const keys = i < 6 ? {} : { aik: rsa3072(8 + i) }
      friends.push(await world.join(name, i + 1, keys))
    }
    // they know each other, else strangers' quota is what is tested
    for (const friend of friends) await friend.session.send('alice', `I am ${friend.name}`)
    await world.until(() => alice.texts.length === 10)

    const sending = Array.from({ length: 100 }, (_, i) =>
      alice.session.send(names[i % 10] ?? '', `${names[i % 10] ?? ''} ${Math.floor(i / 10)}`),
    )
    const sent = await Promise.all(sending)
    t.is(new Set(sent.map(({ mid }) => mid)).size, 100)
    const settled = alice.session.settled()
    await world.passUntil(() => sent.every(({ mid }) => alice.wasAccepted(mid)))
    await settled
    await world.until(() => friends.every((friend) => friend.texts.length >= 10))
    for (const friend of friends) {
      t.deepEqual(
        friend.texts,
        Array.from({ length: 10 }, (_, i) => `${friend.name} ${i}`),
      )
      t.deepEqual(await friend.stored('alice'), friend.texts)
    }
    t.true(sent.every(({ mid }) => alice.wasAccepted(mid)))
    const refusals = alice.of('message-state').filter((event) => event.code !== undefined)
    t.deepEqual(refusals, [])
    await Promise.all([alice, ...friends].map((player) => player.session.close()))
  },
)

test.serial(
  'more than the server takes at once is slowed down to its pace, and none is lost',
  async (t) => {
    t.timeout(120_000)
    const world = await World.create()
    const alice = await world.join('alice', 0)
    const bob = await world.join('bob', 1)
    await bob.session.send('alice', 'hi')
    await world.until(() => alice.texts.length === 1)
    const texts = Array.from({ length: 140 }, (_, i) => `message ${i}`)
    const sent = await Promise.all(texts.map((text) => alice.session.send('bob', text)))
    await world.passUntil(() => bob.texts.length >= texts.length)
    t.deepEqual(bob.texts, texts)
    t.deepEqual(await bob.stored('alice'), texts)
    await world.until(() => sent.every(({ mid }) => alice.wasAccepted(mid)))
    await Promise.all([alice.session.close(), bob.session.close()])
  },
)

test.serial('a server that is stricter than announced is obeyed, and none is lost', async (t) => {
  t.timeout(120_000)
  const world = await World.create({ config: { sendsPerSecond: 5, sendBurst: 10 } })
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await bob.session.send('alice', 'hi')
  await world.until(() => alice.texts.length === 1)
  const texts = Array.from({ length: 40 }, (_, i) => `message ${i}`)
  await Promise.all(texts.map((text) => alice.session.send('bob', text)))
  await world.passUntil(() => bob.texts.length >= texts.length)
  t.deepEqual(bob.texts, texts)
  t.deepEqual(await bob.stored('alice'), texts)
  await Promise.all([alice.session.close(), bob.session.close()])
})
