// Exactly once: a process may die before or after any write, a network between any two frames; the store must end up with
// each message once, in order (PROTOCOL 9).
import test from 'ava'

import { friends } from './scenes.ts'

const TEXTS = ['one', 'two', 'three']
/** Far more writes than the steps of one scenario. */
const STEPS_MAX = 60

for (const when of ['before', 'after'] as const) {
  test.serial(`the receiver dies ${when} each of its writes`, async (t) => {
    t.timeout(300_000)
    const { world, alice, bob } = await friends()
    let steps = 0
    let count = 1
    for (; steps < STEPS_MAX; steps++) {
      const died = { yes: false }
      bob.home.cut = {
        at: steps + 1,
        when,
        died: () => {
          died.yes = true
          world.cutNetwork('bob')
        },
      }
      for (const text of TEXTS) await alice.session.send('bob', `${text} ${steps}`)
      count += TEXTS.length
      // receipts are writes as well
      for (let i = 0; i < 40 && !died.yes; i++) await world.pass(100)
      bob.home.cut = null
      if (died.yes) {
        bob.kill()
        await bob.restart()
      }
      await world.passUntil(async () => (await bob.stored('alice')).length >= count)
      if (!died.yes) break
    }
    t.true(steps > 4 && steps < STEPS_MAX, `${steps} steps`)
    const expected = ['zero']
    for (let i = 0; i <= steps; i++) expected.push(...TEXTS.map((text) => `${text} ${i}`))
    await world.pass(3000)
    t.deepEqual(await bob.stored('alice'), expected)
    t.is(
      new Set((await bob.session.history('alice', { limit: 1000 })).map((m) => m.mid)).size,
      expected.length + 1,
    )
    await Promise.all([alice.session.close(), bob.session.close()])
  })

  test.serial(`the sender dies ${when} each of its writes`, async (t) => {
    t.timeout(300_000)
    const { world, alice, bob } = await friends()
    let steps = 0
    const promised: string[] = ['zero']
    for (; steps < STEPS_MAX; steps++) {
      const died = { yes: false }
      alice.home.cut = {
        at: steps + 1,
        when,
        died: () => {
          died.yes = true
          world.cutNetwork('alice')
        },
      }
      for (const text of TEXTS) {
        const whole = `${text} ${steps}`
        // what send() has promised must arrive; what it has not may or may not
        await alice.session.send('bob', whole).then(
          () => promised.push(whole),
          () => undefined,
        )
      }
      for (let i = 0; i < 40 && !died.yes; i++) await world.pass(100)
      alice.home.cut = null
      if (died.yes) {
        alice.kill()
        await alice.restart()
      }
      await world.passUntil(async () => {
        const stored = await bob.stored('alice')
        return promised.every((text) => stored.includes(text))
      })
      await world.pass(3000)
      if (!died.yes) break
    }
    t.true(steps > 4 && steps < STEPS_MAX, `${steps} steps`)
    const stored = await bob.stored('alice')
    t.is(new Set(stored).size, stored.length)
    t.deepEqual(
      stored.filter((text) => promised.includes(text)),
      promised,
    )
    // both sides agree about what was said
    const own = (await alice.session.history('bob', { limit: 1000 })).filter((row) => row.own)
    t.deepEqual(
      own.map(({ body }) => (body.kind === 'text' ? body.text : '')).sort(),
      [...stored].sort(),
    )
    await Promise.all([alice.session.close(), bob.session.close()])
  })
}

test.serial(
  'a network that breaks again and again, and a server that is killed, lose and double nothing',
  async (t) => {
    t.timeout(300_000)
    const { world, alice, bob } = await friends()
    const texts: string[] = []
    for (let round = 0; round < 12; round++) {
      for (const text of TEXTS) {
        texts.push(`${text} ${round}`)
        await alice.session.send('bob', `${text} ${round}`)
      }
      if (round % 3 === 0) world.cutNetwork('alice')
      if (round % 3 === 1) world.cutNetwork('bob')
      if (round % 4 === 3) {
        world.killServer()
        await world.startServer()
      }
      await world.pass(300)
    }
    await world.passUntil(async () => (await bob.stored('alice')).length > texts.length)
    t.deepEqual(await bob.stored('alice'), ['zero', ...texts])
    t.deepEqual(bob.texts, ['zero', ...texts])
    await Promise.all([alice.session.close(), bob.session.close()])
  },
)

test.serial('what was written offline goes out in order when the connection comes', async (t) => {
  const { world, alice, bob } = await friends()
  world.killServer()
  await world.pass(200)
  t.is(alice.session.status().connection.state, 'offline')
  const texts = ['a', 'b', 'c']
  for (const text of texts) await alice.session.send('bob', text)
  t.is(alice.session.status().queued, 3)
  await world.startServer()
  await world.passUntil(() => bob.texts.length === 4)
  t.deepEqual(bob.texts, ['zero', ...texts])
  const offline = alice.of('connection').map(({ connection }) => connection.state)
  t.true(offline.includes('offline') && offline.at(-1) === 'online')
  await Promise.all([alice.session.close(), bob.session.close()])
})

test.serial('a delivery that the server repeats is stored once', async (t) => {
  const { world, alice, bob } = await friends()
  world.tamper = (frame) => (frame.t === 'mail' ? [frame, frame] : null)
  for (const text of TEXTS) await alice.session.send('bob', text)
  await world.until(() => bob.texts.length > TEXTS.length)
  world.tamper = null
  world.cutNetwork('bob')
  await world.pass(3000)
  t.deepEqual(await bob.stored('alice'), ['zero', ...TEXTS])
  t.deepEqual(bob.texts, ['zero', ...TEXTS])
  await Promise.all([alice.session.close(), bob.session.close()])
})
