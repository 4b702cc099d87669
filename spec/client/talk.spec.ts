// Two people who have never met: write, answer, know what arrived.
import test from 'ava'

import { World } from './world.ts'

test('a message arrives once, the answer accepts, and both sides know', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  const sent = await alice.session.send('bob', 'hello')
  t.is(sent.state, 'queued')
  await world.until(() => alice.wasAccepted(sent.mid))
  await world.until(() => bob.texts.length === 1)
  t.deepEqual(bob.texts, ['hello'])
  t.true(
    bob.of('contact').some(({ change, contact }) => change === 'new' && contact.user === 'alice'),
  )

  await bob.session.send('alice', 'hi alice')
  await world.until(() => alice.texts.includes('hi alice'))
  await world.pass(4000)
  await world.until(() => alice.stateOf(sent.mid) === 'delivered')
  t.deepEqual(
    (await bob.session.history('alice')).map(({ from, body }) => [from, body]),
    [
      ['alice', { kind: 'text', text: 'hello' }],
      ['bob', { kind: 'text', text: 'hi alice' }],
    ],
  )
  await Promise.all([alice.session.close(), bob.session.close()])
})
