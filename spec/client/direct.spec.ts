// A direct connection from the first question to the last message: consent, both roles, the way of every message, and the
// way back to the server without losing, doubling or reordering one (PROTOCOL 12).
import test from 'ava'

import { befriend, connectDirectly, states, twoMachines } from './direct-kit.ts'
import { type Player, World } from './world.ts'

/** Frames with messages that the server got from this client since it was cleared. */
function throughServer(world: World, name: string): number {
  return world.heard.filter(({ from, frame }) => from === name && frame.t === 'msg.put').length
}

const count = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `m${from + i}`)

test('they agree, and then talk without the server in between', async (t) => {
  const world = await World.create()
  const two = await twoMachines(world)
  const { alice, bob, net } = two
  t.deepEqual(await alice.session.direct.addresses('bob'), ['10.0.0.1'])
  t.deepEqual(net.open, [], 'nothing listens before somebody has agreed')
  await connectDirectly(world, two)
  t.deepEqual(states(bob).slice(0, 2), ['asked', 'trying'])
  t.is(net.dialled.length, 1, 'who is faster than his own answer waits at the door')
  const [asked] = bob.of('direct')
  t.deepEqual(asked?.direct.own, ['10.0.0.2'])
  t.deepEqual(asked?.direct.theirs, ['10.0.0.1:40000'])
  await alice.session.send('bob', 'first')
  await world.passUntil(() => bob.texts.includes('first'))
  await world.pass(5000)
  world.heard.length = 0
  for (const text of count(0, 30)) {
    await alice.session.send('bob', text)
    await bob.session.send('alice', text)
  }
  await world.passUntil(() => bob.texts.includes('m29') && alice.texts.includes('m29'))
  t.deepEqual(bob.texts.slice(-30), count(0, 30))
  t.deepEqual(alice.texts.slice(-30), count(0, 30))
  await world.pass(5000) // receipts
  t.is(throughServer(world, 'alice') + throughServer(world, 'bob'), 0)
  const last = alice.of('message-state').at(-1)
  t.true(last?.state === 'delivered' || last?.state === 'read')
  t.deepEqual(net.open, [], 'the port is closed once they have met')
  await alice.session.close()
  await bob.session.close()
})

test('a no, silence, and never: nobody learns an address', async (t) => {
  const world = await World.create()
  const two = await twoMachines(world)
  const { alice, bob, net } = two
  await alice.session.direct.offer('bob')
  await world.passUntil(() => states(bob).includes('asked'))
  await bob.session.direct.answer('alice', false)
  await world.passUntil(() => states(alice).includes('declined'))
  await alice.session.direct.offer('bob')
  await world.passUntil(() => states(bob).filter((state) => state === 'asked').length === 2)
  await world.pass(130_000, 1000)
  t.is(states(alice).at(-1), 'failed')
  await t.throwsAsync(bob.session.direct.answer('alice', true), { code: 'E_STATE' })
  await bob.session.direct.setRule('alice', 'never')
  await alice.session.direct.offer('bob')
  await world.passUntil(() => states(alice).at(-1) === 'declined')
  t.is(states(bob).filter((state) => state === 'asked').length, 2)
  t.deepEqual(net.dialled, [])
  t.deepEqual(net.open, [])
  await bob.session.direct.setRule('alice', 'always')
  await alice.session.direct.offer('bob')
  await world.passUntil(() => states(alice).at(-1) === 'up' && states(bob).at(-1) === 'up')
  t.is(states(bob).filter((state) => state === 'asked').length, 2, 'always asks nobody')
  await bob.session.close()
  await bob.restart()
  t.is(bob.session.direct.rule('alice'), 'always', 'it is kept')
  await alice.session.close()
  await bob.session.close()
})

