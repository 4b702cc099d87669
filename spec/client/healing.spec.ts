// Messages that were sent and could not be read: a placeholder stands where they belong, and fills itself in place
// (PROTOCOL 6.5, 9.4).
import test from 'ava'

import type { MessageView } from '../../lib/client/events.ts'
import { withoutDevice } from '../../lib/identity/device-list-edit.ts'
import { signDeviceList } from '../../lib/identity/device-list.ts'
import type { Frame, FrameOf } from '../../lib/protocol/frames.ts'
import { accountId } from '../../lib/server/ids.ts'
import { friends, type Friends } from './scenes.ts'
import type { Player, World } from './world.ts'

type Mail = FrameOf<'mail'>

/** Changes mails to bob that carry content of alice's present stream, in their order; the rest passes. */
function spoil(
  { world }: Friends,
  change: (mail: Mail, nth: number) => readonly Frame[] | null,
): void {
  let nth = 0
  world.tamper = (frame, to) => (frame.t === 'mail' && to === 'bob' ? change(frame, nth++) : null)
}

async function lines(player: Player, chat: string): Promise<string[]> {
  const rows = await player.session.history(chat, { limit: 1000 })
  return rows.map(({ body }) => {
    if (body.kind === 'text') return body.text
    return body.kind === 'placeholder' ? `[${body.why}]` : body.kind
  })
}

async function end({ world, alice, bob }: Friends): Promise<void> {
  world.tamper = null
  await Promise.all([alice.session.close(), bob.session.close()])
}

async function say({ world, alice }: Friends, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    const { mid } = await alice.session.send('bob', text)
    await world.passUntil(() => alice.wasAccepted(mid))
  }
}

test.serial('a mail that is damaged on the way: a line at once, filled in its place', async (t) => {
  const it = await friends()
  const { world, bob } = it
  spoil(it, (mail, nth) => {
    if (nth !== 1) return null
    const c = Buffer.from(mail.c)
    c[40] = (c[40] ?? 0) ^ 1
    return [{ ...mail, c }]
  })
  await say(it, 'one', 'two', 'three')
  await world.passUntil(() => bob.texts.includes('three'))
  world.tamper = null
  t.deepEqual(await lines(bob, 'alice'), ['hi', 'zero', 'one', '[bad]', 'three'])
  const hole = bob.of('message').find(({ message }) => message.body.kind === 'placeholder')
  await world.pass(15_000, 500)
  await world.passUntil(() => bob.texts.includes('two'))
  t.deepEqual(await lines(bob, 'alice'), ['hi', 'zero', 'one', 'two', 'three'])
  const filled = bob.of('message').find(({ fills }) => fills)?.message
  t.is(filled?.number, hole?.message.number)
  t.true(filled?.resent)
  await end(it)
})

test.serial('a mail that never comes: a line after a while, filled in its place', async (t) => {
  const it = await friends()
  const { world, bob } = it
  spoil(it, (_mail, nth) => (nth === 1 ? [] : null))
  await say(it, 'one', 'two', 'three')
  await world.passUntil(() => bob.texts.includes('three'))
  world.tamper = null
  t.false((await lines(bob, 'alice')).includes('[gap]'), 'it may still come by itself')
  await world.passUntil(() => bob.texts.includes('two'))
  const shown = bob.of('message').map(({ message, fills }) => [message.body.kind, fills])
  t.deepEqual(shown.slice(-2), [
    ['placeholder', false],
    ['text', true],
  ])
  t.deepEqual((await lines(bob, 'alice')).sort(), ['hi', 'one', 'three', 'two', 'zero'])
  await end(it)
})

test.serial(
  'the keys of a stream are lost: all of it comes again, from its first message on',
  async (t) => {
    const it = await friends()
    const { world, alice, bob } = it
    alice.kill() // a new stream begins
    await alice.restart()
    // its first mail does not come, the second one without its head
    spoil(it, (mail, nth) => {
      if (nth === 0) return []
      const { h, w, ...bare } = mail
      return h === undefined && w === undefined ? null : [bare]
    })
    await say(it, 'one', 'two')
    await world.passUntil(async () => (await lines(bob, 'alice')).includes('[no-key]'))
    world.tamper = null
    await world.pass(11_000, 500)
    await world.passUntil(() => bob.texts.includes('two') && bob.texts.includes('one'))
    t.deepEqual((await lines(bob, 'alice')).sort(), ['hi', 'one', 'two', 'zero'])
    await say(it, 'three')
    await world.passUntil(() => bob.texts.includes('three'))
    await end(it)
  },
)

