// The promise of the history, whole: a client is wiped, and on a fresh home the password brings every chat back, byte for
// byte; so does the recovery code when the password is forgotten (PROTOCOL 5.2, 11).
import test from 'ava'

import { closeAll, logInAt, PASSWORD, signUp } from './account-kit.ts'
import { exported } from './exports.ts'
import { type Player, World } from './world.ts'

const QUIET = 11_000
const NEXT = 'another ladder 25 window'

async function exports({ session }: Player): Promise<Record<string, string>> {
  const names = (await session.chats()).map(({ state }) => state.user).sort()
  const parts = await Promise.all(names.map(async (name) => [name, await exported(session, name)]))
  return Object.fromEntries(parts) as Record<string, string>
}

async function numberOf(player: Player, chat: string, text: string): Promise<number> {
  const rows = await player.session.history(chat)
  const row = rows.find(({ body }) => body.kind === 'text' && body.text === text)
  if (row === undefined) throw new Error(`no ${text}`)
  return row.number
}

/** Everything that can be done with messages, between two people who both change their names. */
async function livedIn(): Promise<{ world: World; old: Player; bob: Player; code: string }> {
  const world = await World.create()
  const { player: old, code } = await signUp(world, 'alice', 0)
  const { player: bob } = await signUp(world, 'bob', 1)
  const carol = await world.join('carol', 2)
  const say = async (from: Player, user: string, to: Player, text: string): Promise<void> => {
    await from.session.send(user, text)
    await world.passUntil(() => to.texts.includes(text))
  }
  const settle = async (): Promise<void> => {
    await world.passUntil(() => [old, bob].every(({ session }) => session.status().queued === 0))
    await world.pass(3000, 500)
  }
  await say(carol, 'alice', old, 'a stranger says this')
  await say(old, 'bob', bob, 'lunch at noon?\n**bold** and ~~not~~')
  await say(bob, 'alice', old, 'yes')
  await say(bob, 'alice', old, 'to be deleted')
  await say(old, 'bob', bob, 'deleted by its author')
  for (const text of ['a note', 'to be changed', 'nobody needs this']) {
    await old.session.send('alice', text)
  }
  await old.session.life.edit(await numberOf(old, 'alice', 'to be changed'), 'a changed note')
  await old.session.life.remove(await numberOf(old, 'alice', 'nobody needs this'))
  const { life } = old.session
  const yes = await numberOf(old, 'bob', 'yes')
  await life.react(yes, '👍', true)
  await life.react(yes, '❤', true)
  await life.react(yes, '❤', false)
  await life.reply(yes, 'fine then')
  await life.edit(await numberOf(old, 'bob', 'fine then'), 'fine, then')
  await life.remove(await numberOf(old, 'bob', 'deleted by its author'))
  await bob.session.life.edit(await numberOf(bob, 'alice', 'yes'), 'yes!')
  await bob.session.life.remove(await numberOf(bob, 'alice', 'to be deleted'))
  const lunch = await numberOf(bob, 'alice', 'lunch at noon?\n**bold** and ~~not~~')
  await bob.session.life.react(lunch, '🎉', true)
  await settle()
  old.disk.write('/plan.txt', Buffer.from('the plan'))
  bob.disk.write('/map.png', Buffer.alloc(100_000, 7))
  await old.session.offerFile('bob', '/plan.txt')
  await bob.session.offerFile('alice', '/map.png')
  await world.passUntil(() => old.of('file-offer').length === 1)
  await old.session.accept(old.of('file-offer')[0]?.offer.number ?? 0)
  await world.passUntil(() => old.of('file-done').length === 1)
  await bob.session.account.rename('robert', PASSWORD)
  await old.session.account.rename('alicia', PASSWORD)
  await world.passUntil(() => old.of('contact').some(({ change }) => change === 'renamed'))
  await say(bob, 'alicia', old, 'under new names')
  await bob.session.markRead('alicia')
  await settle()
  await world.pass(3 * QUIET, 1000)
  await carol.session.close()
  return { world, old, bob, code }
}

test.serial('a fresh home has it all, with the password and with the recovery code', async (t) => {
  t.timeout(300_000)
  const { world, old, bob, code } = await livedIn()
  const before = await exports(old)
  t.deepEqual(Object.keys(before), ['alicia', 'carol', 'robert'])
  for (const text of ['a changed note', 'fine, then', 'yes!', '👍', '🎉', 'plan.txt', 'map.png']) {
    t.true(
      Object.values(before).some((document) => document.includes(text)),
      text,
    )
  }
  await old.session.close()

  const fresh = await logInAt(world, 'fresh', 'alicia', PASSWORD)
  await world.passUntil(() => fresh.session.archive.status().restore.done)
  await world.pass(3000, 500)
  t.deepEqual(await exports(fresh), before)
  const robert = fresh.session.contacts().find(({ user }) => user === 'robert')
  t.like(robert, { accepted: true, formerNames: ['bob'] })
  t.deepEqual(fresh.of('notice'), [])
  await fresh.session.close()

  const lost = world.newcomer('lost')
  const lobby = await lost.lobby()
  await lost.adopt(
    await lobby.recover({ username: 'alicia', recoveryCode: code, newPassword: NEXT }),
  )
  await world.passUntil(() => lost.session.archive.status().restore.done)
  await world.pass(3000, 500)
  t.deepEqual(await exports(lost), before)
  t.deepEqual(lost.of('notice'), [])
  await closeAll(lost, bob)
})
