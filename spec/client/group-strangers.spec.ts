// Groups of people whom one does not know: nothing is shown, nothing is answered before they are accepted (PROTOCOL 7.3, 8).
import test from 'ava'

import { PENDING_ITEMS } from '../../lib/client/groups/group.ts'
import { befriend, linesOf, saw } from './group-kit.ts'
import { type Player, World } from './world.ts'

interface Scene {
  readonly world: World
  readonly mallory: Player
  readonly bob: Player
  readonly dave: Player
}

/** Mallory knows dave; nobody knows bob. */
async function scene(): Promise<Scene> {
  const world = await World.create()
  const mallory = await world.join('mallory', 0)
  const bob = await world.join('bob', 1)
  const dave = await world.join('dave', 2)
  await befriend(mallory, dave)
  return { world, mallory, bob, dave }
}

function closeAll({ mallory, bob, dave }: Scene): Promise<unknown> {
  return Promise.all([mallory, bob, dave].map((player) => player.session.close()))
}

test.serial(
  'a group of strangers waits with all that is said in it, and is there when accepted',
  async (t) => {
    const it = await scene()
    const { world, mallory, bob, dave } = it
    await mallory.session.groups.create('party', ['bob', 'dave'])
    await mallory.session.send('#party', 'come all')
    await saw(world, 'come all', dave)
    mallory.disk.write('/plan.txt', Buffer.from('plan'))
    await mallory.session.offerFile('#party', '/plan.txt')
    await world.passUntil(() => bob.session.requests().length === 1)
    await world.pass(20_000, 1000)
    const [request] = bob.session.requests()
    t.is(request?.user, 'mallory')
    t.is(request?.group?.standing, 'pending')
    t.is(request?.group?.chat, '#party')
    t.is(bob.of('group').length, 1)
    t.deepEqual([bob.texts, bob.of('message'), bob.of('file-offer')], [[], [], []])
    t.deepEqual(await bob.session.history('#party'), [])
    t.deepEqual(await bob.session.files(), [])
    t.deepEqual(await bob.session.chats(), [])
    const search = bob.session.life.search('come')
    await world.pass(100)
    t.deepEqual(await search, [])
    await t.throwsAsync(bob.session.send('#party', 'who are you?'), { code: 'E_STATE' })
    t.false(world.heard.some(({ from, frame }) => from === 'bob' && frame.t === 'msg.put'))

    const answer = await bob.session.accept(request?.number ?? 0)
    t.is('group' in answer ? answer.group?.standing : '', 'member')
    t.deepEqual(bob.session.requests(), [])
    t.deepEqual(await linesOf(bob, '#party'), ['[created]', 'mallory: come all', '[file]'])
    t.is(bob.of('file-offer').length, 1)
    await bob.session.send('#party', 'here I am')
    await saw(world, 'here I am', mallory, dave)
    // joined, and yet no contact
    t.deepEqual(
      bob.session.contacts().map(({ user }) => user),
      [],
    )
    await closeAll(it)
  },
)

test.serial('an invitation is announced, once, though the group has changed since', async (t) => {
  const it = await scene()
  const { world, mallory, bob, dave } = it
  await bob.session.close()
  await mallory.session.groups.create('party', ['bob', 'dave'])
  await mallory.session.groups.topic('#party', 'tonight')
  await world.passUntil(() => mallory.session.status().queued === 0)
  await bob.restart()
  await world.passUntil(() => bob.session.requests().length === 1)
  await mallory.session.groups.topic('#party', 'tomorrow')
  await mallory.session.send('#party', 'come all')
  await saw(world, 'come all', dave)
  await world.pass(2000)
  t.deepEqual(
    bob.of('group').map(({ by, changes }) => [by, changes.map(({ what }) => what)]),
    [['mallory', ['created']]],
  )
  await closeAll(it)
})

test.serial('who declines is out, and hears nothing more', async (t) => {
  const it = await scene()
  const { world, mallory, bob } = it
  await mallory.session.groups.create('party', ['bob', 'dave'])
  await world.passUntil(() => bob.session.requests().length === 1)
  const answer = await bob.session.decline(bob.session.requests()[0]?.number ?? 0)
  t.is('group' in answer ? answer.group?.standing : '', 'left')
  await world.passUntil(() => mallory.session.groups.of('#party').members.length === 2)
  await mallory.session.send('#party', 'what a bore')
  await world.pass(5000)
  t.deepEqual(bob.texts, [])
  t.deepEqual(bob.session.requests(), [])
  await closeAll(it)
})

