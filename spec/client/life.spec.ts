// Messages after they were said, between two real clients: answers, edits, deletions, reactions, timers, requests.
import test from 'ava'

import { type Player, World } from './world.ts'

interface Friends {
  readonly world: World
  readonly alice: Player
  readonly bob: Player
}

/** Two who have accepted each other, and one message of alice's that bob has. */
async function friends(): Promise<Friends & { readonly number: number; readonly mid: string }> {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await bob.session.send('alice', 'hi')
  await world.until(() => alice.texts.length === 1)
  const { mid, number } = await alice.session.send('bob', 'lunch at noon?')
  await world.until(() => bob.texts.length === 1 && alice.wasAccepted(mid))
  return { world, alice, bob, mid, number }
}

async function end({ alice, bob }: Friends): Promise<void> {
  await Promise.all([alice.session.close(), bob.session.close()])
}

/** The number that a message has over there. */
async function numberAt(player: Player, chat: string, mid: string): Promise<number> {
  const row = (await player.session.history(chat)).find((message) => message.mid === mid)
  if (row === undefined) throw new Error('it is not there')
  return row.number
}

/** What needs turns of the clock. */
async function meanwhile<T>(world: World, work: Promise<T>): Promise<T> {
  let isDone = false
  const ended = work.finally(() => {
    isDone = true
  })
  await world.until(() => isDone)
  return ended
}

function changes(player: Player): unknown[] {
  return player
    .of('message-change')
    .map(({ change, by, own, message, emoji }) => [change, by, own, message.number, emoji])
}

async function bodies(player: Player, chat: string): Promise<unknown[]> {
  return (await player.session.history(chat)).map(({ body }) =>
    body.kind === 'text' ? body.text : body.kind,
  )
}

test('an edit, a reaction and a deletion reach the other side and the own store', async (t) => {
  const all = await friends()
  const { world, alice, bob, mid, number } = all
  const there = await numberAt(bob, 'alice', mid)
  await alice.session.life.edit(number, 'lunch at one?')
  await bob.session.life.react(there, '\u{1F44D}', true)
  await world.until(() => bob.of('message-change').length > 1)
  await world.until(() => alice.of('message-change').length > 1)
  t.deepEqual(
    changes(bob)
      .map((each) => (each as unknown[])[0])
      .sort(),
    ['edited', 'reacted'],
  )
  t.true(changes(alice).some((each) => JSON.stringify(each).includes('"bob",false')))
  t.deepEqual(await bodies(bob, 'alice'), ['hi', 'lunch at one?'])
  t.deepEqual(await bodies(alice, 'bob'), ['hi', 'lunch at one?'])
  const seen = await alice.session.message(number)
  t.deepEqual(seen?.reactions, [{ emoji: '\u{1F44D}', from: ['bob'] }])
  const { versions } = await bob.session.life.info(there)
  t.deepEqual(
    versions.map(({ text }) => text),
    ['lunch at noon?', 'lunch at one?'],
  )

  await alice.session.life.remove(number)
  await world.until(() => bob.of('message-change').length === 3)
  t.deepEqual(await bodies(bob, 'alice'), ['hi', 'deleted'])
  t.deepEqual(await bodies(alice, 'bob'), ['hi', 'deleted'])
  t.deepEqual((await bob.session.life.info(there)).versions, [])
  await end(all)
})

test('an answer names what it answers, on both sides', async (t) => {
  const all = await friends()
  const { world, alice, bob, mid, number } = all
  await bob.session.life.reply(await numberAt(bob, 'alice', mid), 'gladly')
  await world.until(() => alice.texts.length === 2)
  const answers = { number, from: 'alice', body: { kind: 'text', text: 'lunch at noon?' } }
  t.like(alice.of('message').at(-1)?.message, { answers })
  t.like((await alice.session.history('bob')).at(-1), { answers })
  await end(all)
})