test('whoever agrees but has no port tells it at once, and the next question is a new one', async (t) => {
  const world = await World.create()
  const two = await twoMachines(world)
  const { alice, bob, net } = two
  net.taken.add('10.0.0.2')
  await alice.session.direct.offer('bob')
  await world.passUntil(() => states(bob).includes('asked'))
  await t.throwsAsync(bob.session.direct.answer('alice', true), { code: 'E_CONNECT' })
  t.is(bob.of('direct').at(-1)?.direct.reason, 'port 5000 is in use.')
  await world.passUntil(() => states(alice).at(-1) !== 'offered')
  t.is(states(alice).at(-1), 'declined')
  await bob.session.direct.setRule('alice', 'always')
  await alice.session.direct.offer('bob')
  await world.passUntil(() => states(alice).at(-1) !== 'offered')
  t.is(states(alice).at(-1), 'declined', 'nor does whoever has agreed for later')
  t.deepEqual(net.open, [])
  net.taken.clear()
  await alice.session.direct.offer('bob')
  await world.passUntil(() => states(alice).at(-1) === 'up' && states(bob).at(-1) === 'up')
  await alice.session.close()
  await bob.session.close()
})

test('only the one who asked can be reached, only the other one, nobody', async (t) => {
  const world = await World.create()
  const two = await twoMachines(world)
  const { alice, bob, net } = two
  net.reaches = (from) => from === 'alice'
  await connectDirectly(world, two)
  t.true(states(bob).filter((state) => state === 'trying').length > 2, 'every three seconds')
  t.true(net.dialled.at(-1)?.startsWith('alice > 10.0.0.2'))
  await alice.session.direct.off('bob')
  await world.passUntil(() => states(bob).at(-1) === 'down' && states(alice).at(-1) === 'down')
  net.reaches = () => false
  await alice.session.direct.offer('bob')
  await world.passUntil(() => states(bob).at(-1) === 'asked')
  await bob.session.direct.answer('alice', true)
  await alice.session.send('bob', 'meanwhile')
  await world.passUntil(() => states(bob).at(-1) === 'failed' && states(alice).at(-1) === 'failed')
  await world.passUntil(() => bob.texts.includes('meanwhile'))
  t.deepEqual(net.open, [])
  t.deepEqual(alice.session.direct.list(), [])
  await alice.session.close()
  await bob.session.close()
})

test('cut again and again in the middle of a conversation: nothing is lost, doubled or reordered', async (t) => {
  const world = await World.create()
  const two = await twoMachines(world)
  const { alice, bob, net } = two
  await bob.session.direct.setRule('alice', 'always')
  const before = [...bob.texts]
  let n = 0
  for (let round = 0; round < 4; round++) {
    await alice.session.direct.offer('bob')
    while (!alice.session.direct.isUp(bobConv(alice))) {
      await alice.session.send('bob', `m${n++}`)
      await world.pass(300)
    }
    for (let k = 0; k < 12; k++) {
      await alice.session.send('bob', `m${n++}`)
      await bob.session.send('alice', `b${n}`)
      if (k === 4 + round) net.cut()
    }
    await world.passUntil(() => states(alice).at(-1) === 'down' && states(bob).at(-1) === 'down')
  }
  await alice.session.send('bob', `m${n++}`)
  await world.passUntil(() => bob.texts.includes(`m${n - 1}`))
  t.deepEqual(bob.texts.slice(before.length), count(0, n))
  t.deepEqual(new Set(alice.texts).size, alice.texts.length)
  await world.passUntil(() => alice.texts.filter((text) => text.startsWith('b')).length === 48)
  const numbers = alice.texts.filter((text) => text.startsWith('b')).map((s) => Number(s.slice(1)))
  t.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  )
  await alice.session.close()
  await bob.session.close()
})

test('both leave the server, talk on, lose the link and are back with everything', async (t) => {
  const world = await World.create()
  const two = await twoMachines(world)
  const { alice, bob, net } = two
  await connectDirectly(world, two, { alice: true, bob: true })
  const left = (): boolean =>
    [alice, bob].every((p) => p.session.status().connection.state === 'offline')
  await world.passUntil(left)
  world.heard.length = 0
  for (const text of count(0, 20)) await alice.session.send('bob', text)
  await world.passUntil(() => bob.texts.includes('m19'))
  t.is(world.heard.length, 0, 'the server hears nothing at all')
  world.killServer()
  await alice.session.send('bob', 'without any server')
  await world.passUntil(() => bob.texts.includes('without any server'))
  await world.startServer()
  for (const text of count(20, 40)) await alice.session.send('bob', text)
  net.cut()
  for (const text of count(40, 50)) await alice.session.send('bob', text)
  await world.passUntil(() => bob.texts.includes('m49'))
  t.deepEqual(
    bob.texts.filter((text) => text.startsWith('m')),
    count(0, 50),
  )
  t.false(left())
  await alice.session.close()
  await bob.session.close()
})

