// Members who do what nobody may, and people who are no members (PROTOCOL 8, 19).
import test from 'ava'

import { payloadOf } from '../../lib/client/groups/state-row.ts'
import type { GroupState, SeenGroupState } from '../../lib/envelope/group-state.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { members, next, sign } from '../helpers/groups.ts'
import type { Person } from '../helpers/people.ts'
import { linesOf } from './group-kit.ts'
import { RawDevice, type RawStream, textBytes } from './raw-device.ts'
import { type Player, World } from './world.ts'

const CONV = Buffer.alloc(16, 0xab)

interface Scene {
  readonly world: World
  readonly alice: Player
  readonly carol: Player
  readonly mallory: Player
  /** A member without a client, and no admin any more. */
  readonly bob: RawDevice
  readonly who: Readonly<Record<'alice' | 'bob' | 'carol' | 'mallory', Person>>
  /** Made by bob, who then made alice the admin. */
  readonly state: SeenGroupState
}

function person({ who }: Player): Person {
  if (who === null) throw new Error('nobody')
  return who
}

async function say(stream: RawStream, state: SeenGroupState): Promise<void> {
  await stream.send(encodePayload(payloadOf(state)))
}

async function scene(): Promise<Scene> {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const prepared = await world.prepare('bob', 1)
  const carol = await world.join('carol', 2)
  const mallory = await world.join('mallory', 3)
  const bob = await RawDevice.of(prepared)
  const who = { alice, bob: prepared, carol, mallory }
  for (const player of [alice, carol]) {
    const stream = await bob.stream(player)
    await stream.text('hi')
    await world.passUntil(() => player.texts.includes('hi'))
    await player.session.acceptContact('bob')
  }
  const people = {
    alice: person(who.alice),
    bob: person(who.bob),
    carol: person(who.carol),
    mallory: person(who.mallory),
  }
  const first: GroupState = {
    ...{ conv: CONV, n: 1, prev: Buffer.alloc(32), name: 'weekend', topic: '', ts: 1 },
    mem: members([people.bob], [people.alice, people.carol]),
    by: people.bob,
  }
  const one = await sign(people.bob, first)
  const two = await next(people.bob, one, {
    mem: members([people.alice], [people.bob, people.carol]),
  })
  for (const state of [one, two]) {
    const stream = await bob.groupStream({ conv: CONV, gs: state.h }, [alice, carol])
    await say(stream, state)
  }
  await world.passUntil(() =>
    [alice, carol].every((player) => player.session.groups.list()[0]?.n === 2),
  )
  return { world, alice, carol, mallory, bob, who: people, state: two }
}

async function end({ alice, carol, mallory, bob }: Scene): Promise<void> {
  await Promise.all([alice, carol, mallory].map((player) => player.session.close()))
  await bob.close()
}

function stateAt(player: Player): unknown[] {
  const { n, name, members: all } = player.session.groups.of('#weekend')
  return [n, name, all.map(({ user, admin }) => (admin ? `${user}*` : user)).join(' ')]
}

test.serial(
  'whoever is no admin changes nothing, and everybody hears of the attempt',
  async (t) => {
    const it = await scene()
    const { world, alice, carol, mallory, bob, who, state } = it
    const attempts: Partial<GroupState>[] = [
      { mem: members([who.bob], [who.alice, who.carol]) },
      { mem: members([who.alice], [who.bob, who.carol, who.mallory]) },
      { mem: members([who.alice], [who.bob]) },
      { name: 'bobs' },
      { topic: 'mine' },
    ]
    for (const change of attempts) {
      const forged = await next(who.bob, state, change)
      const stream = await bob.groupStream({ conv: CONV, gs: forged.h }, [alice, carol, mallory])
      await say(stream, forged)
      await stream.text('on a forged state')
    }
    await world.pass(2000)
    for (const player of [alice, carol]) {
      t.deepEqual(stateAt(player), [2, 'weekend', 'alice* bob carol'])
      const alarms = player.of('notice').filter(({ code }) => code === 'E_NOT_ADMIN')
      t.is(alarms.length, attempts.length)
      t.is(alarms[0]?.user, 'bob')
      t.false(player.texts.includes('on a forged state'))
    }
    t.deepEqual(mallory.session.groups.list(), []) // forged or not, bob is a stranger to her
    await end(it)
  },
)

