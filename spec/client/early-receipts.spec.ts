// Receivers may be faster than the server's answer to the author: whatever is due with that answer is due all the same (PROTOCOL
// 7.2 ttl, 8, 9.1).
import test from 'ava'

import type { MessageView } from '../../lib/client/events.ts'
import type { Frame } from '../../lib/protocol/frames.ts'
import { befriend, crowd, linesOf, saw } from './group-kit.ts'
import { World } from './world.ts'

/** Keeps back what the server answers to messages of this client, until it is let go. */
function holdAnswers(world: World, name: string): () => void {
  const held: Frame[] = []
  world.tamper = (frame, to) => {
    if (to !== name || frame.t !== 'ok') return null
    const isAnswer = world.heard.some(
      ({ from, frame: asked }) => from === name && asked.t === 'msg.put' && asked.r === frame.r,
    )
    if (!isAnswer) return null
    held.push(frame)
    return []
  }
  return () => {
    world.tamper = null
    for (const frame of held) world.inject(name, frame)
  }
}

test.serial('a message that vanishes does so on the device of its author, too', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await befriend(alice, bob)
  await alice.session.life.disappear('bob', 5)
  await world.passUntil(async () => (await bob.session.life.chatOf('alice')).timerSeconds === 5)
  const release = holdAnswers(world, 'alice')
  const sent = await alice.session.send('bob', 'gone soon')
  await saw(world, 'gone soon', bob)
  await bob.session.markRead('alice')
  await world.passUntil(() => alice.stateOf(sent.mid) === 'read')
  release()
  await world.passUntil(() => alice.session.status().queued === 0)
  await world.pass(6000, 500)
  t.false((await linesOf(alice, 'bob')).includes('alice: gone soon'))
  t.is(alice.of('message-expired').length, 1)
  await Promise.all([alice, bob].map((player) => player.session.close()))
})

test.serial('the answer of one member of a group is not that of all', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  await alice.session.groups.create('weekend', ['bob', 'carol'])
  await world.passUntil(() => [bob, carol].every((p) => p.of('group').length > 0))
  await carol.session.close()
  const release = holdAnswers(world, 'alice')
  const sent = await alice.session.send('#weekend', 'anybody there?')
  await saw(world, 'anybody there?', bob)
  await bob.session.markRead('#weekend')
  const delivery = async (): Promise<unknown> =>
    (await alice.session.message(sent.number))?.delivery
  await world.passUntil(async () => (await delivery()) !== undefined)
  t.is(alice.stateOf(sent.mid), 'delivered')
  release()
  await world.passUntil(() => alice.session.status().queued === 0)
  await world.pass(500)
  t.is(alice.stateOf(sent.mid), 'delivered')
  t.deepEqual(await delivery(), { delivered: 1, read: 1, of: 2 })
  t.deepEqual((await alice.session.life.info(sent.number)).members, [
    { user: 'bob', state: 'read' },
    { user: 'carol', state: 'accepted' },
  ])
  await Promise.all([alice, bob].map((player) => player.session.close()))
})

test.serial('nor on another device of the author', async (t) => {
  const world = await World.create()
  const desk = await world.prepare('alice', 0, { others: [9] })
  const laptop = await world.otherDevice(desk, 9)
  await desk.start()
  await laptop.start()
  const bob = await world.join('bob', 1)
  const carol = await world.join('carol', 2)
  await befriend(desk, bob)
  await befriend(desk, carol)
  await desk.session.groups.create('weekend', ['bob', 'carol'])
  await world.passUntil(() => [laptop, bob, carol].every((p) => p.of('group').length > 0))
  await carol.session.close()
  const sent = await desk.session.send('#weekend', 'anybody there?')
  await saw(world, 'anybody there?', bob)
  await bob.session.markRead('#weekend')
  for (const player of [desk, laptop]) {
    const row = async (): Promise<MessageView | undefined> =>
      (await player.session.history('#weekend')).find(({ mid }) => mid === sent.mid)
    await world.passUntil(async () => (await row())?.delivery?.read === 1)
    t.is((await row())?.state, 'delivered', player.name)
    t.deepEqual((await row())?.delivery, { delivered: 1, read: 1, of: 2 })
  }
  await Promise.all([desk, laptop, bob].map((player) => player.session.close()))
})
