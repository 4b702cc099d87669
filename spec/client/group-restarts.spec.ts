// A server that goes away while everybody writes to a group: nobody is left out of what follows.
import test from 'ava'

import { type Bytes, equal, hex } from '../../lib/util/bytes.ts'
import type { Frame } from '../../lib/protocol/frames.ts'
import { befriend, crowd, linesOf, saw } from './group-kit.ts'
import { type Player, World } from './world.ts'

test.serial('all streams are refused at once, and everybody gets everything', async (t) => {
  const world = await World.create()
  const names = ['alice', 'bob', 'carol', 'dave']
  const players: Player[] = []
  for (const [i, name] of names.entries()) players.push(await world.join(name, i))
  for (const [i, one] of players.entries()) {
    for (const other of players.slice(i + 1)) await befriend(one, other)
  }
  const [alice, ...others] = players
  if (alice === undefined) return t.fail()
  await alice.session.groups.create('team', names.slice(1))
  await world.passUntil(() => others.every((p) => p.of('group').length > 0))
  for (const player of players) await player.session.send('#team', `${player.name} is here`)
  for (const { name } of players) {
    await saw(world, `${name} is here`, ...players.filter((p) => p.name !== name))
  }
  for (let wave = 0; wave < 3; wave++) {
    const text = (name: string): string => `${name} in wave ${wave}`
    const all = players.flatMap((one) => [
      one.session.send('#team', text(one.name)),
      ...players.filter((p) => p !== one).map((p) => one.session.send(p.name, `to ${p.name}`)),
    ])
    world.killServer()
    await Promise.all(all)
    await world.startServer()
    for (const { name } of players) {
      await saw(world, text(name), ...players.filter((p) => p.name !== name))
    }
  }
  t.deepEqual(
    players.flatMap((p) => p.of('notice')),
    [],
  )
  await Promise.all(players.map((player) => player.session.close()))
})

test.serial('who could not be reached once is looked up again', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  await alice.session.groups.create('weekend', ['bob', 'carol'])
  await world.passUntil(() => [bob, carol].every((p) => p.of('group').length > 0))
  world.killServer()
  await world.startServer()
  // the server says that bob has no keys, for this time
  const withoutBob = (frame: Frame, to: string): readonly Frame[] | null => {
    if (to !== 'alice' || frame.t !== 'ok' || !('dls' in frame)) return null
    return isAbout(world, frame.r, bob) ? [{ ...frame, bun: [] }] : null
  }
  world.tamper = withoutBob
  await alice.session.send('#weekend', 'one')
  await saw(world, 'one', carol)
  t.false(bob.texts.includes('one'))
  t.is(alice.of('notice')[0]?.code, 'E_NO_DEVICE')
  world.tamper = null
  await world.pass(11 * 60_000, 15_000)
  await alice.session.send('#weekend', 'two')
  await saw(world, 'two', bob, carol)
  await Promise.all([alice, bob, carol].map((player) => player.session.close()))
})

test.serial(
  'what came in a stream that died and again in another one is not missing',
  async (t) => {
    const { world, alice, bob, carol } = await crowd()
    await alice.session.groups.create('weekend', ['bob', 'carol'])
    await world.passUntil(() => [bob, carol].every((p) => p.of('group').length > 0))
    await alice.session.send('#weekend', 'one')
    await saw(world, 'one', bob, carol)
    await world.pass(5000)
    // bob hears it; the server dies before it has it on its disk for carol, and before alice hears that it has
    const lost = new Set<string>()
    let isBack = false
    world.tamper = (frame, to) => {
      if (to === 'alice' && frame.t === 'ok' && isLost() && !isBack) return []
      if (to !== 'carol' || frame.t !== 'mail' || !equal(frame.f[0], acctOf(alice))) return null
      if (lost.size === 0) lost.add(hex(frame.st))
      return lost.has(hex(frame.st)) ? [] : null
    }
    const isLost = (): boolean => lost.size > 0
    const { mid } = await alice.session.send('#weekend', 'two')
    await saw(world, 'two', bob)
    await world.until(isLost)
    t.false(alice.wasAccepted(mid))
    world.killServer()
    isBack = true
    await world.startServer()
    await saw(world, 'two', carol)
    await bob.session.send('#weekend', 'three')
    await saw(world, 'three', alice, carol)
    const lines = async (): Promise<string[]> => (await linesOf(carol, '#weekend')).slice(1)
    // what bob has from the dead stream is asked for, and may be answered before the next look
    await world.passUntil(() =>
      carol.of('message').some(({ message }) => message.body.kind === 'placeholder'),
    )
    await world.passUntil(async () => !(await lines()).includes('[placeholder]'))
    t.deepEqual(await lines(), ['alice: one', 'alice: two', 'bob: three'])
    await Promise.all([alice, bob, carol].map((player) => player.session.close()))
  },
)

function acctOf({ who }: Player): Bytes {
  return who?.acct ?? Buffer.of()
}

/** Alice's newest question of this number asks for that account. */
function isAbout(world: World, r: number, { who }: Player): boolean {
  const asked = world.heard.findLast(
    ({ from, frame }) => from === 'alice' && frame.t === 'dir.get' && frame.r === r,
  )?.frame
  const acct = asked?.t === 'dir.get' ? asked.acct : undefined
  return acct !== undefined && who !== null && equal(acct, who.acct)
}
