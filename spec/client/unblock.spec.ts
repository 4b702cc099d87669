// A block drops what is said, not the keys of what is said after it (PROTOCOL 11).
import test from 'ava'

import { World } from './world.ts'

test('after a block the first message opens at once, also in a stream that began meanwhile', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await bob.session.send('alice', 'hi')
  await world.passUntil(() => alice.texts.includes('hi'))
  await alice.session.send('bob', 'hello')
  await world.passUntil(() => bob.texts.includes('hello'))
  await bob.session.block('alice')
  // another process, so another stream
  await alice.session.close()
  await alice.restart()
  const dropped = await alice.session.send('bob', 'are you there?')
  await world.passUntil(() => alice.wasAccepted(dropped.mid))
  await world.pass(3000)
  await bob.session.unblock('alice')
  await alice.session.send('bob', 'never mind')
  await world.pass(3000)
  const rows = await bob.session.history('alice')
  t.deepEqual(
    rows.flatMap(({ own, body }) => (own ? [] : [body.kind === 'text' ? body.text : body.kind])),
    ['hello', 'never mind'],
  )
  await Promise.all([alice.session.close(), bob.session.close()])
})