test('what cannot be done is said before anything is sent', async (t) => {
  const all = await friends()
  const { alice, bob, mid, number } = all
  const there = await numberAt(bob, 'alice', mid)
  const { life } = bob.session
  await t.throwsAsync(life.edit(there, 'forged'), { code: 'E_STATE' })
  await t.throwsAsync(life.remove(there), { code: 'E_STATE' })
  await t.throwsAsync(life.reply(999, 'x'), { code: 'E_NOT_FOUND' })
  await t.throwsAsync(life.react(there, 'two', true), { code: 'E_USAGE' })
  await t.throwsAsync(life.react(there, '+', false), { code: 'E_STATE' })
  await t.throwsAsync(alice.session.life.edit(number, ''), { code: 'E_USAGE' })
  await t.throwsAsync(alice.session.life.edit(number, 'lunch at noon?'), { code: 'E_STATE' })
  await t.throwsAsync(alice.session.life.edit(number, 'x'.repeat(9000)), { code: 'E_TOO_BIG' })
  await alice.session.life.remove(number)
  await t.throwsAsync(alice.session.life.edit(number, 'again'), { code: 'E_STATE' })
  await t.throwsAsync(alice.session.life.remove(number), { code: 'E_STATE' })
  t.is(bob.session.status().queued, 0)
  await end(all)
})

test('eight reactions of one person are enough', async (t) => {
  const all = await friends()
  const { alice, number } = all
  for (const emoji of 'abcdefgh') await alice.session.life.react(number, emoji, true)
  await t.throwsAsync(alice.session.life.react(number, 'i', true), { code: 'E_STATE' })
  await alice.session.life.react(number, 'a', false)
  const view = await alice.session.life.react(number, 'i', true)
  t.is(view.reactions?.length, 8)
  await end(all)
})

test('what was edited offline and after a crash arrives in the end, once', async (t) => {
  const all = await friends()
  const { world, alice, bob, number } = all
  world.killServer()
  await world.pass(200)
  await alice.session.life.edit(number, 'two')
  await alice.session.life.edit(number, 'three')
  alice.kill()
  await world.startServer()
  await alice.restart()
  await world.passUntil(async () => (await bodies(bob, 'alice')).includes('three'))
  t.deepEqual(await bodies(alice, 'bob'), ['hi', 'three'])
  t.deepEqual(await bodies(bob, 'alice'), ['hi', 'three'])
  await end(all)
})

test('a message that was not sent yet and is deleted never arrives', async (t) => {
  const all = await friends()
  const { world, alice, bob } = all
  world.killServer()
  await world.pass(200)
  const { number } = await alice.session.send('bob', 'never mind')
  await alice.session.send('bob', 'after it')
  await alice.session.life.remove(number)
  await world.startServer()
  await world.passUntil(() => bob.texts.includes('after it'))
  t.false(bob.texts.includes('never mind'))
  t.deepEqual(await bodies(alice, 'bob'), ['hi', 'lunch at noon?', 'deleted', 'after it'])
  await end(all)
})

test('pins stay on this device, through a restart', async (t) => {
  const all = await friends()
  const { alice, bob, number } = all
  await alice.session.life.pin(number, true)
  await t.throwsAsync(alice.session.life.pin(number, true), { code: 'E_STATE' })
  await alice.session.close()
  await alice.restart()
  t.deepEqual(
    (await alice.session.life.pins('bob')).map((view) => [view.number, view.pinned]),
    [[number, true]],
  )
  t.is(bob.of('message-change').length, 0)
  await alice.session.life.pin(number, false)
  t.deepEqual(await alice.session.life.pins('bob'), [])
  await end(all)
})

test('a timer counts on both sides, and the words are gone afterwards, also after a restart', async (t) => {
  const all = await friends()
  const { world, alice, bob } = all
  await alice.session.life.disappear('bob', 60)
  await world.until(() => bob.of('message').some(({ message }) => message.body.kind === 'timer'))
  t.is((await bob.session.life.chatOf('alice')).timerSeconds, 60)
  t.is((await alice.session.life.chatOf('bob')).timerSeconds, 60)

  const secret = await alice.session.send('bob', 'burn this')
  await world.until(() => bob.texts.includes('burn this') && alice.wasAccepted(secret.mid))
  const there = await numberAt(bob, 'alice', secret.mid)
  await world.pass(70_000, 5000)
  t.deepEqual(await bodies(alice, 'bob'), ['hi', 'lunch at noon?', 'timer'])
  // nobody has looked at it over there
  t.true((await bodies(bob, 'alice')).includes('burn this'))
  await bob.session.life.shown([there])
  await bob.session.close()
  await bob.restart()
  t.is((await bob.session.life.chatOf('alice')).timerSeconds, 60)
  await world.pass(70_000, 5000)
  t.deepEqual(await bodies(bob, 'alice'), ['hi', 'lunch at noon?', 'timer'])
  t.deepEqual(
    bob.of('message-expired').map(({ number }) => number),
    [there],
  )

  await bob.session.life.disappear('alice', 0)
  await world.passUntil(async () => (await alice.session.life.chatOf('bob')).timerSeconds === 0)
  await t.throwsAsync(alice.session.life.disappear('bob', 2), { code: 'E_USAGE' })
  await end(all)
})

