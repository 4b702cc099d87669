// A device may die before or after any write while it appends to its history or restores it: nothing is missing afterwards,
// nothing is there twice (PROTOCOL 11).
import test from 'ava'

import type { Session } from '../../lib/client/api.ts'
import { accountId, historyLog } from '../../lib/server/ids.ts'
import { exported } from './exports.ts'
import { friends, restored } from './scenes.ts'
import type { Player, World } from './world.ts'

const STEPS_MAX = 40
const QUIET = 11_000

/** Kills the process of this player at its next write number `at`; false when there were fewer in that time. */
async function dies(
  world: World,
  player: Player,
  at: number,
  when: 'before' | 'after',
  ms: number,
): Promise<boolean> {
  const died = { yes: false }
  player.home.cut = {
    ...{ at, when },
    died: () => {
      died.yes = true
      world.cutNetwork(player.name)
    },
  }
  for (let left = ms; left > 0 && !died.yes; left -= 500) await world.pass(Math.min(500, left))
  player.home.cut = null
  if (died.yes) player.kill()
  return died.yes
}

for (const when of ['before', 'after'] as const) {
  test.serial(`the device that appends dies ${when} each of its writes`, async (t) => {
    t.timeout(300_000)
    const { world, alice, bob } = await friends([9])
    let steps = 0
    for (; steps < STEPS_MAX; steps++) {
      const { mid } = await alice.session.send('bob', `mine ${steps}`)
      await bob.session.send('alice', `yours ${steps}`)
      await world.passUntil(
        () => alice.stateOf(mid) === 'delivered' && alice.texts.at(-1) === `yours ${steps}`,
      )
      await world.pass(QUIET, 1000)
      await bob.session.markRead('alice')
      const died = await dies(world, alice, steps + 1, when, QUIET)
      if (!died) break
      await alice.restart()
      await world.pass(QUIET, 1000)
    }
    t.true(steps > 0 && steps < STEPS_MAX, `${steps} steps`)
    t.deepEqual(alice.of('notice'), [])
    const before = await exported(alice.session, 'bob')
    await alice.session.close()
    const log = historyLog(accountId(alice.who?.acct ?? Buffer.of()), Buffer.alloc(8, 1))
    const { next } = await world.store.logs.head(log)
    t.true(next <= 3 * (steps + 2), `${next} batches`)

    const fresh = await restored(world, alice, 9)
    t.is(await exported(fresh.session, 'bob'), before)
    t.deepEqual(fresh.of('notice'), [])
    await Promise.all([fresh.session.close(), bob.session.close()])
  })

  test.serial(`the device that restores dies ${when} each of its writes`, async (t) => {
    t.timeout(300_000)
    const { world, alice, bob } = await friends([9])
    // several batches, and rows that change later
    for (let i = 0; i < 6; i++) {
      const { mid } = await alice.session.send('bob', `mine ${i}`)
      await bob.session.send('alice', `yours ${i}`)
      await world.passUntil(
        () => alice.stateOf(mid) === 'delivered' && alice.texts.at(-1) === `yours ${i}`,
      )
      await world.pass(QUIET, 1000)
    }
    await bob.session.markRead('alice')
    await world.pass(2 * QUIET, 1000)
    const before = await exported(alice.session, 'bob')
    await alice.session.close()
    await bob.session.close()

    let at = 1
    for (; at < STEPS_MAX; at++) {
      const fresh = await world.otherDevice(alice, 9)
      const died = { yes: false }
      fresh.home.cut = {
        ...{ at, when },
        died: () => {
          died.yes = true
          world.cutNetwork(fresh.name)
        },
      }
      // a process that dies never gets to its end
      let first: Session | null = null
      fresh.lobby().then(
        async (lobby) => {
          first = await lobby.resume().catch(() => null)
        },
        () => undefined,
      )
      const isDone = (): boolean => first?.archive.status().restore.done === true
      await world.passUntil(() => died.yes || isDone())
      await world.pass(500)
      fresh.home.cut = null
      if (!died.yes) {
        await (first as Session | null)?.close()
        break
      }
      fresh.kill()
      const session = await fresh.restart()
      await world.passUntil(() => session.archive.status().restore.done)
      t.is(await exported(session, 'bob'), before, `died at ${at}`)
      t.deepEqual(fresh.of('notice'), [])
      await session.close()
    }
    t.true(at > 2 && at < STEPS_MAX, `${at} writes`)
  })
}
