// A server that shows other identities than the known ones, and senders who pretend (PROTOCOL 19): what the user sees, and
// that nothing is sent meanwhile.
import test from 'ava'

import { randomBytes } from '../../lib/crypto/random.ts'
import { InboxKeys } from '../../lib/envelope/inbox-keys.ts'
import { signBundle } from '../../lib/identity/bundle.ts'
import { renamed } from '../../lib/identity/device-list-edit.ts'
import { signDeviceList } from '../../lib/identity/device-list.ts'
import type { SignedBundle, SignedDeviceList } from '../../lib/protocol/composites.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import type { ErrorCode } from '../../lib/util/errors.ts'
import { DAY, type Person, person, T0 } from '../helpers/people.ts'
import { type Entry, lieAbout, replaceAccountKey } from './lies.ts'
import { RawDevice, textBytes } from './raw-device.ts'
import { type Player, World, WORLD_SRV } from './world.ts'

async function friends(): Promise<{ world: World; alice: Player; bob: Player; who: Person }> {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await bob.session.send('alice', 'hi')
  await world.until(() => alice.texts.length === 1)
  await alice.session.send('bob', 'hello')
  await world.until(() => bob.texts.length === 1)
  const { who } = alice
  if (who === null) throw new Error('nobody')
  return { world, alice, bob, who }
}

async function makeBundle(signer: Person, { acct, dev }: Person): Promise<SignedBundle> {
  const { rsa, x, pq } = await InboxKeys.generate()
  return signBundle(signer.dsk, {
    ...{ srv: WORLD_SRV, acct, dev, rsa, x, pq, n: 2 ** 33, rq: 0 },
    ...{ nb: T0, na: T0 + 31 * DAY },
  })
}

test.serial(
  'other keys than the known ones block a contact until the known ones are back',
  async (t) => {
    const { world, alice, bob, who } = await friends()
    const mallory = await person('mallory', { key: 2, srv: WORLD_SRV })
    const forked = renamed(
      { ...who.verified, pin: { ...who.verified.pin, h: randomBytes(32) } },
      who.user,
      T0 + 1,
    )
    const byOther = await signDeviceList(mallory.aik, { ...forked, prev: who.verified.pin.h })
    const fork = await signDeviceList(who.aik, forked)
    const lies: readonly (readonly [ErrorCode, (truth: Entry) => Entry])[] = [
      ['E_IDENTITY', () => ({ cur: 2, dls: [byOther], bun: [] })],
      ['E_SIG', () => ({ cur: 2, dls: [{ ...byOther, ik: who.dl.ik }], bun: [] })],
      ['E_FORK', () => ({ cur: 2, dls: [fork], bun: [] })],
      ['E_GAP', (truth) => ({ ...truth, cur: 5 })],
    ]
    const bundles = [
      ['E_GHOST_DEVICE', await makeBundle(mallory, { ...who, dev: mallory.dev })],
      ['E_SIG', await makeBundle(mallory, who)],
    ] as const
    const all = [
      ...lies,
      ...bundles.map(
        ([code, bundle]) => [code, (truth: Entry): Entry => ({ ...truth, bun: [bundle] })] as const,
      ),
    ]
    for (const [i, [code, lie]] of all.entries()) {
      // receipts and the like have gone their way
      await world.pass(3000)
      lieAbout(world, who.acct, lie)
      const contact = await bob.session.whois('alice')
      world.heard.length = 0
      t.deepEqual([contact.trust, contact.alarm], ['blocked', code], `lie ${i}`)
      t.true(bob.of('contact').some(({ change }) => change === 'identity-alarm'))
      const { mid } = await bob.session.send('alice', `text ${i}`)
      await world.until(() => bob.stateOf(mid) === 'held')
      t.is(bob.of('message-state').find((e) => e.mid === mid && e.state === 'held')?.code, code)
      await t.throwsAsync(bob.session.trust('alice'), { code: 'E_UNTRUSTED' } as object)
      await world.pass(500)
      const sent = world.heard.filter(({ from, frame }) => from === 'bob' && frame.t === 'msg.put')
      t.is(sent.length, 0, `lie ${i}`)
      world.tamper = null
      t.is((await bob.session.trust('alice')).trust, 'unverified')
      await world.passUntil(() => alice.texts.includes(`text ${i}`))
      bob.events = []
    }
    await Promise.all([alice.session.close(), bob.session.close()])
  },
)

