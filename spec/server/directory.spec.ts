// The directory over the wire: lists and bundles as far as the asker lacks them; new lists by compare-and-swap; renaming,
// adding and removing devices; who hears of it (PROTOCOL 5.4, 5.5, 14.2).
import test from 'ava'

import { registrationStart } from '../../lib/crypto/opaque.ts'
import {
  type CurrentList,
  renamed,
  withDevice,
  withoutDevice,
} from '../../lib/identity/device-list-edit.ts'
import { type DeviceList, loginKeyId } from '../../lib/identity/device-list-body.ts'
import {
  signDeviceList,
  type VerifiedDeviceList,
  verifyDeviceList,
} from '../../lib/identity/device-list.ts'
import { keyLoginStatement } from '../../lib/identity/login-proof.ts'
import type { SignedDeviceList } from '../../lib/protocol/composites.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import type { ServerConfig } from '../../lib/server/config.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { DAY, T0 } from '../helpers/people.ts'
import {
  bundleOf,
  type Client,
  deviceLogin,
  type Member,
  type Relay,
  RELAY_SRV,
  settle,
  SpecStream,
  startRelay,
  VAULT,
  verdict,
} from '../helpers/relay.ts'

const LK = rsa3072(5)
const LK_ID = loginKeyId(LK.publicKey)
const PHONE = { id: Buffer.alloc(8, 0xee), dsk: rsa2048(12).publicKey, ts: T0 }

/** Alice with a key file, Bob; Alice's account connection may change her list. */
async function scene(config: Partial<ServerConfig> = {}): Promise<{
  relay: Relay
  alice: Member
  bob: Member
  owner: Client
  b: Client
}> {
  const relay = await startRelay({ config })
  const alice = await relay.add('alice', {
    key: 0,
    body: { lks: [{ id: LK_ID, lk: LK.publicKey }] },
  })
  const bob = await relay.add('bob', { key: 1 })
  const owner = await relay.connect()
  await accountLogin(owner, alice)
  return { relay, alice, bob, owner, b: await relay.login(bob) }
}

async function accountLogin(client: Client, { acct }: Member): Promise<void> {
  const statement = keyLoginStatement(client.connection.exporter, { srv: RELAY_SRV, acct })
  await client.ok('lk.login', { acct, id: LK_ID, sig: await LK.signAsync(statement) })
}

interface Version extends CurrentList {
  readonly dl: SignedDeviceList
}

async function follow(
  alice: Member,
  current: VerifiedDeviceList | Version,
  edit: (current: CurrentList) => DeviceList,
): Promise<Version> {
  const dl = await signDeviceList(alice.aik, edit(current))
  const { list, pin } = verifyDeviceList(undefined, { srv: RELAY_SRV }, dl)
  return { list, pin, dl }
}

function bytes(lists: readonly SignedDeviceList[]): Buffer[] {
  return lists.map(({ b }) => Buffer.from(b))
}

test('by name and by id: the current list and the live bundles', async (t) => {
  const { alice, b } = await scene()
  for (const query of [{ user: alice.user }, { acct: alice.acct }]) {
    const reply = await b.ok('dir.get', query)
    t.is(reply.cur, 1)
    t.deepEqual(bytes(reply.dls), bytes([alice.dl]))
    t.deepEqual(
      reply.bun.map((bundle) => Buffer.from(bundle.b)),
      [Buffer.from(alice.bundle.b)],
    )
  }
  t.deepEqual(await b.ok('dir.get', { acct: alice.acct, n: 1, k: [alice.klid] }), {
    cur: 1,
    dls: [],
    bun: [],
  })
})

test('what does not exist, and what is asked wrongly', async (t) => {
  const { alice, b } = await scene()
  t.deepEqual(await b.err('dir.get', { user: parseUsername('nobody.here') }), { c: 'E_NOT_FOUND' })
  t.deepEqual(await b.err('dir.get', { acct: Buffer.alloc(32, 7) }), { c: 'E_NOT_FOUND' })
  t.deepEqual(await b.err('dir.get', {}), { c: 'E_FORMAT' })
  t.deepEqual(await b.err('dir.get', { user: alice.user, acct: alice.acct }), { c: 'E_FORMAT' })
  // nobody is shown an older state than they have seen
  t.like(await b.err('dir.get', { acct: alice.acct, n: 5 }), { c: 'E_BUSY' })
})

