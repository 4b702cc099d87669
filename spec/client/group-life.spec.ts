// What can be done in a group besides talking: answers, edits, deletions, reactions, timers, receipts, files (PROTOCOL 7.2, 8).
import test from 'ava'

import { randomBytes } from '../../lib/crypto/random.ts'
import type { MessageView } from '../../lib/client/events.ts'
import { type Crowd, crowd, linesOf, saw } from './group-kit.ts'
import type { Player } from './world.ts'

function closeAll({ alice, bob, carol }: Crowd): Promise<unknown> {
  return Promise.all([alice, bob, carol].map((player) => player.session.close()))
}

/** Everybody is in #weekend, and bob is no admin. */
async function weekend(): Promise<Crowd> {
  const it = await crowd()
  const { world, alice, bob, carol } = it
  await alice.session.groups.create('weekend', ['bob', 'carol'])
  await world.passUntil(() => [bob, carol].every((p) => p.of('group').length > 0))
  return it
}

async function line(player: Player, text: string): Promise<MessageView> {
  const rows = await player.session.history('#weekend')
  const found = rows.find(({ body }) => body.kind === 'text' && body.text === text)
  if (found === undefined) throw new Error(`${player.name} does not have ${text}`)
  return found
}

test.serial('answers, edits and reactions reach everybody; only the author edits', async (t) => {
  const it = await weekend()
  const { world, alice, bob, carol } = it
  const sent = await alice.session.send('#weekend', 'at eight')
  await saw(world, 'at eight', bob, carol)
  await bob.session.life.reply((await line(bob, 'at eight')).number, 'too early')
  await saw(world, 'too early', alice, carol)
  const answer = await line(carol, 'too early')
  t.is(answer.answers === 'unknown' ? '' : answer.answers?.from, 'alice')
  await carol.session.life.react((await line(carol, 'too early')).number, '+', true)
  await alice.session.life.edit(sent.number, 'at nine')
  await world.passUntil(async () => (await linesOf(bob, '#weekend')).includes('alice: at nine'))
  await world.passUntil(async () => (await linesOf(carol, '#weekend')).includes('alice: at nine'))
  await world.passUntil(async () => (await line(alice, 'too early')).reactions !== undefined)
  t.deepEqual((await line(alice, 'too early')).reactions, [{ emoji: '+', from: ['carol'] }])
  await t.throwsAsync(bob.session.life.edit((await line(bob, 'at nine')).number, 'x'), {
    code: 'E_STATE',
  })
  t.is((await bob.session.life.info((await line(bob, 'at nine')).number)).versions.length, 2)
  await closeAll(it)
})

test.serial('an author takes back his own, an admin what anybody said', async (t) => {
  const it = await weekend()
  const { world, alice, bob, carol } = it
  await bob.session.send('#weekend', 'mine')
  await bob.session.send('#weekend', 'rude')
  await carol.session.send('#weekend', 'polite')
  await saw(world, 'rude', alice, carol)
  await saw(world, 'polite', alice, bob)
  const polite = await line(bob, 'polite')
  await t.throwsAsync(bob.session.life.remove(polite.number), { code: 'E_NOT_ADMIN' })
  await bob.session.life.remove((await line(bob, 'mine')).number)
  const view = await alice.session.life.remove((await line(alice, 'rude')).number)
  t.deepEqual(view.body, { kind: 'deleted', by: 'alice', admin: true })
  for (const player of [alice, bob, carol]) {
    await world.passUntil(async () => {
      const lines = await linesOf(player, '#weekend')
      return lines.includes('[deleted by alice]') && lines.includes('[deleted by bob]')
    })
  }
  t.true((await linesOf(bob, '#weekend')).includes('carol: polite'))
  const created = (await alice.session.history('#weekend'))[0]
  await t.throwsAsync(alice.session.life.remove(created?.number ?? 0), { code: 'E_STATE' })
  await closeAll(it)
})

