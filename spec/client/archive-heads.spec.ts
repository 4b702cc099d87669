// A server that rolls back or exchanges the history of one device is caught by another one, which reads it no more: the
// devices tell each other how far they are (PROTOCOL 7.1 sync, 11, 19).
import test from 'ava'

import { accountId, historyLog } from '../../lib/server/ids.ts'
import { closeAll } from './account-kit.ts'
import { type Player, World } from './world.ts'

const QUIET = 11_000
const HOUR = 3_600_000
/** As far as time may go at once before somebody is taken for dead. */
const STEP = 19_000

interface Scene {
  readonly world: World
  readonly desk: Player
  readonly laptop: Player
  readonly bob: Player
  /** The desk's chain on the server. */
  readonly log: string
}

/** The desk has appended some batches and told the laptop; nothing is followed up any more. */
async function scene(): Promise<Scene> {
  const world = await World.create()
  const desk = await world.prepare('alice', 0, { others: [9] })
  await desk.start()
  const laptop = await world.otherDevice(desk, 9)
  await laptop.start()
  const bob = await world.join('bob', 1)
  const log = historyLog(accountId(desk.who?.acct ?? Buffer.of()), Buffer.alloc(8, 1))
  const all = { world, desk, laptop, bob, log }
  await say(all, 'one')
  await bob.session.send('alice', 'hi')
  await world.passUntil(() => desk.texts.includes('hi'))
  await world.pass(2 * QUIET, 1000)
  world.clock.jump(50 * HOUR)
  // with a certificate of this day
  world.killServer()
  await world.startServer()
  await world.passUntil(() =>
    [desk, laptop, bob].every(({ session }) => session.status().connection.state === 'online'),
  )
  for (const text of ['two', 'three']) await say(all, text)
  await world.pass(HOUR, STEP)
  t0(laptop)
  return all
}

function t0(...players: readonly Player[]): void {
  for (const player of players) player.events = []
}

async function say({ world, desk }: Scene, text: string): Promise<void> {
  const { mid } = await desk.session.send('bob', text)
  await world.passUntil(() => desk.wasAccepted(mid))
  await world.pass(2 * QUIET, 1000)
}

function codes(player: Player): (string | null)[] {
  return player.of('notice').map(({ code }) => code)
}

async function batches({ world, log }: Scene): Promise<Buffer[]> {
  const rows = await world.store.logs.read(log, 0, 1000, 1e9)
  return rows.map(({ body }) => Buffer.from(body))
}

async function replace({ world, log }: Scene, chain: readonly Buffer[]): Promise<void> {
  await world.store.logs.drop(log)
  if (chain.length > 0) await world.store.logs.append(log, 0, chain)
}

async function reconnect({ world, laptop }: Scene): Promise<void> {
  world.cutNetwork(laptop.name)
  await world.passUntil(() => laptop.session.status().connection.state !== 'online')
  await world.passUntil(() => laptop.session.status().connection.state === 'online')
  await world.pass(2 * QUIET, 1000)
}

test.serial('an honest server: nothing is said, and seldom is a head sent alone', async (t) => {
  const all = await scene()
  const { world, desk, laptop, bob } = all
  await reconnect(all)
  world.heard.length = 0
  for (const text of ['four', 'five', 'six']) await say(all, text)
  await world.pass(QUIET, 1000)
  t.deepEqual([codes(desk), codes(laptop)], [[], []])
  const sent = world.heard.filter(({ from, frame }) => from === 'alice' && frame.t === 'msg.put')
  t.true(sent.length <= 4, `${sent.length} messages`)
  await closeAll(desk, laptop, bob)
})

for (const left of [2, 0]) {
  test.serial(`the newest part is gone, ${left} batches are left`, async (t) => {
    const all = await scene()
    const { desk, laptop, bob } = all
    const good = await batches(all)
    t.true(good.length >= 3)
    await desk.session.close()
    await replace(all, good.slice(0, left))
    await reconnect(all)
    t.deepEqual(codes(laptop), ['E_ROLLBACK'])
    // it has been said; what is there now is what counts
    await laptop.session.close()
    await laptop.restart()
    await all.world.pass(2 * QUIET, 1000)
    t.deepEqual(codes(laptop), [])
    await closeAll(laptop, bob)
  })
}

/** Another batch in the place of a good one. */
async function exchange(all: Scene, at: number): Promise<void> {
  const chain = await batches(all)
  const other = Buffer.from(chain.at(at) ?? Buffer.of())
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 1
  await replace(all, chain.with(at, other))
}

test.serial('the newest batch is another one', async (t) => {
  const all = await scene()
  const { world, desk, laptop, bob } = all
  const { length } = await batches(all)
  await say(all, 'four')
  t.true((await batches(all)).length > length)
  // before the laptop hears of it
  await exchange(all, -1)
  await world.pass(HOUR, STEP)
  t.deepEqual(codes(laptop), ['E_FORK'])
  // it has been said; what is there now is what counts
  await laptop.session.close()
  await laptop.restart()
  await world.pass(2 * QUIET, 1000)
  t.deepEqual(codes(laptop), [])
  await closeAll(desk, laptop, bob)
})

test.serial(
  'the newest batch was exchanged, and others were appended before anybody heard of it',
  async (t) => {
    const all = await scene()
    const { world, desk, laptop, bob } = all
    await say(all, 'four')
    await exchange(all, -1)
    await say(all, 'five')
    await say(all, 'six')
    await world.pass(HOUR, STEP)
    t.deepEqual(codes(laptop), ['E_FORK'])
    await closeAll(desk, laptop, bob)
  },
)

test.serial(
  'the newest batch is exchanged after it was looked at: the next start finds out',
  async (t) => {
    const all = await scene()
    const { world, desk, laptop, bob } = all
    await desk.session.close()
    await exchange(all, -1)
    await world.pass(2 * QUIET, 1000)
    t.deepEqual(codes(laptop), [])
    await laptop.session.close()
    await laptop.restart()
    await world.passUntil(() => codes(laptop).length > 0)
    await world.pass(2 * QUIET, 1000)
    t.deepEqual(codes(laptop), ['E_FORK'])
    await closeAll(laptop, bob)
  },
)
