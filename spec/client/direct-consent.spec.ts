// A yes to a direct connection counts for what was shown, and for nothing else: not for another offer, nor for other addresses.
import test from 'ava'

import { connectDirectly, states, twoMachines } from './direct-kit.ts'
import { replaceAccountKey } from './lies.ts'
import { type Player, World } from './world.ts'

function asked(player: Player): number[] {
  return player
    .of('direct')
    .flatMap(({ direct }) => (direct.state === 'asked' ? [direct.number] : []))
}

/** What this machine says its addresses are, from now on. */
function has({ direct }: Player, addresses: readonly string[] | Error): void {
  Object.assign(direct?.port ?? {}, {
    addresses: () =>
      addresses instanceof Error ? Promise.reject(addresses) : Promise.resolve(addresses),
  })
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

test('whoever is asked tells what was shown: the question comes again when it would be more', async (t) => {
  const world = await World.create()
  const { alice, bob } = await twoMachines(world)
  has(bob, new Error('no answer'))
  await alice.session.direct.offer('bob')
  await world.passUntil(() => asked(bob).length === 1)
  t.is(bob.of('direct').at(-1)?.direct.own, null, 'unknown is not none')
  for (const addresses of [['10.0.0.2'], ['10.0.0.2', '10.0.0.22']]) {
    has(bob, addresses)
    const view = await bob.session.direct.answer('alice', true)
    t.is(view.state, 'asked')
    t.deepEqual(view.own, addresses)
    t.is(bob.of('direct').at(-1)?.direct.number, view.number)
  }
  await world.pass(1000)
  t.is(states(alice).at(-1), 'offered')
  has(bob, ['10.0.0.2'])
  await bob.session.direct.answer('alice', true)
  await world.passUntil(() => states(alice).at(-1) === 'up' && states(bob).at(-1) === 'up')
  const theirs = alice.of('direct').at(-1)?.direct.theirs ?? []
  t.deepEqual(
    theirs.map((each) => each.split(':')[0]),
    ['10.0.0.2'],
  )
  await alice.session.close()
  await bob.session.close()
})

test('whoever asks tells what was shown, or nothing', async (t) => {
  const world = await World.create()
  const { alice, bob, net } = await twoMachines(world)
  const { direct } = alice.session
  t.deepEqual(await direct.addresses('bob'), ['10.0.0.1'])
  has(alice, ['10.0.0.1', '10.0.0.11'])
  await t.throwsAsync(direct.offer('bob'), { code: 'E_STATE' })
  t.deepEqual(direct.list(), [])
  t.deepEqual(net.open, [])
  has(alice, new Error('no answer'))
  await t.throwsAsync(direct.addresses('bob'))
  await t.throwsAsync(direct.offer('bob'))
  has(alice, [])
  await direct.offer('bob')
  await world.passUntil(() => asked(bob).length === 1)
  t.deepEqual(bob.of('direct').at(-1)?.direct.theirs, [])
  await alice.session.close()
  await bob.session.close()
})

test('whose account key was replaced gets nothing, whatever was decided before, until it is trusted', async (t) => {
  const world = await World.create()
  const { alice, bob, net } = await twoMachines(world)
  await bob.session.direct.setRule('alice', 'always')
  if (alice.who === null) throw new Error('nobody')
  await replaceAccountKey(world, alice.who)
  t.is((await bob.session.whois('alice')).trust, 'changed')
  await alice.session.direct.offer('bob')
  await alice.session.send('bob', 'did you hear?')
  await world.passUntil(() => bob.texts.includes('did you hear?'))
  await world.pass(1000)
  t.deepEqual(states(bob), [])
  t.is(states(alice).at(-1), 'offered')
  t.deepEqual(net.dialled, [])
  await bob.session.trust('alice')
  await askAnew(alice)
  await world.passUntil(() => states(alice).at(-1) === 'up' && states(bob).at(-1) === 'up')
  await alice.session.close()
  await bob.session.close()
})