test.serial('somebody known vouches for a group of strangers', async (t) => {
  const it = await scene()
  const { world, mallory, bob, dave } = it
  await befriend(dave, bob)
  await mallory.session.groups.create('party', ['bob', 'dave'])
  await mallory.session.send('#party', 'hello')
  await saw(world, 'hello', dave)
  await world.passUntil(() => bob.session.requests().length === 1)
  await dave.session.send('#party', 'it is fine, bob')
  await saw(world, 'it is fine, bob', bob)
  t.deepEqual(bob.session.requests(), [])
  await world.passUntil(() => bob.texts.includes('hello'))
  t.deepEqual(await linesOf(bob, '#party'), [
    '[created]',
    'mallory: hello',
    'dave: it is fine, bob',
  ])
  await closeAll(it)
})

test.serial('a stranger fills neither the list of requests nor the disk', async (t) => {
  t.timeout(120_000)
  const it = await scene()
  const { world, mallory, bob } = it
  for (let i = 0; i < 6; i++) await mallory.session.groups.create(`party${i}`, ['bob'])
  await world.pass(3000)
  t.is(bob.session.requests().length, 3)
  for (let i = 0; i < PENDING_ITEMS + 10; i++) await mallory.session.send('#party0', `spam ${i}`)
  await world.pass(20_000, 500)
  const [request] = bob.session.requests()
  t.is(request?.group?.name, 'party0')
  await bob.session.accept(request?.number ?? 0)
  const lines = await linesOf(bob, '#party0')
  t.is(lines.length, PENDING_ITEMS + 1)
  t.is(lines.at(-1), `mallory: spam ${PENDING_ITEMS - 1}`)
  await closeAll(it)
})

test.serial('a blocked inviter does not get through, a blocked member is not heard', async (t) => {
  const it = await scene()
  const { world, mallory, bob, dave } = it
  await befriend(dave, bob)
  await bob.session.block('mallory')
  await mallory.session.groups.create('party', ['bob', 'dave'])
  await mallory.session.send('#party', 'psst')
  await saw(world, 'psst', dave)
  await world.pass(3000)
  t.deepEqual(bob.session.groups.list(), [])
  await dave.session.send('#party', 'bob, look')
  await saw(world, 'bob, look', bob)
  await mallory.session.send('#party', 'hehe')
  await saw(world, 'hehe', dave)
  await bob.session.send('#party', 'fine')
  await saw(world, 'fine', dave, mallory)
  await world.pass(3000)
  t.deepEqual(bob.texts, ['hi', 'bob, look'].slice(bob.texts.includes('hi') ? 0 : 1))
  await closeAll(it)
})

test.serial('two groups of one name, and names that cannot be typed', async (t) => {
  const it = await scene()
  const { mallory } = it
  const { groups } = mallory.session
  t.is((await groups.create('party', [])).chat, '#party')
  t.is((await groups.create('Party', [])).chat, '#party-2')
  t.is((await groups.rename('#party-2', 'disco')).chat, '#disco')
  for (const bad of ['', '#', 'two words', 'a\nb', 'x'.repeat(40), '-', '\u{1F600}']) {
    await t.throwsAsync(groups.create(bad, []), { code: 'E_USAGE' }, JSON.stringify(bad))
  }
  await t.throwsAsync(groups.create('party', ['nobody9']), { code: 'E_NOT_FOUND' })
  await t.throwsAsync(groups.create('party', ['No Name']), { code: 'E_FORMAT' })
  await t.throwsAsync(groups.invite('#party', ['mallory']), { code: 'E_STATE' })
  await t.throwsAsync(groups.invite('#party', []), { code: 'E_USAGE' })
  await t.throwsAsync(groups.kick('#party', 'dave'), { code: 'E_NOT_FOUND' })
  await t.throwsAsync(groups.kick('#party', 'mallory'), { code: 'E_USAGE' })
  await t.throwsAsync(groups.admin('#party', 'mallory', false), { code: 'E_STATE' })
  await t.throwsAsync(groups.topic('#party', 'x'.repeat(281)), { code: 'E_TOO_BIG' })
  await t.throwsAsync(groups.topic('#parti', 'x'), { code: 'E_NOT_FOUND' })
  await t.throwsAsync(mallory.session.send('#parti', 'x'), { code: 'E_NOT_FOUND' })
  t.throws(() => groups.of('dave'), { code: 'E_NOT_FOUND' })
  t.is((await groups.topic('#party', ' now\n and  here ')).topic, 'now and here')
  t.is((await groups.topic('#party', '')).topic, '')
  t.is(groups.of(String(groups.of('#party').number)).chat, '#party')
  await closeAll(it)
})
