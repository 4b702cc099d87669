// A process may die before or after any write: groups end up the same everywhere, each line once (PROTOCOL 8, 9).
import test from 'ava'

import { codeOf } from '../../lib/util/errors.ts'
import { crowd, linesOf } from './group-kit.ts'
import type { Player, World } from './world.ts'

/** Far more writes than the steps of one scenario. */
const STEPS_MAX = 80

/** Runs `work` so that the player dies at write number `at`; false: it lived. */
async function dying(
  world: World,
  player: Player,
  { at, when }: { readonly at: number; readonly when: 'before' | 'after' },
  work: () => Promise<unknown>,
): Promise<boolean> {
  let isDead = false
  player.home.cut = {
    at,
    when,
    died: () => {
      isDead = true
      world.cutNetwork(player.name)
    },
  }
  await work().catch((error: unknown) => {
    if (codeOf(error) !== 'E_STORE' && codeOf(error) !== 'E_CLOSED') throw error
  })
  for (let i = 0; i < 40 && !isDead; i++) await world.pass(100)
  player.home.cut = null
  if (!isDead) return false
  player.kill()
  await player.restart()
  return true
}

function viewOf(player: Player): string {
  const group = player.session.groups.list().find(({ name }) => name === 'weekend')
  if (group === undefined) return 'none'
  return `${group.n} ${group.topic} ${group.members.map(({ user }) => user).join(' ')}`
}

for (const when of ['before', 'after'] as const) {
  test.serial(`an admin dies ${when} each write of a change`, async (t) => {
    t.timeout(300_000)
    const { world, alice, bob, carol } = await crowd()
    await alice.session.groups.create('weekend', ['bob', 'carol'])
    await world.passUntil(() => [alice, bob, carol].every((p) => viewOf(p) === viewOf(alice)))
    let step = 1
    for (; step < STEPS_MAX; step++) {
      const died = await dying(world, alice, { at: step, when }, async () => {
        await alice.session.groups.topic('#weekend', `topic ${step}`)
        await alice.session.send('#weekend', `text ${step}`)
      })
      await alice.session.send('#weekend', `alive ${step}`)
      await world.passUntil(() => [bob, carol].every((p) => viewOf(p) === viewOf(alice)))
      await world.passUntil(async () => (await bob.stored('#weekend')).includes(`alive ${step}`))
      if (!died) break
    }
    t.true(step > 4 && step < STEPS_MAX, `${step} steps`)
    t.is(alice.session.groups.of('#weekend').topic, `topic ${step}`)
    await world.passUntil(async () => (await carol.stored('#weekend')).includes(`alive ${step}`))
    await world.pass(3000)
    for (const player of [bob, carol]) {
      const lines = await linesOf(player, '#weekend')
      const texts = lines.filter((line) => line.startsWith('alice: '))
      t.is(new Set(texts).size, texts.length)
      t.false(lines.includes('[placeholder]'))
      // one line for each state there was
      t.is(
        lines.filter((line) => line === '[topic]').length,
        player.session.groups.of('#weekend').n - 1,
      )
    }
    await Promise.all([alice, bob, carol].map((player) => player.session.close()))
  })

  test.serial(`a member dies ${when} each write of what arrives`, async (t) => {
    t.timeout(300_000)
    const { world, alice, bob, carol } = await crowd()
    await alice.session.groups.create('weekend', ['carol'])
    let step = 1
    for (; step < STEPS_MAX; step++) {
      const died = await dying(world, bob, { at: step, when }, async () => {
        if (step % 2 === 1) await alice.session.groups.invite('#weekend', ['bob'])
        else await alice.session.groups.topic('#weekend', `topic ${step}`)
        const sent = await alice.session.send('#weekend', `text ${step}`)
        await world.passUntil(() => alice.wasAccepted(sent.mid)) // else it goes to those who are left
        if (step % 2 === 0) await alice.session.groups.kick('#weekend', 'bob')
      })
      const isIn = step % 2 === 1
      await world.passUntil(() => viewOf(bob) === viewOf(alice))
      t.is(bob.session.groups.of('#weekend').standing, isIn ? 'member' : 'removed')
      await world.passUntil(async () => (await bob.stored('#weekend')).includes(`text ${step}`))
      if (!died) break
    }
    t.true(step > 4 && step < STEPS_MAX, `${step} steps`)
    await world.pass(3000)
    const texts = await bob.stored('#weekend')
    t.deepEqual(
      texts,
      Array.from({ length: step }, (_, i) => `text ${i + 1}`),
    )
    t.false((await linesOf(bob, '#weekend')).includes('[placeholder]'))
    await Promise.all([alice, bob, carol].map((player) => player.session.close()))
  })
}
