// A server that lies about devices: each lie is noticed by the session it is told to, before anything is written to the
// wrong keys (PROTOCOL 5.4, 5.5, 6.3, 6.5, 19).
import test from 'ava'

import { signBundle } from '../../lib/identity/bundle.ts'
import { parseDeviceList } from '../../lib/identity/device-list-body.ts'
import { nextDeviceList, withDevice } from '../../lib/identity/device-list-edit.ts'
import { signDeviceList, verifyDeviceList } from '../../lib/identity/device-list.ts'
import { decodeHead } from '../../lib/envelope/head.ts'
import type { SignedDeviceList } from '../../lib/protocol/composites.ts'
import type { Frame } from '../../lib/protocol/frames.ts'
import { equal } from '../../lib/util/bytes.ts'
import { fixedInboxKeys } from '../helpers/correspondents.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { closeAll, logInAt, PASSWORD, signUp } from './account-kit.ts'
import { deskAndLaptop, type Friends } from './scenes.ts'
import { type Player, World, WORLD_SRV } from './world.ts'

const GHOST = { id: Buffer.alloc(8, 0xee), dsk: rsa2048(15).publicKey, ts: 1 }

async function friends(): Promise<Friends> {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await alice.session.send('bob', 'hello')
  await world.until(() => bob.texts.length === 1)
  await bob.session.send('alice', 'hi')
  await world.until(() => alice.texts.length === 1)
  return { world, alice, bob }
}

/** The answers to `dir.get` of one client, changed. */
function answers(
  world: World,
  name: string,
  change: (reply: { cur: number; dls: SignedDeviceList[]; bun: unknown[] }) => object,
): void {
  world.tamper = (frame: Frame, to: string) => {
    if (to !== name) return null
    if (frame.t === 'err' && frame.c === 'E_BUSY' && frame.r !== undefined) {
      // an honest server says no to who has seen more
      return [{ t: 'ok', r: frame.r, ...change({ cur: 0, dls: [], bun: [] }) }]
    }
    if (frame.t !== 'ok' || !('dls' in frame)) return null
    const reply = frame as unknown as { cur: number; dls: SignedDeviceList[]; bun: unknown[] }
    return [{ ...frame, ...change(reply) }]
  }
}

function alarmOf(player: Player): string | undefined {
  return player.of('contact').find(({ change }) => change === 'identity-alarm')?.contact.alarm
}

/** The list of a person in the world, and what could follow it. */
function listOf({ who }: Player) {
  if (who === null) throw new Error('not a ready-made person')
  const verified = verifyDeviceList(undefined, { srv: WORLD_SRV }, who.dl)
  return { who, current: { list: verified.list, pin: verified.pin } }
}

/** Bob writes; the alarm must come and the text must not leave. */
async function nothingLeaves(
  t: { is(a: unknown, b: unknown): void; false(a: boolean): void },
  { world, alice, bob }: Friends,
  code: string,
): Promise<void> {
  // the lie is told when bob looks; some are looked at twice
  void bob.session.whois('alice').catch(() => undefined)
  await world.passUntil(() => alarmOf(bob) !== undefined)
  t.is(alarmOf(bob), code)
  // receipts may have gone out before
  world.heard.length = 0
  const sent = await bob.session.send('alice', 'must not leave')
  await world.pass(2000)
  t.is(bob.stateOf(sent.mid), 'held')
  t.false(world.heard.some(({ from, frame }) => from === 'bob' && frame.t === 'msg.put'))
  t.false(alice.texts.includes('must not leave'))
}

test.serial('a ghost device in a list that its account did not sign', async (t) => {
  const scene = await friends()
  const { who, current } = listOf(scene.alice)
  const forged = await signDeviceList(rsa3072(6), withDevice(current, GHOST))
  answers(scene.world, 'bob', () => ({ cur: 2, dls: [{ ...forged, ik: who.dl.ik }], bun: [] }))
  await nothingLeaves(t, scene, 'E_SIG')
  await closeAll(scene.alice, scene.bob)
})

test.serial('keys of a device that is in no list', async (t) => {
  const scene = await friends()
  const { who } = listOf(scene.alice)
  const { rsa, x, pq } = fixedInboxKeys(3)
  const now = scene.world.clock.now()
  const body = { srv: who.srv, acct: who.acct, dev: GHOST.id, n: 9, rq: 0 as const, nb: now }
  const bundle = await signBundle(rsa2048(15), { ...body, rsa, x, pq, na: now + 86_400_000 })
  answers(scene.world, 'bob', ({ bun }) => ({ bun: [...bun, bundle] }))
  await nothingLeaves(t, scene, 'E_GHOST_DEVICE')
  await closeAll(scene.alice, scene.bob)
})

test.serial('a bundle of a listed device that the device did not sign', async (t) => {
  const scene = await friends()
  const { who } = listOf(scene.alice)
  const { rsa, x, pq } = fixedInboxKeys(3)
  const now = scene.world.clock.now()
  const n = Math.floor(now / 1000) + 1000
  const body = { srv: who.srv, acct: who.acct, dev: who.dev, n, rq: 0 as const, nb: now }
  const bundle = await signBundle(rsa2048(15), { ...body, rsa, x, pq, na: now + 86_400_000 })
  answers(scene.world, 'bob', () => ({ bun: [bundle] }))
  await nothingLeaves(t, scene, 'E_SIG')
  await closeAll(scene.alice, scene.bob)
})

test.serial('another list of the same number', async (t) => {
  const scene = await friends()
  const { who, current } = listOf(scene.alice)
  // the thief of an account key could sign this; the pin still says what was there before
  const fork = await signDeviceList(who.aik, { ...current.list, ts: current.list.ts + 1 })
  answers(scene.world, 'bob', () => ({ cur: 1, dls: [fork], bun: [] }))
  await nothingLeaves(t, scene, 'E_FORK')
  await closeAll(scene.alice, scene.bob)
})

