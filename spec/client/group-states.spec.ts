// Everybody ends up with the same members, whatever was missed, in whatever order it came, and whoever wants it otherwise
// (PROTOCOL 8).
import test from 'ava'

import type { GroupInfo } from '../../lib/client/group-api.ts'
import { LIMITS } from '../../lib/protocol/limits.ts'
import { hex } from '../../lib/util/bytes.ts'
import { befriend, crowd, linesOf, saw } from './group-kit.ts'
import { takeAway } from './scenes.ts'
import type { Player, World } from './world.ts'

function closeAll(...players: readonly Player[]): Promise<unknown> {
  return Promise.all(players.map((player) => player.session.close()))
}

function groupOf(player: Player): GroupInfo | undefined {
  return player.session.groups.list().find(({ name }) => name === 'weekend')
}

function membersOf(player: Player): string {
  return (groupOf(player)?.members ?? [])
    .map(({ user, admin }) => (admin ? `${user}*` : user))
    .join(' ')
}

/** The same n and members for all of them. */
async function agree(world: World, ...players: readonly Player[]): Promise<string> {
  const views = (): string[] =>
    players.map((player) => {
      const { n = 0, name = '', topic = '' } = groupOf(player) ?? {}
      return `${n} ${name} ${topic} ${membersOf(player)}`
    })
  await world.passUntil(() => new Set(views()).size === 1)
  await world.pass(3000)
  await world.passUntil(() => new Set(views()).size === 1)
  return views()[0] ?? ''
}

test.serial(
  'who was away for many changes catches up, and what he wrote meanwhile arrives',
  async (t) => {
    const { world, alice, bob, carol } = await crowd()
    await alice.session.groups.create('weekend', ['bob', 'carol'])
    await world.passUntil(() => bob.of('group').length > 0 && carol.of('group').length > 0)
    await carol.session.close()
    await alice.session.groups.topic('#weekend', 'one')
    await alice.session.groups.admin('#weekend', 'bob', true)
    await world.passUntil(() => groupOf(bob)?.admin === true)
    await bob.session.groups.topic('#weekend', 'two')
    await world.passUntil(() => groupOf(alice)?.topic === 'two')
    await alice.session.send('#weekend', 'while you were away')
    await world.pass(2 * 24 * 3_600_000, 6 * 3_600_000)
    await carol.restart()
    await carol.session.send('#weekend', 'back again')
    await saw(world, 'back again', alice, bob)
    await saw(world, 'while you were away', carol)
    t.is(await agree(world, alice, bob, carol), '4 weekend two alice* bob* carol')
    // when exactly what he wrote took its number is a matter of chance
    const lines = await linesOf(carol, '#weekend')
    t.deepEqual(
      lines.filter((line) => line !== 'carol: back again'),
      ['[created]', '[topic]', '[admin]', '[topic]', 'alice: while you were away'],
    )
    t.is(lines.length, 6)
    await closeAll(alice, bob, carol)
  },
)

test.serial('a state that never came is asked for, and what was said on it arrives', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  await alice.session.groups.create('weekend', ['bob', 'carol'])
  await world.passUntil(() => bob.of('group').length > 0 && carol.of('group').length > 0)
  // the server loses the streams of alice on their way to carol
  const lost = new Set<string>()
  let isLosing = true
  world.tamper = (frame, to) => {
    if (to !== 'carol' || frame.t !== 'mail') return null
    if (isLosing) lost.add(hex(frame.st))
    return lost.has(hex(frame.st)) ? [] : null
  }
  await alice.session.groups.topic('#weekend', 'one')
  await alice.session.groups.topic('#weekend', 'two')
  await world.passUntil(() => groupOf(bob)?.topic === 'two')
  await world.pass(1000)
  isLosing = false
  await alice.session.groups.topic('#weekend', 'three')
  await alice.session.send('#weekend', 'do you hear me?')
  await world.passUntil(() => groupOf(carol)?.topic === 'three')
  await saw(world, 'do you hear me?', carol)
  t.is(await agree(world, alice, bob, carol), '4 weekend three alice* bob carol')
  t.deepEqual(
    (await linesOf(carol, '#weekend')).filter((line) => line === '[placeholder]'),
    [],
  )
  await closeAll(alice, bob, carol)
})

test.serial('two admins at once: both changes are in the end, once', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  const dave = await world.join('dave', 3)
  await befriend(alice, dave)
  await befriend(bob, dave)
  await alice.session.groups.create('weekend', ['bob', 'carol'])
  await alice.session.groups.admin('#weekend', 'bob', true)
  await world.passUntil(() => groupOf(bob)?.admin === true)
  for (let round = 0; round < 4; round++) {
    await Promise.all([
      alice.session.groups.topic('#weekend', `round ${round}`),
      round % 2 === 0
        ? bob.session.groups.invite('#weekend', ['dave'])
        : bob.session.groups.kick('#weekend', 'dave'),
    ])
    const expected = round % 2 === 0 ? 'alice* bob* carol dave' : 'alice* bob* carol'
    await world.passUntil(
      () => membersOf(carol) === expected && groupOf(carol)?.topic === `round ${round}`,
    )
    const everybody = round % 2 === 0 ? [alice, bob, carol, dave] : [alice, bob, carol]
    t.regex(await agree(world, ...everybody), new RegExp(`round ${round} alice`))
  }
  await alice.session.send('#weekend', 'after all that')
  await saw(world, 'after all that', bob, carol)
  await world.passUntil(() => groupOf(dave)?.standing === 'removed')
  await closeAll(alice, bob, carol, dave)
})

