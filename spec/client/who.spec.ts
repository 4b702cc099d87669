// Names on the server and who is online, between real clients: what is asked, and of whom; servers that do not offer it;
// no connection (PROTOCOL 14.2).
import test from 'ava'

import { hex } from '../../lib/util/bytes.ts'
import { type Player, World } from './world.ts'

const ASKED = ['info', 'dir.find', 'dir.show', 'dir.seen']

function asked(world: World, from: string): string[] {
  return world.heard
    .filter((each) => each.from === from && ASKED.includes(each.frame.t))
    .map(({ frame }) => frame.t)
}

async function scene(
  config = { directory: 'yes', presence: 'yes' } as { directory?: 'yes'; presence?: 'yes' },
): Promise<{ world: World; alice: Player; bob: Player; carol: Player }> {
  const world = await World.create({ config })
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  const carol = await world.join('carol', 2)
  await alice.session.send('bob', 'hello')
  await world.passUntil(() => bob.texts.includes('hello'))
  await bob.session.send('alice', 'hi')
  await world.passUntil(() => alice.texts.includes('hi'))
  world.heard.length = 0
  return { world, alice, bob, carol }
}

async function closeAll(...players: readonly Player[]): Promise<void> {
  for (const player of players) await player.session.close()
}

function acctOf(player: Player): string {
  return hex(player.who?.acct ?? new Uint8Array())
}

test.serial('nobody is asked and nobody is shown before somebody wants it', async (t) => {
  const { world, alice, bob, carol } = await scene()
  await world.pass(60_000, 5000)
  t.deepEqual(asked(world, 'alice'), [])
  t.is(alice.session.life.choice('presence'), 'off')
  t.deepEqual(await alice.session.who.online(), { known: false, why: 'hidden' })
  t.deepEqual(asked(world, 'alice'), ['info'])
  await closeAll(alice, bob, carol)
})

test.serial(
  'two who show themselves see each other; a stranger is not even asked about',
  async (t) => {
    const { world, alice, bob, carol } = await scene()
    await alice.session.whois('carol')
    for (const each of [alice, bob, carol]) await each.session.life.choose('presence', 'on')
    world.heard.length = 0
    t.deepEqual(await alice.session.who.online(), { known: true, accts: new Set([acctOf(bob)]) })
    const questions = world.heard.flatMap(({ frame }) =>
      frame.t === 'dir.seen' ? [frame.accts] : [],
    )
    t.deepEqual(
      questions.map((accts) => accts.map(hex)),
      [[acctOf(bob)]],
    )
    await alice.session.block('bob')
    t.deepEqual(await alice.session.who.online(), { known: true, accts: new Set() })
    await alice.session.unblock('bob')

    await bob.session.life.choose('presence', 'off')
    t.deepEqual(await alice.session.who.online(), { known: true, accts: new Set() })
    t.deepEqual(await bob.session.who.online(), { known: false, why: 'hidden' })
    await closeAll(alice, bob, carol)
  },
)

test.serial('after a lost connection it says so again; offline nothing is known', async (t) => {
  const { world, alice, bob, carol } = await scene()
  for (const each of [alice, bob]) await each.session.life.choose('presence', 'on')
  world.cutNetwork('bob')
  await world.until(() => bob.session.status().connection.state !== 'online')
  t.deepEqual(await bob.session.who.online(), { known: false, why: 'offline' })
  t.deepEqual(await bob.session.who.find('al'), { known: false, why: 'offline' })
  world.heard.length = 0
  await world.passUntil(() => asked(world, 'bob').includes('dir.show'))
  await world.passUntil(async () => {
    const online = await alice.session.who.online()
    return online.known && online.accts.has(acctOf(bob))
  })
  t.pass()
  await closeAll(alice, bob, carol)
})