test.serial(
  'an account key that was replaced holds everything until the user says so',
  async (t) => {
    const { world, alice, bob, who } = await friends()
    await bob.session.setVerified('alice', true)
    await replaceAccountKey(world, who)
    t.is((await bob.session.whois('alice')).trust, 'changed')
    t.true(bob.of('contact').some(({ change }) => change === 'key-changed'))
    const { mid } = await bob.session.send('alice', 'only for alice')
    await world.until(() => bob.stateOf(mid) === 'held')
    t.is(
      bob.of('message-state').find((e) => e.mid === mid && e.state === 'held')?.code,
      'E_UNTRUSTED',
    )
    await world.pass(2000)
    t.false(alice.texts.includes('only for alice'))
    t.is((await bob.session.trust('alice')).trust, 'unverified')
    await world.passUntil(() => alice.texts.includes('only for alice'))
    await Promise.all([alice.session.close(), bob.session.close()])
  },
)

for (const [code, d, dh] of [
  ['E_ROLLBACK', 7, Buffer.alloc(8)],
  ['E_FORK', 1, Buffer.alloc(8, 1)],
] as const) {
  test.serial(
    `a directory that shows another list than the peer itself has: ${code}`,
    async (t) => {
      const world = await World.create()
      const bob = await world.join('bob', 1)
      const mallory = await RawDevice.of(await world.prepare('mallory', 2))
      const stream = await mallory.stream(bob)
      await stream.text('one', { v: { b: 1, d: 1, dh: mallory.who.verified.pin.h.subarray(0, 8) } })
      await world.until(() => bob.texts.includes('one'))
      await bob.session.acceptContact('mallory')
      t.is(bob.session.contacts()[0]?.trust, 'unverified')
      const second = await mallory.stream(bob)
      await second.text('two', { v: { b: 1, d, dh } })
      await world.passUntil(() => bob.of('contact').some((e) => e.change === 'identity-alarm'))
      const contact = bob.session.contacts()[0]
      t.deepEqual([contact?.trust, contact?.alarm], ['blocked', code])
      const { mid } = await bob.session.send('mallory', 'who are you')
      await world.until(() => bob.stateOf(mid) === 'held')
      await Promise.all([bob.session.close(), mallory.close()])
    },
  )
}

test.serial('two messages under one name: the first counts, with a warning', async (t) => {
  const world = await World.create()
  const bob = await world.join('bob', 1)
  const mallory = await RawDevice.of(await world.prepare('mallory', 2))
  const stream = await mallory.stream(bob)
  const id = randomBytes(16)
  for (const text of ['I owe you 5', 'I owe you 5', 'I owe you nothing']) {
    await stream.send(textBytes(text, id))
  }
  await stream.text('done')
  await world.until(() => bob.texts.includes('done'))
  t.deepEqual(await bob.stored('mallory'), ['I owe you 5', 'done'])
  t.deepEqual(
    bob.of('notice').map(({ code, level }) => [code, level]),
    [['E_DUPLICATE', 'warning']],
  )
  await Promise.all([bob.session.close(), mallory.close()])
})

test.serial('a stranger gets five messages and one offer in, and nothing out', async (t) => {
  const world = await World.create()
  const bob = await world.join('bob', 1)
  const mallory = await RawDevice.of(await world.prepare('mallory', 2))
  const stream = await mallory.stream(bob)
  world.heard.length = 0
  for (let i = 0; i < 8; i++) {
    await stream.text(`text ${i}`)
    const fid = randomBytes(16)
    await stream.send(
      encodePayload({
        ...{ k: 'file', id: randomBytes(16), ts: 1, fid, name: `${i}.txt` },
        ...{ size: 3, n: 1, key: randomBytes(32), sha: randomBytes(32) },
      }),
    )
  }
  await world.passUntil(() =>
    world.heard.some(({ frame }) => frame.t === 'mail.ack' && frame.q >= 16),
  )
  await world.pass(20_000, 1000)
  t.deepEqual(
    await bob.stored('mallory'),
    [0, 1, 2, 3, 4].map((i) => `text ${i}`),
  )
  t.deepEqual(
    (await bob.session.files()).map(({ name }) => name),
    ['0.txt'],
  )
  t.false(world.heard.some(({ from, frame }) => from === 'bob' && frame.t === 'msg.put'))
  await Promise.all([bob.session.close(), mallory.close()])
})

test.serial('nobody else ever carries the name of a contact', async (t) => {
  const { world, alice, bob } = await friends()
  const mallory = await RawDevice.of(await world.prepare('mallory', 2))
  const { who } = mallory
  const body = { ...who.body, user: parseUsername('alice') }
  const list: SignedDeviceList = await signDeviceList(who.aik, body)
  lieAbout(world, who.acct, (truth) => ({ ...truth, dls: [list] }))
  const stream = await mallory.stream(bob)
  await stream.text('it is me, alice')
  await world.passUntil(() => bob.of('notice').some(({ code }) => code === 'E_NAME'))
  world.tamper = null
  t.is(bob.of('notice')[0]?.level, 'alarm')
  t.deepEqual(await bob.stored('alice'), ['hello'])
  t.deepEqual(
    bob.session.contacts().map(({ user }) => user),
    ['alice'],
  )
  await Promise.all([alice.session.close(), bob.session.close(), mallory.close()])
})