test('a peer that falls asleep: the link is given up, and nothing is lost', async (t) => {
  const world = await World.create()
  const two = await twoMachines(world)
  const { alice, bob, net } = two
  await connectDirectly(world, two)
  await alice.session.send('bob', 'm0')
  await world.passUntil(() => bob.texts.includes('m0'))
  net.freeze()
  for (const text of count(1, 9)) await alice.session.send('bob', text)
  await world.passUntil(() => bob.texts.includes('m8'))
  t.deepEqual(
    bob.texts.filter((text) => text.startsWith('m')),
    count(0, 9),
  )
  t.is(states(alice).at(-1), 'down')
  await alice.session.close()
  await bob.session.close()
})

test('both ask at once: one connection', async (t) => {
  const world = await World.create()
  const { alice, bob } = await twoMachines(world)
  await Promise.all([alice.session.direct.offer('bob'), bob.session.direct.offer('alice')])
  await world.passUntil(() => states(alice).at(-1) === 'up' && states(bob).at(-1) === 'up')
  t.is(alice.session.direct.list().length, 1)
  await alice.session.send('bob', 'yes')
  await world.passUntil(() => bob.texts.includes('yes'))
  await alice.session.close()
  await bob.session.close()
})

test('one port serves several introductions, and closes with the last', async (t) => {
  const world = await World.create()
  const { alice, bob, net } = await twoMachines(world)
  const carol = await world.prepare('carol', 3)
  net.place(carol, '10.0.0.3')
  await carol.start()
  await befriend(world, alice, carol)
  await Promise.all([alice.session.direct.offer('bob'), alice.session.direct.offer('carol')])
  const ofAlice = (): number => net.open.filter((key) => key.startsWith('10.0.0.1:')).length
  t.is(ofAlice(), 1)
  for (const each of [bob, carol]) {
    await world.passUntil(() => states(each).includes('asked'))
    await each.session.direct.answer('alice', true)
    await world.passUntil(() => states(each).includes('up'))
    await world.passUntil(() =>
      alice.session.direct.list().some((v) => v.user === each.name && v.state === 'up'),
    )
    t.is(ofAlice(), each === bob ? 1 : 0)
  }
  await alice.session.send('bob', 'for bob')
  await alice.session.send('carol', 'for carol')
  await world.passUntil(() => bob.texts.includes('for bob') && carol.texts.includes('for carol'))
  t.false(bob.texts.includes('for carol') || carol.texts.includes('for bob'))
  for (const each of [alice, bob, carol]) await each.session.close()
})

test('nothing is asked of a stranger, of oneself, offline, or twice', async (t) => {
  const world = await World.create()
  const { alice, bob } = await twoMachines(world)
  await world.join('carol', 3)
  const { direct } = alice.session
  await t.throwsAsync(direct.offer('carol'), { code: 'E_STATE' })
  await t.throwsAsync(direct.offer('alice'), { code: 'E_USAGE' })
  await t.throwsAsync(direct.offer('no name!'), { code: 'E_FORMAT' })
  await direct.offer('bob')
  await t.throwsAsync(direct.offer('bob'), { code: 'E_STATE' })
  await direct.off()
  t.deepEqual(direct.list(), [])
  world.killServer()
  await world.passUntil(() => alice.session.status().connection.state !== 'online')
  await t.throwsAsync(direct.offer('bob'), { code: 'E_CLOSED' })
  await alice.session.close()
  await bob.session.close()
})

function bobConv(alice: Player): string {
  return alice.session.contacts().find((c) => c.user === 'bob')?.conv ?? ''
}