test('search finds what is said now, in one chat or in all', async (t) => {
  const all = await friends()
  const { world, alice, number } = all
  await alice.session.life.reply(number, 'The Invoice is paid')
  await alice.session.send('alice', 'ask bob about the invoice')
  const { life } = alice.session
  const found = async (text: string, chat?: string): Promise<unknown[]> => {
    const hits = await meanwhile(world, life.search(text, chat === undefined ? {} : { chat }))
    return hits.map(({ message }) => message.body.kind === 'text' && message.body.text)
  }
  t.deepEqual(await found('invoice'), ['ask bob about the invoice', 'The Invoice is paid'])
  t.deepEqual(await found('INVOICE', 'bob'), ['The Invoice is paid'])
  t.deepEqual(await found('invoice', '@me'), ['ask bob about the invoice'])
  await life.edit(number, 'dinner?')
  t.deepEqual(await found('noon'), [])
  t.deepEqual(await found('DINNER'), ['dinner?'])
  const [hit] = await meanwhile(world, life.search('dinner', { context: 1 }))
  t.is(hit?.before.length, 1)
  t.is(hit?.after.length, 1)
  t.like(hit?.after[0]?.answers, { number })
  await t.throwsAsync(life.search('  '), { code: 'E_USAGE' })
  await end(all)
})

test('chats keep their numbers; a deleted one is gone here and only here', async (t) => {
  const all = await friends()
  const { world, alice, bob } = all
  await alice.session.send('alice', 'note')
  const before = await alice.session.chats()
  const numbers = new Map(before.map(({ state }) => [state.user, state.number]))
  t.is(new Set(numbers.values()).size, 2)
  await alice.session.life.deleteChat(String(numbers.get('bob')))
  t.deepEqual(
    (await alice.session.chats()).map(({ state }) => state.user),
    ['alice'],
  )
  t.deepEqual(await bodies(alice, 'bob'), [])
  t.is((await bodies(bob, 'alice')).length, 2)
  await bob.session.send('alice', 'still there?')
  await world.until(() => alice.texts.includes('still there?'))
  const [newest] = await alice.session.chats()
  t.like(newest, { unread: 1, state: { number: numbers.get('bob') } })
  await alice.session.close()
  await alice.restart()
  t.is((await alice.session.life.chatOf('bob')).number, numbers.get('bob') ?? 0)
  await end(all)
})

test('a muted chat says so until its time is over', async (t) => {
  const all = await friends()
  const { world, alice } = all
  const { conv } = await alice.session.life.mute('bob', world.clock.now() + 10_000)
  t.true(alice.session.life.isMuted(conv))
  await world.pass(11_000, 1000)
  t.false(alice.session.life.isMuted(conv))
  t.is((await alice.session.life.mute('bob', Infinity)).mutedUntil, Infinity)
  t.is((await alice.session.life.mute('bob', 0)).mutedUntil, 0)
  await end(all)
})

test('a request: nothing else goes before the answer, and the answer opens the chat', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  const asked = await alice.session.life.request('bob', 'it is me')
  await world.until(() => bob.session.requests().length === 1 && alice.wasAccepted(asked.mid))
  const waiting = await alice.session.send('bob', 'are you there?')
  await world.pass(2000)
  t.is(alice.stateOf(waiting.mid), 'held')
  t.deepEqual(bob.texts, [])
  await t.throwsAsync(alice.session.life.request('bob', 'again'), { code: 'E_STATE' })
  const [request] = bob.session.requests()
  await bob.session.accept(request?.number ?? 0)
  await world.passUntil(() => alice.of('contact').some(({ change }) => change === 'accepted'))
  const accepted = (player: Player): unknown =>
    player.of('contact').find(({ change }) => change === 'accepted')?.own
  t.deepEqual([accepted(bob), accepted(alice)], [true, false])
  await world.passUntil(() => bob.texts.length === 1)
  t.deepEqual(bob.texts, ['are you there?'])
  t.deepEqual(bob.session.requests(), [])
  await t.throwsAsync(alice.session.life.request('bob', 'again'), { code: 'E_STATE' })
  await t.throwsAsync(alice.session.life.request('alice', 'me'), { code: 'E_USAGE' })
  await end({ world, alice, bob })
})