test.serial('the sender is away when it is asked, and answers when it is back', async (t) => {
  const it = await friends()
  const { world, alice, bob } = it
  spoil(it, (_mail, nth) => (nth === 0 ? [] : null))
  await say(it, 'one', 'two')
  await world.passUntil(() => bob.texts.includes('two'))
  world.tamper = null
  alice.kill()
  await world.passUntil(async () => (await lines(bob, 'alice')).includes('[gap]'))
  await world.pass(5000, 500)
  await bob.session.close()
  await bob.restart()
  t.true((await lines(bob, 'alice')).includes('[gap]'), 'the line survives a restart')
  await alice.restart()
  await world.passUntil(() => bob.texts.includes('one'))
  t.deepEqual((await lines(bob, 'alice')).sort(), ['hi', 'one', 'two', 'zero'])
  await end(it)
})

test.serial('a receipt that was lost is no message: its line goes', async (t) => {
  const it = await friends()
  const { world, alice, bob } = it
  await world.pass(5000, 500)
  spoil(it, (_mail, nth) => (nth === 0 ? [] : null))
  await bob.session.send('alice', 'a receipt will come for this')
  await world.passUntil(() => alice.texts.length === 2)
  await world.pass(3000, 500)
  await say(it, 'one')
  await world.passUntil(() => bob.texts.includes('one'))
  world.tamper = null
  const isHole = ({ message }: { readonly message: MessageView }): boolean =>
    message.body.kind === 'placeholder'
  await world.passUntil(() => bob.of('message').some(isHole))
  await world.passUntil(async () => !(await lines(bob, 'alice')).includes('[gap]'))
  t.deepEqual(
    bob.of('notice').map(({ level }) => level),
    ['info'],
  )
  t.is(bob.texts.at(-1), 'one')
  await end(it)
})

test.serial('a resend that is refused: the line stays, and nothing is said', async (t) => {
  const it = await friends()
  const { world, alice, bob } = it
  await alice.session.block('bob')
  spoil(it, (_mail, nth) => (nth === 0 ? [] : null))
  await alice.session.unblock('bob')
  await say(it, 'one', 'two')
  await world.passUntil(() => bob.texts.includes('two'))
  await alice.session.block('bob')
  world.tamper = null
  await world.pass(15_000, 500)
  await world.pass(660_000, 5000)
  t.true((await lines(bob, 'alice')).includes('[gap]'))
  t.false(bob.texts.includes('one'))
  t.deepEqual(bob.of('notice'), [], 'a block looks like silence')
  await end(it)
})

test.serial('a device that was removed says something: a line that is never filled', async (t) => {
  const it = await friends([9])
  const { world, alice, bob } = it
  const other = await world.otherDevice(alice, 9)
  await other.start()
  spoil(it, () => [])
  const sent = await other.session.send('bob', 'from the stolen laptop')
  await world.passUntil(() => other.wasAccepted(sent.mid))
  await other.session.close()
  const who = alice.who
  if (who === null) throw new Error('no alice')
  const gone = withoutDevice(who.verified, Buffer.alloc(8, 10), world.clock.now() - 3_600_000, {
    ...{ vv: 1, re: 0 },
  })
  const list = await signDeviceList(who.aik, gone)
  await world.accounts.change(accountId(who.acct), (now) => ({ ...now, list }))
  world.killServer()
  await world.startServer()
  await world.passUntil(() => bob.session.status().connection.state === 'online')
  await bob.session.whois('alice')
  world.tamper = null
  world.cutNetwork('bob')
  await world.passUntil(async () => (await lines(bob, 'alice')).includes('[removed-device]'))
  await world.pass(60_000, 5000)
  t.deepEqual(await lines(bob, 'alice'), ['hi', 'zero', '[removed-device]'])
  t.false(world.heard.some(({ frame, from }) => from === 'bob' && frame.t === 'bye'))
  await end(it)
})