test('an expired bundle is not served', async (t) => {
  const { relay, alice, b } = await scene()
  relay.clock.jump(31 * DAY)
  t.deepEqual((await b.ok('dir.get', { acct: alice.acct })).bun, [])
})

test('a new device: chained lists one by one, own devices and writers hear of it', async (t) => {
  const { relay, alice, bob, owner, b } = await scene()
  const device = await relay.login(alice)
  const stream = new SpecStream(b, bob, [alice])
  await stream.open()
  await stream.put()
  const second = await follow(alice, alice.verified, (current) => withDevice(current, PHONE))
  t.deepEqual(await owner.ok('dl.put', { dl: second.dl }), {})
  await device.until('dl.new')
  t.like(device.of('dl.new')[0], { n: 2 })
  t.is(verdict(await stream.put()), 'E_STALE_STREAM')

  const third = await follow(alice, second, (current) =>
    renamed(current, parseUsername('alicia'), T0),
  )
  await owner.ok('dl.put', { dl: third.dl })
  const all = await b.ok('dir.get', { acct: alice.acct, n: 1 })
  t.is(all.cur, 3)
  t.deepEqual(bytes(all.dls), bytes([second.dl, third.dl]))
  t.deepEqual(bytes((await b.ok('dir.get', { acct: alice.acct, n: 2 })).dls), bytes([third.dl]))
  t.deepEqual(bytes((await b.ok('dir.get', { acct: alice.acct })).dls), bytes([third.dl]))
})

test('long histories come in pages; bundles with the last one', async (t) => {
  const { alice, owner, b } = await scene()
  let current: Version = { ...alice.verified, dl: alice.dl }
  for (let n = 2; n <= 12; n++) {
    current = await follow(alice, current, ({ list, pin }) => ({
      ...list,
      n: list.n + 1,
      prev: pin.h,
    }))
    await owner.ok('dl.put', { dl: current.dl })
  }
  const first = await b.ok('dir.get', { acct: alice.acct, n: 1 })
  t.deepEqual([first.cur, first.dls.length, first.bun.length], [12, 8, 0])
  const second = await b.ok('dir.get', { acct: alice.acct, n: 9 })
  t.deepEqual([second.cur, second.dls.length, second.bun.length], [12, 3, 1])
})

test('a list that does not follow the current one is refused; a repeated one is not', async (t) => {
  const { alice, bob, owner } = await scene()
  const second = await follow(alice, alice.verified, (current) => withDevice(current, PHONE))
  await owner.ok('dl.put', { dl: second.dl })
  t.deepEqual(await owner.ok('dl.put', { dl: second.dl }), {})
  t.deepEqual(await owner.err('dl.put', { dl: alice.dl }), { c: 'E_CAS', n: 2 })
  const fork = await follow(alice, alice.verified, (current) =>
    renamed(current, parseUsername('other'), T0),
  )
  t.deepEqual(await owner.err('dl.put', { dl: fork.dl }), { c: 'E_CAS', n: 2 })
  t.deepEqual(await owner.err('dl.put', { dl: bob.dl }), { c: 'E_AUTH' })
  const unsigned = {
    ...second.dl,
    b: (await follow(alice, second, (c) => renamed(c, parseUsername('other'), T0))).dl.b,
  }
  t.deepEqual(await owner.err('dl.put', { dl: unsigned }), { c: 'E_AUTH' })
  const lossy = await follow(alice, second, ({ list, pin }) => ({
    ...list,
    n: 3,
    prev: pin.h,
    devs: list.devs.slice(0, 1),
  }))
  t.deepEqual(await owner.err('dl.put', { dl: lossy.dl }), { c: 'E_FORMAT' })
})

test('so many new lists a day, whether they are taken or not', async (t) => {
  const { relay, alice, bob, owner } = await scene({ listChangesPerDay: 3 })
  const second = await follow(alice, alice.verified, (current) => withDevice(current, PHONE))
  const third = await follow(alice, second, (current) =>
    renamed(current, parseUsername('alicia'), T0),
  )
  t.like(await owner.err('dl.put', { dl: bob.dl }), { c: 'E_AUTH' })
  await owner.ok('dl.put', { dl: second.dl })
  await owner.ok('dl.put', { dl: second.dl })
  const other = await relay.connect()
  await accountLogin(other, alice)
  t.like(await other.err('dl.put', { dl: third.dl }), { c: 'E_RATE', after: 8 * 3_600_000 })
  relay.clock.advance(59_000)
  t.like(await owner.err('dl.put', { dl: third.dl }), { c: 'E_RATE' })
})