test.serial('a state signed by another key, or cut off from the chain, is no state', async (t) => {
  const it = await scene()
  const { world, alice, carol, bob, who, state } = it
  const good = await next(who.alice, state, { name: 'fine' })
  const byBob = await next(who.bob, state, { name: 'fine' })
  const asAlice = {
    ...good,
    signed: { ...good.signed, s: byBob.signed.s },
  }
  const later = await next(who.alice, good, { name: 'later' })
  for (const forged of [asAlice, { ...later, signed: { ...later.signed, s: randomBytes(256) } }]) {
    const stream = await bob.groupStream({ conv: CONV, gs: forged.h }, [alice, carol])
    await say(stream, forged)
  }
  const stream = await bob.groupStream({ conv: CONV, gs: state.h }, [alice, carol])
  await say(stream, state)
  // a state of another group, and rubbish, inside a good stream
  const other = await sign(who.bob, {
    ...state.state,
    n: 1,
    prev: Buffer.alloc(32),
    conv: randomBytes(16),
    mem: members([who.bob]),
    by: who.bob,
  })
  await say(stream, other)
  const rubbish = { by: good.signed.by, b: randomBytes(300), s: good.signed.s }
  await stream.send(encodePayload({ k: 'group', id: randomBytes(16), ts: 1, ...rubbish }))
  await stream.text('after all that')
  await world.passUntil(() => [alice, carol].every((p) => p.texts.includes('after all that')))
  for (const player of [alice, carol]) {
    t.deepEqual(stateAt(player), [2, 'weekend', 'alice* bob carol'])
    t.is(player.session.groups.list().length, 1)
  }
  await end(it)
})

test.serial(
  'nobody listens in: a stream that is also for somebody else is dropped, loudly',
  async (t) => {
    const it = await scene()
    const { world, alice, carol, mallory, bob, state } = it
    const stream = await bob.groupStream({ conv: CONV, gs: state.h }, [alice, carol, mallory])
    await say(stream, state)
    await stream.text('mallory hears this, too')
    await world.passUntil(() =>
      [alice, carol].every((p) => p.of('notice').some(({ code }) => code === 'E_GHOST_USER')),
    )
    await world.pass(2000)
    for (const player of [alice, carol]) t.false(player.texts.includes('mallory hears this, too'))
    // whom it was not sent to is named
    const part = await bob.groupStream({ conv: CONV, gs: state.h }, [alice])
    await say(part, state)
    await part.text('not for carol')
    await world.passUntil(() => alice.texts.includes('not for carol'))
    const row = (await alice.session.history('#weekend')).at(-1)
    t.deepEqual(row?.notTo, ['carol'])
    // also when it looks like an answer, to a question that nobody has asked
    const id = randomBytes(16)
    const answer = { k: 'again', id, ts: 1, p: textBytes('again not for carol') } as const
    await part.send(encodePayload(answer))
    const nested = { ...answer, p: textBytes('nor this') }
    const outer = encodePayload({ ...answer, id: randomBytes(16), p: encodePayload(nested) })
    await part.send(outer)
    await world.passUntil(() => alice.texts.includes('nor this'))
    for (const each of (await alice.session.history('#weekend')).slice(-2)) {
      t.true(each.resent)
      t.deepEqual(each.notTo, ['carol'])
    }
    await end(it)
  },
)

test.serial('who was removed says nothing any more, on no state', async (t) => {
  const it = await scene()
  const { world, alice, carol, bob, who, state } = it
  const before = await bob.groupStream({ conv: CONV, gs: state.h }, [alice, carol])
  await say(before, state)
  await before.text('still here')
  await world.passUntil(() => carol.texts.includes('still here'))
  await alice.session.groups.kick('#weekend', 'bob')
  await world.passUntil(() => carol.session.groups.of('#weekend').members.length === 2)
  const lines = await linesOf(carol, '#weekend')
  await before.text('in an old stream')
  const after = await bob.groupStream({ conv: CONV, gs: state.h }, [alice, carol])
  await say(after, state)
  await after.text('in a new stream')
  // undoes his removal, with a right that he does not have
  const back = await next(who.bob, state, { mem: members([who.alice, who.bob], [who.carol]) })
  const forged = await bob.groupStream({ conv: CONV, gs: back.h }, [alice, carol])
  await say(forged, back)
  await forged.text('on a state of my own')
  await world.pass(20_000, 1000)
  t.deepEqual(await linesOf(carol, '#weekend'), lines)
  t.deepEqual(stateAt(carol), [3, 'weekend', 'alice* carol'])
  await end(it)
})

test.serial(
  'what rests on a state that is not known is asked for again, and nothing else is heard',
  async (t) => {
    const it = await scene()
    const { world, alice, bob, who, state } = it
    const far = await next(who.alice, await next(who.alice, state), { name: 'far away' })
    const stream = await bob.groupStream({ conv: CONV, gs: far.h }, [alice])
    await say(stream, far)
    await stream.text('on a state far away')
    await world.passUntil(async () => (await linesOf(alice, '#weekend')).includes('[placeholder]'))
    t.false(alice.texts.includes('on a state far away'))
    t.deepEqual(stateAt(alice), [2, 'weekend', 'alice* bob carol'])
    await end(it)
  },
)