test('a request that is declined says so, and may be answered with a message all the same', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await alice.session.life.request('bob', 'it is me')
  await world.until(() => bob.session.requests().length === 1)
  await bob.session.decline(bob.session.requests()[0]?.number ?? 0)
  await world.passUntil(() => alice.of('contact').some(({ change }) => change === 'declined'))
  t.deepEqual(bob.session.requests(), [])
  const waitsFor = (player: Player): unknown => player.session.contacts()[0]?.waitsFor
  t.deepEqual([waitsFor(bob), waitsFor(alice)], [undefined, 'nobody'])
  await t.throwsAsync(alice.session.life.request('bob', 'please'), { message: /declined/ })
  await alice.session.send('bob', 'please')
  await world.until(() => alice.of('message-state').some(({ state }) => state === 'held'))
  t.regex(alice.of('message-state').at(-1)?.reason ?? '', /declined/)
  await bob.session.send('alice', 'on second thoughts')
  await world.passUntil(() => alice.texts.length === 1)
  await world.passUntil(() => bob.texts.includes('please'))
  t.true(bob.session.contacts()[0]?.accepted)
  await end({ world, alice, bob })
})

test('who was declined may ask again after 30 days, and waits again', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await alice.session.life.request('bob', 'it is me')
  await world.until(() => bob.session.requests().length === 1)
  await bob.session.decline(bob.session.requests()[0]?.number ?? 0)
  const waitsFor = (): unknown => alice.session.contacts()[0]?.waitsFor
  await world.passUntil(() => waitsFor() === 'nobody')
  await world.pass(31 * 24 * 3_600_000, 12 * 3_600_000)
  await alice.session.life.request('bob', 'still me')
  await world.passUntil(() => bob.session.requests().length === 1)
  t.is(waitsFor(), 'them')
  await end({ world, alice, bob })
})

test('who wants to be asked is asked: the first text becomes a request, others stay out of sight', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  // alice learned bob's keys before he became strict: her soft message still comes
  await alice.session.whois('bob')
  await alice.session.send('bob', 'soft')
  await world.until(() => bob.texts.length === 1)
  t.is(bob.session.life.choice('requests'), 'soft')
  await bob.session.life.choose('requests', 'strict')
  const carol = await world.join('carol', 2)
  const sent = await carol.session.send('bob', 'may I?')
  await world.until(() => bob.session.requests().length === 1)
  t.deepEqual(
    bob.session.requests().map(({ user, note }) => [user, note]),
    [['carol', 'may I?']],
  )
  t.is((await carol.session.message(sent.number))?.body.kind, 'request')
  await t.throwsAsync(bob.session.life.choose('requests', 'maybe'), { code: 'E_USAGE' })
  await carol.session.close()
  await end({ world, alice, bob })
})

test('strict: a soft message that comes all the same is kept, and shown when its author is accepted', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  // an older client of alice's, as it were: her directory entry of bob is from before
  await alice.session.whois('bob')
  world.cutNetwork('alice')
  await world.pass(100)
  const sent = await alice.session.send('bob', 'soft')
  await bob.session.life.choose('requests', 'strict')
  await world.passUntil(() => alice.wasAccepted(sent.mid))
  await world.pass(3000)
  t.deepEqual(bob.texts, [])
  t.deepEqual(bob.of('contact'), [])
  t.deepEqual(await bob.session.chats(), [])
  await bob.session.acceptContact('alice')
  await world.until(() => bob.texts.length === 1)
  t.deepEqual(await bodies(bob, 'alice'), ['soft'])
  await end({ world, alice, bob })
})

test('without receipts nobody hears that anything was read', async (t) => {
  const all = await friends()
  const { world, alice, bob, mid } = all
  await bob.session.life.choose('receipts', 'off')
  await bob.session.markRead('alice')
  await world.pass(4000)
  t.is(alice.stateOf(mid), 'delivered')
  // nor does he hear it of others
  const his = await bob.session.send('alice', 'did you read this?')
  await world.passUntil(() => bob.stateOf(his.mid) === 'delivered')
  await alice.session.markRead('bob')
  await world.pass(4000)
  t.is(bob.stateOf(his.mid), 'delivered')
  await bob.session.life.choose('receipts', 'on')
  const next = await alice.session.send('bob', 'and now?')
  await world.until(() => bob.texts.length === 2)
  await bob.session.markRead('alice')
  await world.passUntil(() => alice.stateOf(next.mid) === 'read')
  t.is(alice.stateOf(mid), 'delivered')
  await end(all)
})
