// A conversation stands in the same order on every device, whoever got what first and whatever their clocks say; what stands
// further up because it comes late is told and unread all the same (PROTOCOL 9.2).
import test from 'ava'

import { closeAll, logInAt, signUp, talk, unread } from './account-kit.ts'
import { type Player, World } from './world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

async function friends(aheadMs = 0): Promise<{ world: World; alice: Player; bob: Player }> {
  const world = await World.create()
  const { player: alice } = await signUp(world, 'alice', 0)
  const bob = await world.prepare('bob', 1)
  bob.aheadMs = aheadMs
  await bob.start()
  await alice.session.send('bob', 'hello')
  await world.until(() => bob.texts.length === 1)
  await bob.session.send('alice', 'hi')
  await world.until(() => alice.texts.length === 1)
  await world.pass(7000)
  return { world, alice, bob }
}

test.serial('what crossed on the way stands in one order, and is told and unread', async (t) => {
  const { world, alice, bob } = await friends()
  await alice.session.markRead('bob')
  world.killServer()
  await world.pass(200)
  // the one who comes back later wrote in between
  for (const [who, text] of [
    [bob, 'b1'],
    [alice, 'a1'],
    [bob, 'b2'],
    [alice, 'a2'],
  ] as const) {
    await who.session.send(who === bob ? 'alice' : 'bob', text)
    await world.pass(1000, 500)
  }
  await world.startServer()
  await world.passUntil(() => alice.texts.length === 3 && bob.texts.length === 3)
  const order = ['alice: hello', 'bob: hi', 'bob: b1', 'alice: a1', 'bob: b2', 'alice: a2']
  t.deepEqual(await talk(alice, 'bob'), order)
  t.deepEqual(await talk(bob, 'alice'), order)
  t.deepEqual(alice.texts.slice(1), ['b1', 'b2'], 'told as it comes')
  t.is(await unread(alice, 'bob'), 2, 'although it stands above what she wrote')
  await alice.session.markRead('bob')
  t.is(await unread(alice, 'bob'), 0)
  const [chat] = await alice.session.chats()
  t.is(chat?.last?.body.kind === 'text' ? chat.last.body.text : '', 'a2', 'stands last')
  // a new device has it from the history
  const laptop = await logInAt(world, 'laptop', 'alice')
  await world.passUntil(async () => (await talk(laptop, 'bob')).length === order.length)
  t.deepEqual(await talk(laptop, 'bob'), order)
  await closeAll(alice, bob, laptop)
})

test.serial(
  'an answer stands behind what it answers, and nothing was said in the future',
  async (t) => {
    const { world, alice, bob } = await friends(20 * MINUTE_MS)
    for (const [who, text] of [
      [bob, 'from a clock that is ahead'],
      [alice, 'the answer'],
      [bob, 'and once more'],
      [alice, 'the end'],
    ] as const) {
      await who.session.send(who === bob ? 'alice' : 'bob', text)
      await world.passUntil(async () => {
        const other = who === bob ? alice : bob
        return (await talk(other, who === bob ? 'bob' : 'alice')).some((line) =>
          line.endsWith(text),
        )
      })
    }
    const lines = await talk(alice, 'bob')
    t.deepEqual(lines.slice(2), [
      'bob: from a clock that is ahead',
      'alice: the answer',
      'bob: and once more',
      'alice: the end',
    ])
    t.deepEqual(await talk(bob, 'alice'), lines)
    for (const player of [alice, bob]) {
      const chat = player === alice ? 'bob' : 'alice'
      for (const { saidAt, at, timeDoubtful } of await player.session.history(chat)) {
        t.true(saidAt <= at)
        t.false(timeDoubtful)
      }
    }
    await closeAll(alice, bob)
  },
)

test.serial('a clock that cannot be right moves nobody, and is said to be', async (t) => {
  const { world, alice, bob } = await friends()
  bob.aheadMs = 30 * HOUR_MS
  await bob.session.send('alice', 'from next week')
  await world.until(() => alice.texts.length === 2)
  await alice.session.send('bob', 'really')
  await world.until(() => bob.texts.length === 2)
  const rows = await alice.session.history('bob')
  t.deepEqual(
    rows.map(({ body, timeDoubtful }) => [body.kind === 'text' && body.text, timeDoubtful]),
    [
      ['hello', false],
      ['hi', false],
      ['from next week', true],
      ['really', false],
    ],
  )
  const now = world.clock.now()
  t.true(rows.every(({ saidAt }) => saidAt <= now))
  t.true(
    rows.filter(({ own }) => own).every(({ ts }) => ts <= now),
    'alice does not follow it',
  )
  await closeAll(alice, bob)
})
