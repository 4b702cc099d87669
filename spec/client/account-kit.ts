// Accounts with a password, made as people make them, on more than one device.
import { rsa3072 } from '../helpers/keys.ts'
import type { Player, World } from './world.ts'

export const PASSWORD = 'tomato window 14 ladder'

/** `key`: which fixed account key (0..6) it gets. */
export async function signUp(
  world: World,
  name: string,
  key: number,
): Promise<{ readonly player: Player; readonly code: string }> {
  const player = world.newcomer(name)
  world.identities.push(rsa3072(key))
  const lobby = await player.lobby()
  const { session, recoveryCode } = await lobby.register({ username: name, password: PASSWORD })
  await player.adopt(session)
  return { player, code: recoveryCode }
}

/** The same account in another home, which the world knows by `place`. */
export async function logInAt(
  world: World,
  place: string,
  username: string,
  password: string = PASSWORD,
): Promise<Player> {
  const player = world.newcomer(place)
  const lobby = await player.lobby()
  await player.adopt(await lobby.login({ username, password }))
  return player
}

/** What a player sees of a conversation: who said what. */
export async function talk(player: Player, chat: string): Promise<string[]> {
  const rows = await player.session.history(chat, { limit: 1000 })
  return rows.map(({ from, body }) => `${from}: ${body.kind === 'text' ? body.text : body.kind}`)
}

export async function unread(player: Player, chat: string): Promise<number> {
  const chats = await player.session.chats()
  return chats.find(({ contact }) => contact?.user === chat)?.unread ?? 0
}

export async function closeAll(...players: readonly Player[]): Promise<void> {
  await Promise.all(players.map((player) => player.session.close()))
}