test.serial('a timer is set by admins and followed by all', async (t) => {
  const it = await weekend()
  const { world, alice, bob, carol } = it
  await t.throwsAsync(bob.session.life.disappear('#weekend', 60), { code: 'E_NOT_ADMIN' })
  await alice.session.life.disappear('#weekend', 60)
  await world.passUntil(async () => (await bob.session.life.chatOf('#weekend')).timerSeconds === 60)
  await world.passUntil(
    async () => (await carol.session.life.chatOf('#weekend')).timerSeconds === 60,
  )
  const sent = await bob.session.send('#weekend', 'gone soon')
  await saw(world, 'gone soon', alice, carol)
  await alice.session.life.shown([(await line(alice, 'gone soon')).number])
  await carol.session.life.shown([(await line(carol, 'gone soon')).number])
  await world.passUntil(() => bob.wasAccepted(sent.mid))
  await world.pass(70_000, 5000)
  for (const player of [alice, bob, carol]) {
    t.false((await linesOf(player, '#weekend')).includes('bob: gone soon'), player.name)
  }
  await closeAll(it)
})

test.serial('an author learns who has it and who has read it, and nobody else does', async (t) => {
  const it = await weekend()
  const { world, alice, bob, carol } = it
  await carol.session.close()
  const sent = await alice.session.send('#weekend', 'who is there?')
  await saw(world, 'who is there?', bob)
  await world.passUntil(() => alice.stateOf(sent.mid) === 'delivered')
  const half = await alice.session.message(sent.number)
  t.deepEqual(half?.delivery, { delivered: 1, read: 0, of: 2 })
  await carol.restart()
  await saw(world, 'who is there?', carol)
  await bob.session.markRead('#weekend')
  await world.passUntil(
    async () => (await alice.session.message(sent.number))?.delivery?.read === 1,
  )
  await world.passUntil(
    async () => (await alice.session.message(sent.number))?.delivery?.delivered === 2,
  )
  t.is(alice.stateOf(sent.mid), 'delivered')
  await carol.session.markRead('#weekend')
  await world.passUntil(() => alice.stateOf(sent.mid) === 'read')
  t.deepEqual((await alice.session.life.info(sent.number)).members, [
    { user: 'bob', state: 'read' },
    { user: 'carol', state: 'read' },
  ])
  // to the author's devices alone
  t.is((await line(bob, 'who is there?')).delivery, undefined)
  t.is((await bob.session.chats()).find(({ group }) => group?.chat === '#weekend')?.unread, 0)
  await closeAll(it)
})

test.serial('unread, mute, pins, search, export and the end of a chat', async (t) => {
  const it = await weekend()
  const { world, alice, bob } = it
  const { life, archive } = bob.session
  await alice.session.send('#weekend', 'needle in here')
  await saw(world, 'needle in here', bob)
  const chats = await bob.session.chats()
  const chat = chats.find(({ group }) => group !== undefined)
  t.is(chat?.contact, null)
  t.is(chat?.state.user, '#weekend')
  t.is(chat?.unread, 2)
  t.is(chat?.state.number, chat?.group?.number)
  t.is((await bob.session.history(String(chat?.state.number))).length, 2)
  await bob.session.markRead('#weekend')
  t.is((await bob.session.chats()).find(({ group }) => group !== undefined)?.unread, 0)
  t.is((await life.mute('#weekend', Infinity)).mutedUntil, Infinity)
  t.true(life.isMuted(chat?.conv ?? ''))
  const row = await line(bob, 'needle in here')
  await life.pin(row.number, true)
  t.is((await life.pins('#weekend')).length, 1)
  const search = life.search('NEEDLE', { chat: '#weekend' })
  await world.pass(100)
  t.is((await search).length, 1)
  const exported: string[] = []
  for await (const { chat: name, body } of archive.messages('#weekend')) {
    exported.push(`${name} ${body.kind}`)
  }
  t.deepEqual(exported, ['#weekend group', '#weekend text'])
  await t.throwsAsync(life.contactOf('#weekend'), { code: 'E_USAGE' })
  await t.throwsAsync(life.request('#weekend', 'please'), { code: 'E_USAGE' })
  await life.deleteChat('#weekend')
  t.deepEqual(await linesOf(bob, '#weekend'), [])
  await alice.session.send('#weekend', 'still here')
  await saw(world, 'still here', bob)
  t.deepEqual(await linesOf(bob, '#weekend'), ['alice: still here'])
  await closeAll(it)
})

