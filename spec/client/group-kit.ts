// What specs of groups share: some friends, and what each of them sees.
import type { MessageView } from '../../lib/client/events.ts'
import { type Player, World } from './world.ts'

export interface Crowd {
  readonly world: World
  readonly alice: Player
  readonly bob: Player
  readonly carol: Player
}

/** Both know each other: neither is a stranger to the other. */
export async function befriend(one: Player, other: Player): Promise<void> {
  const { world } = one
  await one.session.send(other.name, 'hi')
  const { user: name } = one.session.me
  await world.passUntil(() => other.of('contact').some((e) => e.contact.user === name))
  await other.session.acceptContact(name)
  await world.passUntil(() =>
    one.session.contacts().some(({ user, accepted }) => user === other.name && accepted),
  )
}

/** Three people who know each other. */
export async function crowd(): Promise<Crowd> {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  const carol = await world.join('carol', 2)
  await befriend(alice, bob)
  await befriend(alice, carol)
  await befriend(bob, carol)
  return { world, alice, bob, carol }
}

/** Waits until everybody was shown this text. */
export async function saw(
  world: World,
  text: string,
  ...players: readonly Player[]
): Promise<void> {
  await world.passUntil(() => players.every((player) => player.texts.includes(text)))
}

export function wordsOf({ from, body }: MessageView): string {
  if (body.kind === 'text') return `${from}: ${body.text}`
  if (body.kind === 'group') return `[${body.changes.map(({ what }) => what).join(', ')}]`
  return body.kind === 'deleted' ? `[deleted by ${body.by}]` : `[${body.kind}]`
}

/** The lines of a chat in the store. */
export async function linesOf(player: Player, chat: string): Promise<string[]> {
  return (await player.session.history(chat, { limit: 1000 })).map(wordsOf)
}