test.serial('the choice holds for all devices of an account', async (t) => {
  const world = await World.create({ config: { presence: 'yes' } })
  const desk = await world.prepare('alice', 0, { others: [3] })
  await desk.start()
  const laptop = await world.otherDevice(desk, 3)
  await laptop.start()
  await desk.session.life.choose('presence', 'on')
  await world.passUntil(() => laptop.session.life.choice('presence') === 'on')
  await world.passUntil(() => asked(world, laptop.name).includes('dir.show'))
  t.pass()
  await closeAll(desk, laptop)
})

test.serial('names: folded, without the own one; too short is not asked', async (t) => {
  const { world, alice, bob, carol } = await scene()
  t.deepEqual(await alice.session.who.find('BO'), { known: true, users: ['bob'], more: false })
  t.deepEqual(await alice.session.who.find('al'), { known: true, users: [], more: false })
  t.deepEqual(await alice.session.who.find('carol'), { known: true, users: ['carol'], more: false })
  world.heard.length = 0
  for (const wrong of ['', 'c', '4', 'b b', 'é'.repeat(2), 'a'.repeat(33), '-a']) {
    t.deepEqual(await alice.session.who.find(wrong), { known: false, why: 'no-beginning' }, wrong)
  }
  t.deepEqual(asked(world, 'alice'), [])
  await closeAll(alice, bob, carol)
})

test.serial(
  'where the operator does not allow it, or an older server would not know the frames, none is sent',
  async (t) => {
    const { world, alice, bob, carol } = await scene({})
    t.deepEqual(await alice.session.who.find('bo'), { known: false, why: 'not-offered' })
    t.deepEqual(await alice.session.who.online(), { known: false, why: 'not-offered' })
    await alice.session.life.choose('presence', 'on')
    t.is(alice.session.life.choice('presence'), 'on')
    t.deepEqual(await alice.session.who.online(), { known: false, why: 'not-offered' })
    t.true(asked(world, 'alice').every((name) => name === 'info'))
    t.is(alice.session.status().connection.state, 'online')
    const items = await alice.session.account.stored()
    t.true(items.some(({ what, detail }) => what === 'name search' && detail.startsWith('off')))
    t.true(items.some(({ what, detail }) => what === 'online state' && detail.includes('nobody')))
    await closeAll(alice, bob, carol)
  },
)

test.serial('refusals and wrong answers are no errors of the list', async (t) => {
  const { world, alice, bob, carol } = await scene()
  await alice.session.life.choose('presence', 'on')
  const questions = new Set<number>()
  const answering = (answer: (r: number) => Parameters<World['inject']>[1]): void => {
    world.tamper = (frame, to) => {
      const last = world.heard.findLast(({ from }) => from === to)?.frame
      const isAnswer = to === 'alice' && (frame.t === 'ok' || frame.t === 'err')
      if (!isAnswer || (last?.t !== 'dir.find' && last?.t !== 'dir.seen')) return null
      questions.add(last.r)
      return [answer(last.r)]
    }
  }
  for (const [c, why] of [
    ['E_STATE', 'not-offered'],
    ['E_RATE', 'later'],
    ['E_BUSY', 'later'],
    ['E_INTERNAL', 'later'],
  ] as const) {
    answering((r) => ({ t: 'err', r, c }))
    t.deepEqual(await alice.session.who.find('bo'), { known: false, why }, c)
    t.deepEqual(await alice.session.who.online(), { known: false, why }, c)
  }
  // names nobody asked for are not shown
  answering((r) => ({ t: 'ok', r, users: ['mallory', 'bob'], on: [] }))
  t.deepEqual(await alice.session.who.find('bo'), { known: true, users: ['bob'], more: false })
  t.is(questions.size, 9)
  world.tamper = null
  await closeAll(alice, bob, carol)
})

test.serial('a server that does not answer does not hold up the list', async (t) => {
  const { world, alice, bob, carol } = await scene()
  world.tamper = (frame, to) => (to === 'alice' && frame.t === 'ok' ? [] : null)
  const answer = alice.session.who.find('bo')
  await world.pass(3000)
  t.deepEqual(await answer, { known: false, why: 'later' })
  world.tamper = null
  await closeAll(alice, bob, carol)
})
