// Groups: made, talked in, joined and left (PROTOCOL 8), with real clients and a real server.
import test from 'ava'

import type { Player } from './world.ts'
import { crowd, linesOf, saw } from './group-kit.ts'

function closeAll(...players: readonly Player[]): Promise<unknown> {
  return Promise.all(players.map((player) => player.session.close()))
}

test.serial('three people talk, and each line is there once, everywhere', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  const group = await alice.session.groups.create('weekend', ['bob', '@carol'])
  t.is(group.chat, '#weekend')
  t.true(group.admin)
  t.deepEqual(
    group.members.map(({ user, admin, me }) => [user, admin, me]),
    [
      ['alice', true, true],
      ['bob', false, false],
      ['carol', false, false],
    ],
  )
  await world.passUntil(() => [bob, carol].every((p) => p.of('group').length > 0))
  const told = bob.of('group')[0]
  t.is(told?.by, 'alice')
  t.deepEqual(told?.changes, [{ what: 'created', users: ['bob', 'carol'] }])
  t.is(told?.group.standing, 'member')

  const sent = await alice.session.send('#weekend', 'where to?')
  t.is(sent.chat, '#weekend')
  await saw(world, 'where to?', bob, carol)
  await bob.session.send('#weekend', 'to the lake')
  await saw(world, 'to the lake', alice, carol)
  await carol.session.send('#Weekend', 'at nine')
  await saw(world, 'at nine', alice, bob)
  const expected = ['alice: where to?', 'bob: to the lake', 'carol: at nine']
  for (const player of [alice, bob, carol]) {
    t.deepEqual(await linesOf(player, '#weekend'), ['[created]', ...expected])
  }
  t.is(bob.session.groups.of('weekend').chat, '#weekend')
  await closeAll(alice, bob, carol)
})

test.serial(
  'somebody invited later reads nothing from before, somebody removed nothing after',
  async (t) => {
    const { world, alice, bob, carol } = await crowd()
    await alice.session.groups.create('weekend', ['bob'])
    await alice.session.send('#weekend', 'before')
    await saw(world, 'before', bob)
    const now = await alice.session.groups.invite('#weekend', ['carol'])
    t.is(now.members.length, 3)
    await world.passUntil(() => carol.of('group').length > 0)
    await world.passUntil(() => bob.session.groups.of('#weekend').members.length === 3)
    t.deepEqual(carol.of('group')[0]?.changes, [{ what: 'added', users: ['carol'] }])
    await bob.session.send('#weekend', 'welcome')
    await saw(world, 'welcome', alice, carol)
    t.deepEqual(await linesOf(carol, '#weekend'), ['[added]', 'bob: welcome'])

    await alice.session.groups.kick('#weekend', 'carol')
    await world.passUntil(() => carol.session.groups.of('#weekend').standing === 'removed')
    await world.passUntil(() => bob.session.groups.of('#weekend').members.length === 2)
    const mails = world.heard.length
    await alice.session.send('#weekend', 'between us')
    await saw(world, 'between us', bob)
    await bob.session.send('#weekend', 'only us')
    await saw(world, 'only us', alice)
    t.true(world.heard.length > mails)
    t.deepEqual(await linesOf(carol, '#weekend'), ['[added]', 'bob: welcome', '[removed]'])
    await t.throwsAsync(carol.session.send('#weekend', 'hello?'), { code: 'E_STATE' })
    t.deepEqual((await linesOf(bob, '#weekend')).slice(-2), ['alice: between us', 'bob: only us'])
    await closeAll(alice, bob, carol)
  },
)

test.serial('everybody may leave; the last admin has to find another one first', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  await alice.session.groups.create('weekend', ['bob', 'carol'])
  await world.passUntil(() => [bob, carol].every((p) => p.of('group').length > 0))
  await t.throwsAsync(alice.session.groups.leave('#weekend'), { code: 'E_STATE' })
  t.is((await carol.session.groups.leave('#weekend')).standing, 'left')
  await world.passUntil(() =>
    [alice, bob].every((p) => p.session.groups.of('#weekend').members.length === 2),
  )
  t.deepEqual(bob.of('group').at(-1)?.changes, [{ what: 'left', user: 'carol' }])
  t.is(bob.of('group').at(-1)?.by, 'carol')
  await alice.session.groups.admin('#weekend', 'bob', true)
  t.is((await alice.session.groups.leave('#weekend')).standing, 'left')
  await world.passUntil(() => bob.session.groups.of('#weekend').members.length === 1)
  t.true(bob.session.groups.of('#weekend').admin)
  await bob.session.groups.leave('#weekend')
  t.is(bob.session.groups.of('#weekend').standing, 'left')
  await closeAll(alice, bob, carol)
})

test.serial('the server learns neither the name of a group nor what it is about', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  await alice.session.groups.create('conspiracy', ['bob', 'carol'])
  await alice.session.groups.topic('#conspiracy', 'how to overthrow the cook')
  await alice.session.send('#conspiracy', 'tonight after dinner')
  await saw(world, 'tonight after dinner', bob, carol)
  await world.pass(15_000, 1000)
  const seen = Buffer.concat(world.seen)
  for (const secret of ['conspiracy', 'overthrow', 'dinner']) t.false(seen.includes(secret))
  await closeAll(alice, bob, carol)
})

test.serial('a group lives through a restart of everybody', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  await alice.session.groups.create('weekend', ['bob', 'carol'])
  await alice.session.groups.topic('#weekend', 'hills')
  await world.passUntil(() =>
    [bob, carol].every((p) => p.session.groups.list()[0]?.topic === 'hills'),
  )
  const before = alice.session.groups.of('#weekend')
  await world.passUntil(() => alice.session.status().queued === 0)
  for (const player of [alice, bob, carol]) {
    await player.session.close()
    await player.restart()
  }
  t.deepEqual(alice.session.groups.of('#weekend'), before)
  await carol.session.send('#weekend', 'still here')
  await saw(world, 'still here', alice, bob)
  t.deepEqual(await linesOf(bob, '#weekend'), ['[created]', '[topic]', 'carol: still here'])
  await closeAll(alice, bob, carol)
})
