// A yes to a direct connection counts for what was shown, and for nothing else: not for another offer, nor for other addresses.
import test from 'ava'

import { connectDirectly, states, twoMachines } from './direct-kit.ts'
import { type Player, World } from './world.ts'

function asked(player: Player): number[] {
  return player
    .of('direct')
    .flatMap(({ direct }) => (direct.state === 'asked' ? [direct.number] : []))
}

async function askAnew({ session }: Player): Promise<void> {
  await session.direct.off()
  await session.direct.offer('bob')
}

test('a flood of questions is one question, and a yes is for the one that was shown', async (t) => {
  const world = await World.create()
  const { alice, bob } = await twoMachines(world)
  world.heard.length = 0
  for (let i = 0; i < 5; i++) await askAnew(alice)
  await alice.session.send('bob', 'after the flood')
  await world.passUntil(() => bob.texts.includes('after the flood'))
  t.is(asked(bob).length, 1)
  t.is(world.heard.filter(({ from, frame }) => from === 'bob' && frame.t === 'p2p.addr').length, 1)
  await world.pass(11_000, 1000)
  await askAnew(alice)
  await world.passUntil(() => asked(bob).length === 2)
  const [first, second] = asked(bob)
  const ended = bob.of('direct').find(({ direct }) => direct.state === 'failed')
  t.is(ended?.direct.number, first, 'its question is withdrawn')
  const { direct } = bob.session
  await t.throwsAsync(direct.answer('alice', true, { number: first ?? 0 }), { code: 'E_STATE' })
  t.is(direct.list()[0]?.state, 'asked')
  await direct.answer('alice', true, { number: second ?? 0 })
  await world.passUntil(() => states(alice).at(-1) === 'up' && states(bob).at(-1) === 'up')
  await alice.session.close()
  await bob.session.close()
})

test('a block ends a question without a word, and a connection', async (t) => {
  const world = await World.create()
  const two = await twoMachines(world)
  const { alice, bob } = two
  await alice.session.direct.offer('bob')
  await world.passUntil(() => asked(bob).length === 1)
  await bob.session.block('alice')
  t.is(states(bob).at(-1), 'failed')
  t.deepEqual(bob.session.direct.list(), [])
  await world.pass(1000)
  t.is(states(alice).at(-1), 'offered', 'she hears nothing of it')
  await bob.session.unblock('alice')
  await alice.session.direct.off()
  await connectDirectly(world, two)
  await bob.session.block('alice')
  t.is(states(bob).at(-1), 'down')
  await world.passUntil(() => states(alice).at(-1) === 'down')
  await alice.session.close()
  await bob.session.close()
})