test.serial('a message that was lost and deleted meanwhile leaves no hole', async (t) => {
  const it = await friends()
  const { world, alice, bob } = it
  spoil(it, (_mail, nth) => (nth === 0 ? [] : null))
  const { mid, number } = await alice.session.send('bob', 'never to be read')
  await world.passUntil(() => alice.wasAccepted(mid))
  await alice.session.life.remove(number)
  await say(it, 'one')
  await world.passUntil(() => bob.texts.includes('one'))
  world.tamper = null
  await world.passUntil(() =>
    bob.of('message').some(({ message }) => message.body.kind === 'placeholder'),
  )
  await world.passUntil(async () => !(await lines(bob, 'alice')).includes('[gap]'))
  t.deepEqual(await lines(bob, 'alice'), ['hi', 'zero', 'one'])
  t.false(JSON.stringify(bob.events).includes('never to be read'))
  await end(it)
})

/** The next mail to this client is lost. Resolves to whether it was. */
function loseNext(world: World, name: string): () => boolean {
  let isLost = false
  world.tamper = (frame, to) => {
    if (isLost || to !== name || frame.t !== 'mail') return null
    isLost = true
    return []
  }
  return () => isLost
}

for (const what of ['question', 'answer'] as const) {
  test.serial(`the ${what} is lost as well: no hole stays on either side`, async (t) => {
    const it = await friends()
    const { world, alice, bob } = it
    await world.pass(5000, 500)
    const wasFirst = loseNext(world, 'bob')
    await say(it, 'one')
    const two = await alice.session.send('bob', 'two')
    await world.passUntil(() => alice.stateOf(two.mid) === 'delivered')
    t.true(wasFirst() && !bob.texts.includes('one'))
    const wasLost = loseNext(world, what === 'question' ? 'alice' : 'bob')
    await world.passUntil(wasLost)
    await world.pass(5000, 500)
    t.false(bob.texts.includes('one'))
    // asked for once more, after a while
    await world.pass(700_000, 5000)
    await world.passUntil(() => bob.texts.includes('one'))
    await bob.session.send('alice', 'now I see')
    await world.passUntil(() => alice.texts.includes('now I see'))
    await say(it, 'well')
    await world.pass(30_000, 1000)
    const all = ['hi', 'now I see', 'one', 'two', 'well', 'zero']
    t.deepEqual((await lines(bob, 'alice')).sort(), all)
    t.deepEqual((await lines(alice, 'bob')).sort(), all)
    await end(it)
  })
}

for (const [what, seconds] of [
  ['message', 5],
  ['message, and the answer with it,', 30],
] as const) {
  test.serial(`a ${what} that was lost and whose time is over leaves no hole`, async (t) => {
    const it = await friends()
    const { world, alice, bob } = it
    await alice.session.life.disappear('bob', seconds)
    await world.passUntil(async () => (await lines(bob, 'alice')).includes('timer'))
    await world.pass(5000, 500)
    const wasFirst = loseNext(world, 'bob')
    const { mid, number } = await alice.session.send('bob', 'never to be read')
    await world.passUntil(() => alice.wasAccepted(mid))
    const next = await alice.session.send('bob', 'next')
    await world.passUntil(() => alice.stateOf(next.mid) === 'delivered')
    t.true(wasFirst())
    if (seconds > 10) await world.passUntil(loseNext(world, 'bob'))
    await world.passUntil(async () => (await alice.session.message(number)) === null)
    await bob.session.send('alice', 'what was that?')
    await say(it, 'well')
    await world.pass(1_500_000, 20_000)
    await bob.session.send('alice', 'I see')
    await say(it, 'well, well')
    await world.pass(700_000, 10_000)
    t.deepEqual(await lines(bob, 'alice'), ['hi', 'zero', 'timer', 'next', 'well', 'well, well'])
    t.deepEqual(await lines(alice, 'bob'), ['hi', 'zero', 'timer', 'what was that?', 'I see'])
    t.false(JSON.stringify(bob.events).includes('never to be read'))
    await end(it)
  })
}
