// What a group, its members and those who were in it once must not get out of us (PROTOCOL 8, 19).
import test from 'ava'

import { payloadOf } from '../../lib/client/groups/state-row.ts'
import type { GroupState, SeenGroupState } from '../../lib/envelope/group-state.ts'
import { convId } from '../../lib/identity/conversation.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import type { Bytes } from '../../lib/util/bytes.ts'
import { members, sign } from '../helpers/groups.ts'
import type { Person } from '../helpers/people.ts'
import { RawDevice, type RawStream } from './raw-device.ts'
import { type Player, World, WORLD_SRV } from './world.ts'

function person({ who }: Player): Person {
  if (who === null) throw new Error('nobody')
  return who
}

async function say(stream: RawStream, state: SeenGroupState): Promise<void> {
  await stream.send(encodePayload(payloadOf(state)))
}

function firstOf(by: Person, conv: Bytes, mem: GroupState['mem']): Promise<SeenGroupState> {
  const prev = Buffer.alloc(32)
  return sign(by, { conv, n: 1, prev, name: 'weekend', topic: '', ts: 1, mem, by })
}

/** Alice has accepted this raw device. */
async function known(world: World, raw: RawDevice, name: string, alice: Player): Promise<void> {
  const hello = await raw.stream(alice)
  await hello.text('hi')
  await world.passUntil(() => alice.texts.includes('hi'))
  await alice.session.acceptContact(name)
}

test.serial('a group that takes the id of a conversation of two gets nothing of it', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  const mallory = await RawDevice.of(await world.prepare('mallory', 2))
  await known(world, mallory, 'mallory', alice)
  const ids = [person(alice), person(bob)].map(({ acct }) => ({ srv: WORLD_SRV, acct }))
  const [one, other] = ids
  if (one === undefined || other === undefined) throw new Error('nobody')
  // before alice and bob know each other
  const conv = convId(one, other)
  const state = await firstOf(mallory.who, conv, members([mallory.who], [person(alice)]))
  const stream = await mallory.groupStream({ conv, gs: state.h }, [alice])
  await say(stream, state)
  await stream.text('in the group')
  await world.passUntil(() => alice.texts.includes('in the group'))
  // a stream to the group is open
  await alice.session.send('#weekend', 'to the group')
  await alice.session.settled()

  world.heard.length = 0
  await alice.session.send('bob', 'for bob alone')
  await world.passUntil(() => bob.texts.includes('for bob alone'))
  for (const { from, frame } of world.heard) {
    if (from === 'alice' && frame.t === 'st.open') {
      const head = Buffer.from(frame.head ?? [])
      t.true(head.includes(Buffer.from(other.acct)))
      t.false(head.includes(Buffer.from(mallory.who.acct)))
    }
  }
  t.deepEqual(alice.session.groups.list(), [])
  await stream.text('still here')
  await bob.session.send('alice', 'thanks')
  await world.passUntil(() => alice.texts.includes('thanks'))
  await world.pass(3000)
  t.false(alice.texts.includes('still here'))
  await alice.session.close()
  await alice.restart()
  await alice.session.send('bob', 'and after a restart')
  await world.passUntil(() => bob.texts.includes('and after a restart'))
  t.deepEqual(alice.session.groups.list(), [])
  await Promise.all([alice, bob].map((player) => player.session.close()))
  await mallory.close()
})