test('two lists at once: one wins, the other is told the current number', async (t) => {
  const { relay, alice, owner } = await scene()
  const other = await relay.connect()
  await accountLogin(other, alice)
  const versions = await Promise.all([
    follow(alice, alice.verified, (current) => withDevice(current, PHONE)),
    follow(alice, alice.verified, (current) => renamed(current, parseUsername('alicia'), T0)),
  ])
  const answers = await Promise.all([
    owner.ask('dl.put', { dl: versions[0].dl }),
    other.ask('dl.put', { dl: versions[1].dl }),
  ])
  t.deepEqual(answers.map(verdict).sort(), ['E_CAS', 'ok'])
})

test('a renaming that loses a race reserves no name', async (t) => {
  const { relay, alice, owner } = await scene()
  const other = await relay.connect()
  await accountLogin(other, alice)
  const names = ['alicia', 'alix'].map(parseUsername)
  const versions = await Promise.all(
    names.map((name) => follow(alice, alice.verified, (current) => renamed(current, name, T0))),
  )
  const answers = await Promise.all(
    versions.map(({ dl }, k) => (k === 0 ? owner : other).ask('dl.put', { dl })),
  )
  t.deepEqual(answers.map(verdict).sort(), ['E_CAS', 'ok'])
  const stranger = await relay.connect()
  const req = registrationStart('x').message
  for (const [k, user] of names.entries()) {
    const expected = answers[k]?.t === 'ok' ? 'E_TAKEN' : 'ok'
    t.is(verdict(await stranger.ask('reg.start', { user, req })), expected)
  }
})

test('list and vault change together or not at all', async (t) => {
  const { alice, owner } = await scene()
  const second = await follow(alice, alice.verified, (current) => withDevice(current, PHONE))
  t.deepEqual(await owner.err('dl.put', { dl: second.dl, vault: { ...VAULT, ver: 3 } }), {
    c: 'E_CAS',
    n: 1,
  })
  t.like(await owner.ok('vault.get', {}), { vault: { ver: 1 } })
  await owner.ok('dl.put', { dl: second.dl, vault: { ...VAULT, ver: 2 } })
  t.like(await owner.ok('vault.get', {}), { vault: { ver: 2 } })
})

test('a removed device is disconnected, its mail and keys are dropped', async (t) => {
  const { relay, alice, bob, owner, b } = await scene()
  const device = await relay.login(alice)
  await device.vanish()
  const stream = new SpecStream(b, bob, [alice])
  await stream.open()
  await stream.put()
  const back = await relay.login(alice)
  await back.until('mail')
  const second = await follow(alice, alice.verified, (current) =>
    withoutDevice(withSpare(current), alice.dev, T0, { vv: 2, re: 1 }),
  )
  await owner.ok('dl.put', { dl: second.dl, vault: { ...VAULT, ver: 2 } })
  t.is(await back.goodbye(), 'E_NO_DEVICE')
  const reply = await b.ok('dir.get', { acct: alice.acct })
  t.deepEqual([reply.cur, reply.bun.length], [2, 0])
  t.is(verdict(await stream.put()), 'E_STALE_STREAM')
  t.is(verdict(await new SpecStream(b, bob, [alice]).open()), 'E_NO_DEVICE')
  await t.throwsAsync(relay.login(alice), { message: /E_AUTH/ })
  const box = `${alice.acct.toString('base64url')}.${alice.dev.toString('base64url')}`
  t.deepEqual(await relay.store.mail.usage(box), { count: 0, bytes: 0 })

  /** A list must keep one device to stay valid for this spec. */
  function withSpare({ list, pin }: CurrentList): CurrentList {
    return { list: { ...list, devs: [...list.devs, PHONE] }, pin }
  }
})

test('the device that removes itself still gets its answer', async (t) => {
  const { relay, alice } = await scene()
  const client = await relay.connect()
  await accountLogin(client, alice)
  await client.ok('dev.login', await deviceLogin(client, alice))
  const second = await follow(alice, alice.verified, ({ list, pin }) =>
    withoutDevice({ list: { ...list, devs: [...list.devs, PHONE] }, pin }, alice.dev, T0, {
      vv: 1,
      re: 0,
    }),
  )
  t.deepEqual(await client.ok('dl.put', { dl: second.dl }), {})
  t.is(await client.goodbye(), 'E_NO_DEVICE')
})

