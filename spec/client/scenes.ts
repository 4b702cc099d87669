// How many specs begin: two people who have written to each other, and what happens to a device on the way.
import { SecureChatError } from '../../lib/util/errors.ts'
import { logInAt, signUp } from './account-kit.ts'
import { type Player, World } from './world.ts'

export interface Friends {
  readonly world: World
  readonly alice: Player
  readonly bob: Player
}

/** Each has written to the other, and all of it is delivered. `others`: the keys of devices that alice may get. */
export async function friends(others: readonly number[] = []): Promise<Friends> {
  const world = await World.create()
  const alice = await world.prepare('alice', 0, { others })
  await alice.start()
  const bob = await world.join('bob', 1)
  await bob.session.send('alice', 'hi')
  await world.until(() => alice.texts.length === 1)
  const first = await alice.session.send('bob', 'zero')
  await world.until(() => alice.wasAccepted(first.mid) && bob.texts.length === 1)
  await world.passUntil(() => alice.stateOf(first.mid) === 'delivered')
  return { world, alice, bob }
}

/** The same with a password for alice: she can log in elsewhere, rename, and remove devices. */
export async function friendsByPassword(): Promise<Friends> {
  const world = await World.create()
  const { player: alice } = await signUp(world, 'alice', 0)
  const bob = await world.join('bob', 1)
  await alice.session.send('bob', 'hello')
  await world.until(() => bob.texts.length === 1)
  await bob.session.send('alice', 'hi')
  await world.until(() => alice.texts.length === 1)
  return { world, alice, bob }
}

/** Alice at her desk and, later, at a laptop, which knows bob from the contact book. */
export async function deskAndLaptop(): Promise<{
  readonly world: World
  readonly desk: Player
  readonly laptop: Player
  readonly bob: Player
}> {
  const { world, alice: desk, bob } = await friendsByPassword()
  // the contact book is written a little later
  await world.pass(7000)
  const laptop = await logInAt(world, 'laptop', 'alice')
  return { world, desk, laptop, bob }
}

/** One more device, with all that the history gives it. */
export async function restored(world: World, player: Player, key: number): Promise<Player> {
  const fresh = await world.otherDevice(player, key)
  const session = await fresh.start()
  await world.passUntil(() => session.archive.status().restore.done)
  return fresh
}

/** One client has no network until the returned function is called. */
export function takeAway(world: World, { name, session }: Player): () => void {
  const dial = world.dial.bind(world)
  let isAway = true
  world.dial = (who) =>
    isAway && who === name ? Promise.reject(new SecureChatError('E_CONNECT')) : dial(who)
  world.cutNetwork(name)
  return () => {
    isAway = false
    session.reconnect()
  }
}