test.serial('each member takes a file or not, and the sender may take it back', async (t) => {
  const it = await weekend()
  const { world, alice, bob, carol } = it
  const bytes = randomBytes(100_000)
  alice.disk.write('/home/alice/map.png', bytes)
  const own = await alice.session.offerFile('#weekend', '/home/alice/map.png')
  t.is(own.peer, '#weekend')
  await world.passUntil(() => [bob, carol].every((p) => p.of('file-offer').length === 1))
  const [offer] = bob.of('file-offer')
  t.is(offer?.offer.peer, 'alice')
  await bob.session.accept(offer?.offer.number ?? 0)
  await world.passUntil(() => bob.of('file-done').length === 1)
  t.deepEqual(bob.disk.downloads.get('map.png')?.bytes, bytes)
  await carol.session.decline(carol.of('file-offer')[0]?.offer.number ?? 0)
  await world.passUntil(async () => {
    const [mine] = await alice.session.files()
    const answers = mine?.receivers?.map(({ user, answer }) => `${user} ${answer}`) ?? []
    return answers.join() === 'bob received,carol declined'
  })
  // it waits for those who may still want it, until it is taken back
  await alice.session.cancel(own.number)
  t.is((await alice.session.files())[0]?.state, 'cancelled')
  await world.passUntil(async () =>
    (await linesOf(carol, '#weekend')).includes('[deleted by alice]'),
  )
  // a second one, taken back before anybody wanted it
  const second = await alice.session.offerFile('#weekend', '/home/alice/map.png')
  await world.passUntil(() => carol.of('file-offer').length === 2)
  await alice.session.cancel(second.number)
  await world.passUntil(() => carol.of('file-failed').length === 1)
  t.is(carol.of('file-failed')[0]?.code, 'E_CANCELLED')
  await t.throwsAsync(carol.session.accept(carol.of('file-offer')[1]?.offer.number ?? 0), {
    code: 'E_STATE',
  })
  for (const player of [alice, bob, carol]) t.is(player.disk.openHandles, 0)
  await closeAll(it)
})

test.serial('who leaves leaves nothing behind that waits to be sent', async (t) => {
  const { world, alice, bob, carol } = await crowd()
  await alice.session.groups.create('weekend', ['bob', 'carol'])
  await world.passUntil(() => bob.of('group').length > 0)
  await alice.session.send('#weekend', 'anybody there?')
  await saw(world, 'anybody there?', bob)
  // the receipt that bob owes is still to go
  world.killServer()
  await world.pass(5000, 500)
  t.true(bob.session.status().queued > 0)
  await bob.session.groups.leave('#weekend')
  await world.startServer()
  await world.passUntil(() => bob.session.status().queued === 0)
  t.is(bob.session.status().held, 0)
  await world.passUntil(() => alice.session.groups.of('#weekend').members.length === 2)
  await Promise.all([alice, bob, carol].map((player) => player.session.close()))
})

test.serial('who writes and leaves while offline has said both in the end', async (t) => {
  const { world, alice, bob, carol } = await weekend()
  world.killServer()
  await world.pass(500)
  await bob.session.send('#weekend', 'goodbye')
  await bob.session.groups.leave('#weekend')
  await world.startServer()
  await saw(world, 'goodbye', alice, carol)
  await world.passUntil(() =>
    [alice, carol].every((p) => p.session.groups.of('#weekend').members.length === 2),
  )
  t.deepEqual((await linesOf(alice, '#weekend')).slice(-2), ['bob: goodbye', '[left]'])
  t.is(bob.session.status().queued, 0)
  await Promise.all([alice, bob, carol].map((player) => player.session.close()))
})

test.serial(
  'so has an admin who changes the group between the two, and dies over it',
  async (t) => {
    const { world, alice, bob, carol } = await weekend()
    await alice.session.groups.admin('#weekend', 'bob', true)
    await world.passUntil(() => bob.session.groups.of('#weekend').admin)
    world.killServer()
    await world.pass(500)
    await bob.session.send('#weekend', 'one')
    await bob.session.groups.topic('#weekend', 'farewell')
    await bob.session.send('#weekend', 'two')
    await bob.session.groups.leave('#weekend')
    bob.kill()
    await world.startServer()
    await bob.restart()
    await saw(world, 'two', alice, carol)
    await world.passUntil(() =>
      [alice, carol].every((p) => p.session.groups.of('#weekend').members.length === 2),
    )
    t.is(alice.session.groups.of('#weekend').topic, 'farewell')
    const lines = (await linesOf(alice, '#weekend')).slice(-4)
    t.deepEqual(lines.toSorted(), ['[left]', '[topic]', 'bob: one', 'bob: two'])
    t.is(lines.at(-1), '[left]')
    await world.passUntil(() => bob.session.status().queued === 0)
    await Promise.all([alice, bob, carol].map((player) => player.session.close()))
  },
)
