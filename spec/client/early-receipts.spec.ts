// Receivers may be faster than the server's answer to the author: whatever is due with that answer is due all the same (PROTOCOL
// 7.2 ttl, 8, 9.1).
import test from 'ava'

import type { Frame } from '../../lib/protocol/frames.ts'
import { befriend, linesOf, saw } from './group-kit.ts'
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