test('renaming: the old name resolves to nobody and stays taken, at most twice a month', async (t) => {
  const { relay, alice, bob, owner, b } = await scene()
  const name = parseUsername
  const second = await follow(alice, alice.verified, (current) =>
    renamed(current, name('alicia'), T0),
  )
  await owner.ok('dl.put', { dl: second.dl })
  t.like(await b.err('dir.get', { user: name('alice') }), { c: 'E_NOT_FOUND' })
  t.is((await b.ok('dir.get', { user: name('alicia') })).cur, 2)
  const stranger = await relay.connect()
  const req = Buffer.alloc(32, 1)
  t.like(await stranger.err('reg.start', { user: name('alice'), req }), { c: 'E_TAKEN' })
  t.like(await stranger.err('reg.start', { user: name('alicia'), req }), { c: 'E_TAKEN' })

  const third = await follow(alice, second, (current) => renamed(current, bob.user, T0))
  t.deepEqual(await owner.err('dl.put', { dl: third.dl }), { c: 'E_TAKEN' })
  const back = await follow(alice, second, (current) => renamed(current, name('alice'), T0))
  await owner.ok('dl.put', { dl: back.dl })
  const fourth = await follow(alice, back, (current) => renamed(current, name('alix'), T0))
  t.like(await owner.err('dl.put', { dl: fourth.dl }), { c: 'E_RATE' })
  relay.clock.jump(31 * DAY)
  t.deepEqual(await owner.ok('dl.put', { dl: fourth.dl }), {})
})

test('bundles: only of the own device, only newer ones, verified', async (t) => {
  const { relay, alice, bob, b } = await scene()
  const now = relay.clock.now()
  const second = await bundleOf(bob, 7, now)
  t.deepEqual(await b.ok('bun.put', { bundle: second }), {})
  t.deepEqual(await b.ok('bun.put', { bundle: second }), {})
  t.deepEqual(await b.err('bun.put', { bundle: await bundleOf(bob, 7, now - 1) }), {
    c: 'E_CAS',
    n: 7,
  })
  t.deepEqual(await b.err('bun.put', { bundle: bob.bundle }), { c: 'E_CAS', n: 7 })
  t.like(await b.err('bun.put', { bundle: alice.bundle }), { c: 'E_FORMAT' })
  const forged = { ...(await bundleOf({ ...bob, dsk: alice.dsk }, 8, now)) }
  t.like(await b.err('bun.put', { bundle: forged }), { c: 'E_AUTH' })
  t.like(await b.err('bun.put', { bundle: await bundleOf(bob, 8, now - 32 * DAY) }), {
    c: 'E_STALE_BUNDLE',
  })
})

test('asking is limited, by name more than by id', async (t) => {
  const relay = await startRelay({
    config: { directoryPerMinute: 4, directoryByNamePerMinute: 1 },
  })
  const alice = await relay.add('alice', { key: 0 })
  const bob = await relay.add('bob', { key: 1 })
  const b = await relay.login(bob)
  for (let k = 0; k < 2; k++) await b.ok('dir.get', { user: alice.user })
  t.like(await b.err('dir.get', { user: alice.user }), { c: 'E_RATE', after: 60_000 })
  for (let k = 0; k < 5; k++) await b.ok('dir.get', { acct: alice.acct })
  t.like(await b.err('dir.get', { acct: alice.acct }), { c: 'E_RATE', after: 15_000 })
  // a new connection is not a new budget
  await b.vanish()
  const again = await relay.login(bob)
  t.like(await again.err('dir.get', { acct: alice.acct }), { c: 'E_RATE' })
  relay.clock.advance(15_000)
  await settle()
  t.is((await again.ok('dir.get', { acct: alice.acct })).cur, 1)
})

test('new recipients are limited; old ones are not', async (t) => {
  const relay = await startRelay({ config: { newRecipientsPerDay: 2 } })
  const [alice, ...others] = await Promise.all(
    ['alice', 'bob', 'carol', 'dave'].map((name, key) => relay.add(name, { key })),
  )
  if (alice === undefined) return t.fail()
  const a = await relay.login(alice)
  const answers: string[] = []
  for (const who of others) answers.push(verdict(await new SpecStream(a, alice, [who]).open()))
  t.deepEqual(answers, ['ok', 'ok', 'E_RATE'])
  for (const who of others.slice(0, 2)) {
    t.is(verdict(await new SpecStream(a, alice, [who]).open()), 'ok')
  }
})
