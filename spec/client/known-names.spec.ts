// What a shell may complete: read from the disk alone, and nothing from a profile that is in use, sealed or not there.
import test from 'ava'

import { knownNames } from '../../lib/client/known-names.ts'
import { MemoryHome } from './memory-home.ts'
import { World } from './world.ts'

test('people and groups of the account used last; nothing while it is open, sealed, or somebody else', async (t) => {
  const world = await World.create()
  t.deepEqual(await knownNames(new MemoryHome(world.clock)), [])
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await alice.session.send('bob', 'hi')
  await world.passUntil(() => bob.texts.length === 1)
  await bob.session.send('alice', 'hi')
  await world.passUntil(() => alice.texts.length === 1)
  await alice.session.groups.create('team', ['bob'])
  await world.passUntil(() => bob.of('group').length === 1)
  t.deepEqual(await knownNames(alice.home), [], 'in use')
  await alice.session.close()
  t.deepEqual(await knownNames(alice.home), ['@bob', '#team'])
  t.deepEqual(await knownNames(alice.home, 'alice'), ['@bob', '#team'])
  t.deepEqual(await knownNames(alice.home, 'carol'), [])
  await alice.restart() // and it was not left open
  await alice.session.logout()
  t.deepEqual(await knownNames(alice.home), [], 'sealed')
  await bob.session.block('alice')
  await bob.session.close()
  t.deepEqual(await knownNames(bob.home), ['#team'])
})