test.serial(
  'an admin who was offline decides nothing behind the backs of the others',
  async (t) => {
    const { world, alice, bob, carol } = await crowd()
    await alice.session.groups.create('weekend', ['bob', 'carol'])
    await alice.session.groups.admin('#weekend', 'bob', true)
    await world.passUntil(() => groupOf(bob)?.admin === true)
    await agree(world, alice, bob, carol)
    world.killServer()
    await world.pass(500)
    // both offline, both decide; the later one to come back makes his change again
    await bob.session.groups.topic('#weekend', 'bobs')
    await alice.session.groups.kick('#weekend', 'carol')
    await world.startServer()
    await world.passUntil(
      () => membersOf(bob) === 'alice* bob*' && membersOf(alice) === 'alice* bob*',
    )
    await world.passUntil(() => groupOf(alice)?.topic === 'bobs')
    t.regex(await agree(world, alice, bob), /bobs alice\* bob\*$/)
    await world.passUntil(() => groupOf(carol)?.standing === 'removed')
    await alice.session.send('#weekend', 'hello bob')
    await saw(world, 'hello bob', bob)
    await closeAll(alice, bob, carol)
  },
)

test.serial(
  'whom an admin removed while offline is heard until the others know of it',
  async (t) => {
    const { world, alice, bob, carol } = await crowd()
    await alice.session.groups.create('weekend', ['bob', 'carol'])
    await alice.session.groups.admin('#weekend', 'bob', true)
    await world.passUntil(() => groupOf(bob)?.admin === true)
    await agree(world, alice, bob, carol)
    const comeBack = takeAway(world, bob)
    await bob.session.groups.kick('#weekend', 'alice')
    await alice.session.groups.topic('#weekend', 'the last word')
    await alice.session.send('#weekend', 'anybody there?')
    await saw(world, 'anybody there?', carol)
    comeBack()
    await world.passUntil(() => groupOf(alice)?.standing === 'removed')
    t.is(await agree(world, bob, carol), '4 weekend the last word bob* carol')
    t.true(bob.texts.includes('anybody there?'))
    await closeAll(alice, bob, carol)
  },
)

test.serial('who was removed can come back, and has missed what was said meanwhile', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  await alice.session.groups.create('weekend', ['bob', 'carol'])
  await world.passUntil(() => carol.of('group').length > 0)
  await alice.session.groups.kick('#weekend', 'carol')
  await world.passUntil(() => groupOf(carol)?.standing === 'removed')
  await alice.session.send('#weekend', 'without carol')
  await saw(world, 'without carol', bob)
  await alice.session.groups.topic('#weekend', 'later')
  await alice.session.groups.invite('#weekend', ['carol'])
  await world.passUntil(() => groupOf(carol)?.standing === 'member')
  await carol.session.send('#weekend', 'thanks')
  await saw(world, 'thanks', alice, bob)
  t.is(await agree(world, alice, bob, carol), '4 weekend later alice* bob carol')
  t.deepEqual(await linesOf(carol, '#weekend'), [
    '[created]',
    '[removed]',
    '[added]',
    'carol: thanks',
  ])
  t.is(carol.session.groups.list().length, 1)
  await closeAll(alice, bob, carol)
})

test.serial(
  'what only somebody who left could send again is passed on by any member',
  async (t) => {
    const { world, alice, bob, carol } = await crowd()
    const dave = await world.join('dave', 3)
    await befriend(alice, dave)
    await alice.session.groups.create('weekend', ['bob', 'carol', 'dave'])
    await alice.session.groups.admin('#weekend', 'bob', true)
    await world.passUntil(() => [carol, dave].every((p) => groupOf(p)?.n === 2))
    await agree(world, alice, bob, carol, dave)
    // the server loses everything of bob, but for dave
    let isLosing = true
    world.tamper = (frame, to) =>
      isLosing && frame.t === 'mail' && to !== 'dave' && hex(frame.f[0]) === bob.session.me.acct
        ? []
        : null
    await bob.session.groups.topic('#weekend', 'farewell')
    await bob.session.groups.leave('#weekend')
    await world.passUntil(() => groupOf(dave)?.n === 4)
    t.is(groupOf(alice)?.n, 2)
    isLosing = false
    await dave.session.send('#weekend', 'bob is gone')
    await saw(world, 'bob is gone', alice, carol)
    t.is(await agree(world, alice, carol, dave), '4 weekend farewell alice* carol dave')
    await closeAll(alice, bob, carol, dave)
  },
)

test.serial('who missed more states than anybody keeps goes on from the present one', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  await alice.session.groups.create('weekend', ['bob', 'carol'])
  await world.passUntil(() => carol.of('group').length > 0 && bob.of('group').length > 0)
  await agree(world, alice, bob, carol)
  let isLosing = true
  world.tamper = (frame, to) => (isLosing && frame.t === 'mail' && to === 'carol' ? [] : null)
  const count = LIMITS.groupStates + 10
  for (let i = 1; i <= count; i++) {
    await alice.session.groups.topic('#weekend', `topic ${i}`)
    await world.passUntil(() => alice.session.status().queued === 0)
  }
  await world.passUntil(() => groupOf(bob)?.n === count + 1)
  isLosing = false
  await alice.session.close()
  // bob is no admin: what he shows is not enough
  await bob.session.send('#weekend', 'where is carol?')
  await world.pass(60_000, 1000)
  t.is(groupOf(carol)?.n, 1)
  // alice has been asked as well
  await alice.restart()
  await saw(world, 'where is carol?', alice)
  await world.passUntil(() => groupOf(carol)?.n === count + 1)
  await carol.session.send('#weekend', 'here')
  await saw(world, 'here', alice, bob)
  await agree(world, alice, bob, carol)
  await closeAll(alice, bob, carol)
})