test.serial('a list that was there before', async (t) => {
  const scene = await friends()
  const { who, current } = listOf(scene.alice)
  const next = await signDeviceList(who.aik, nextDeviceList(current, 5, {}))
  answers(scene.world, 'bob', () => ({ cur: 2, dls: [next] }))
  await scene.bob.session.whois('alice')
  answers(scene.world, 'bob', () => ({ cur: 1, dls: [who.dl], bun: [] }))
  await nothingLeaves(t, scene, 'E_ROLLBACK')
  await closeAll(scene.alice, scene.bob)
})

test.serial('lists that are named and not shown', async (t) => {
  const scene = await friends()
  answers(scene.world, 'bob', () => ({ cur: 3, dls: [] }))
  await nothingLeaves(t, scene, 'E_GAP')
  await closeAll(scene.alice, scene.bob)
})

test.serial(
  'a removal that the server hides from contacts is told by the account itself',
  async (t) => {
    const { world, desk, laptop, bob } = await deskAndLaptop()
    await world.passUntil(() => desk.session.account.devices().length === 2)
    await bob.session.send('alice', 'to both')
    await world.until(() => laptop.texts.includes('to both'))
    const gone = Buffer.from(laptop.session.me.dev, 'hex')
    const { list: pinned } = await listServed(world, 'alice')

    // from now on bob is told that nothing has changed
    answers(world, 'bob', ({ dls }) => ({
      cur: pinned.n,
      dls: dls.filter((dl) => !isLater(dl, pinned.n)),
    }))
    await desk.session.account.revokeDevice(2, PASSWORD)
    await world.passUntil(() => alarmOf(bob) !== undefined)
    t.is(alarmOf(bob), 'E_ROLLBACK')
    world.heard.length = 0
    const sent = await bob.session.send('alice', 'not for the laptop')
    await world.pass(2000)
    t.is(bob.stateOf(sent.mid), 'held')
    t.is(heads(world, 'bob').length, 0)

    // the truth comes back: it goes out, to who is still there
    world.tamper = null
    await bob.session.trust('alice')
    await world.passUntil(() => desk.texts.includes('not for the laptop'))
    t.true(heads(world, 'bob').length > 0)
    t.false(heads(world, 'bob').some((head) => head.to.some(({ dev }) => equal(dev, gone))))
    await closeAll(desk, bob)
  },
)

test.serial('a removed device that goes on getting mail cannot read it', async (t) => {
  const { world, desk, laptop, bob } = await deskAndLaptop()
  await world.passUntil(() => desk.session.account.devices().length === 2)
  await bob.session.send('alice', 'to both')
  await world.until(() => laptop.texts.includes('to both') && desk.texts.includes('to both'))

  // the server neither hangs up nor tells, and hands the laptop all that the desk gets
  const copied: Frame[] = []
  world.tamper = (frame, to) => {
    if (to === 'laptop' && (frame.t === 'bye' || frame.t === 'dl.new')) return []
    if (to === 'alice' && frame.t === 'mail') copied.push(frame)
    return null
  }
  await desk.session.account.revokeDevice(2, PASSWORD)
  await world.passUntil(() => bob.of('contact').some(({ change }) => change === 'removed-device'))
  world.heard.length = 0
  await bob.session.send('alice', 'after the removal')
  await world.until(() => desk.texts.includes('after the removal'))
  const sealed = heads(world, 'bob')
  t.true(sealed.length > 0)
  const gone = Buffer.from(laptop.session.me.dev, 'hex')
  t.false(sealed.some((head) => head.to.some(({ dev }) => equal(dev, gone))))
  t.true(copied.length > 0)
  t.is(laptop.of('forced-logout').length, 0, 'it does not even know')
  for (const frame of copied) world.inject('laptop', frame)
  await world.pass(3000)
  t.false(laptop.texts.includes('after the removal'))
  const local = await laptop.session.history('bob')
  t.true(local.length > 0)
  t.false(JSON.stringify(local).includes('after the removal'))
  const closed = closeAll(desk, laptop, bob)
  await world.pass(3000) // the laptop waits a moment for answers that do not come
  await closed
})

test.serial(
  'an older list of the own devices is refused at login and alarms a running session',
  async (t) => {
    const world = await World.create()
    const { player: desk } = await signUp(world, 'alice', 0)
    const laptop = await logInAt(world, 'laptop', 'alice')
    await world.passUntil(() => desk.session.account.devices().length === 2)
    world.tamper = (frame) =>
      frame.t === 'ok' && 'mail' in frame && 'n' in frame ? [{ ...frame, n: 1 }] : null
    world.cutNetwork('alice')
    await world.passUntil(() => desk.of('notice').some(({ code }) => code === 'E_ROLLBACK'))
    await desk.session.close()
    await t.throwsAsync((await desk.lobby()).resume(), { code: 'E_ROLLBACK' })
    await closeAll(laptop)
  },
)

async function listServed(world: World, user: string) {
  const stored = await world.accounts.byName(user as never)
  if (stored === null) throw new Error('no such account')
  return { list: parseDeviceList(stored.account.list.b) }
}

function isLater(dl: SignedDeviceList, n: number): boolean {
  return parseDeviceList(dl.b).n > n
}

/** Stream heads that a client sent since `heard` was cleared. */
function heads(world: World, name: string) {
  return world.heard.flatMap(({ from, frame }) =>
    from === name && frame.t === 'st.open' && frame.head !== undefined
      ? [decodeHead(frame.head)]
      : [],
  )
}
