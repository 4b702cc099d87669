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

test.serial('who is not in a group learns nothing by states that do not link', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const carol = await world.join('carol', 1)
  // her device has keys that can be written to
  const client = await world.join('mallory', 2)
  await client.session.close()
  const mallory = await RawDevice.of(client)
  await known(world, mallory, 'mallory', alice)
  await alice.session.groups.create('weekend', ['carol', 'mallory'])
  await world.passUntil(() => carol.session.requests().length === 1)
  await alice.session.groups.kick('#weekend', 'mallory')
  await alice.session.groups.topic('#weekend', 'without mallory')
  await alice.session.settled()
  await world.pass(5000)
  const group = alice.session.groups.of('#weekend')
  const conv = Buffer.from(group.conv, 'hex')
  world.heard.length = 0
  const both = members([mallory.who], [person(alice)])
  const made = { conv, n: 900, prev: Buffer.alloc(32, 9), name: 'weekend', topic: '', ts: 1 }
  for (const n of [group.n + 1, 900, 901]) {
    const forged = await sign(mallory.who, { ...made, n, mem: both, by: mallory.who })
    const stream = await mallory.groupStream({ conv, gs: forged.h }, [alice])
    await say(stream, forged)
    await stream.send(encodePayload({ k: 'group.get', id: Buffer.alloc(16, n), ts: 1, n: 1 }))
    await world.pass(20_000, 1000)
  }
  t.deepEqual(
    world.heard.filter(({ from, frame }) => from === 'alice' && frame.t === 'msg.put'),
    [],
  )
  t.is(alice.session.groups.of('#weekend').n, group.n)
  await Promise.all([alice, carol].map((player) => player.session.close()))
  await mallory.close()
})
