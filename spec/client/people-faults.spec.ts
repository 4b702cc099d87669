// Strangers who want more than they may have, a directory that runs in circles, and others who answer in the server's place
// (PROTOCOL 4.1, 5.4, 7.3).
import test from 'ava'

import { LaunchKeys } from '../../lib/channel/launch-keys.ts'
import { ServerHandshaker } from '../../lib/channel/server-handshake.ts'
import type { ContactBook } from '../../lib/client/people/contact-book.ts'
import { Directory } from '../../lib/client/people/directory.ts'
import { Peers } from '../../lib/client/people/peers.ts'
import { Resends } from '../../lib/client/outbox/resends.ts'
import type { Peer } from '../../lib/client/people/peer.ts'
import type { Link } from '../../lib/client/link.ts'
import type { Outbox } from '../../lib/client/outbox/outbox.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import { sha256 } from '../../lib/crypto/hash.ts'
import { signDeviceList } from '../../lib/identity/device-list.ts'
import { renamed } from '../../lib/identity/device-list-edit.ts'
import { setVerified } from '../../lib/identity/pin.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import type { Frame } from '../../lib/protocol/frames.ts'
import { createMemoryStore } from '../../lib/storage/memory.ts'
import type { Records } from '../../lib/storage/ports.ts'
import { type Bytes, hex } from '../../lib/util/bytes.ts'
import { silentLog } from '../../lib/util/log.ts'
import { correspondent, signedBundleOf } from '../helpers/correspondents.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { person, SRV, T0 } from '../helpers/people.ts'
import { memoryPair } from './memory-pair.ts'
import { RawDevice, textBytes } from './raw-device.ts'
import { World } from './world.ts'

/** The answer to a request of this name on its way to bob. */
function answerTo(world: World, name: string, frame: Frame, to: string): boolean {
  return (
    frame.t === 'ok' &&
    to === 'bob' &&
    world.heard.some(
      ({ from, frame: f }) => from === 'bob' && f.t === name && 'r' in f && f.r === frame.r,
    )
  )
}

test.serial('a stranger asks once, however often', async (t) => {
  const world = await World.create()
  const bob = await world.join('bob', 1)
  const mallory = await RawDevice.of(await world.prepare('mallory', 2))
  const stream = await mallory.stream(bob)
  const ask = (note: string): Promise<void> =>
    stream.send(encodePayload({ k: 'req', id: randomBytes(16), ts: 1, b: note }))
  for (let i = 0; i < 5; i++) await ask('the same note')
  await ask('another one')
  // a message of another kind is the sign that all of them were judged
  await stream.text('done')
  await world.until(() => bob.texts.includes('done'))
  t.is(bob.session.requests().length, 1)
  const rows = await bob.session.history('mallory')
  t.is(rows.length, 2)
  await bob.session.decline(bob.session.requests()[0]?.number ?? 0)
  await ask('and again')
  await stream.text('done again')
  await world.until(() => bob.texts.includes('done again'))
  t.is(bob.session.requests().length, 0)
  t.is((await bob.session.history('mallory')).length, 3)
  await Promise.all([bob.session.close(), mallory.close()])
})

test.serial('a stranger opens many streams, and only a few are kept', async (t) => {
  const world = await World.create()
  const bob = await world.join('bob', 1)
  const mallory = await RawDevice.of(await world.prepare('mallory', 2))
  for (let i = 0; i < 30; i++) {
    const stream = await mallory.stream(bob)
    await stream.text(`stream ${i}`)
    await world.until(() => bob.texts.length >= Math.min(5, i + 1))
  }
  await world.pass(500)
  t.is(bob.texts.length, 5)
  const name = bob.home.profiles[0] ?? ''
  await bob.session.close()
  const store = await (await bob.home.openProfile(name)).openStore(Buffer.alloc(32))
  const kept = await store.records.list('recv', 'acct', hex(mallory.who.acct), null, 100)
  t.true(kept.length > 0 && kept.length <= 16, `${kept.length} streams`)
  await mallory.close()
})

test.serial('two people may give two files the same id', async (t) => {
  const world = await World.create()
  const bob = await world.join('bob', 1)
  const fid = randomBytes(16)
  for (const [name, key] of [
    ['mallory', 2],
    ['alice', 0],
  ] as const) {
    const device = await RawDevice.of(await world.prepare(name, key))
    const stream = await device.stream(bob)
    const sha = sha256(Buffer.from(name))
    await stream.send(
      encodePayload({
        ...{ k: 'file', id: randomBytes(16), ts: 1, fid, name: `${name}.txt` },
        ...{ size: 3, n: 1, key: randomBytes(32), sha },
      }),
    )
    await world.until(() => bob.of('file-offer').some(({ offer }) => offer.peer === name))
    await device.close()
  }
  const offers = await bob.session.files()
  t.deepEqual(offers.map(({ peer }) => peer).sort(), ['alice', 'mallory'])
  t.is(new Set(offers.map(({ number }) => number)).size, 2)
  bob.disk.write('/mine', Buffer.from('mine'))
  await t.throwsAsync(bob.session.offerFile('bob', '/mine'), { code: 'E_USAGE' } as object)
  await bob.session.close()
})

test.serial('a server that floods a client before anything is acknowledged is left', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  const after = world.clock.after.bind(world.clock)
  const held: (() => void)[] = []
  world.clock.after = (ms, fn) => {
    if (ms !== 0 || held.length > 0) return after(ms, fn)
    held.push(fn)
    return { cancel: () => undefined }
  }
  let flooded = false
  world.tamper = (frame, to) => {
    if (frame.t !== 'mail' || to !== 'bob' || flooded) return null
    flooded = true
    return Array.from({ length: 1200 }, () => frame)
  }
  await alice.session.send('bob', 'one')
  await world.until(() => bob.session.status().connection.state !== 'online')
  world.clock.after = after
  held[0]?.()
  await world.passUntil(() => bob.session.status().connection.state === 'online')
  await world.passUntil(async () => (await bob.stored('alice')).length === 1)
  t.deepEqual(bob.texts, ['one'])
  await Promise.all([alice.session.close(), bob.session.close()])
})

test.serial('a directory that promises more lists and repeats the same is an alarm', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await alice.session.send('bob', 'hi')
  await world.until(() => bob.texts.length === 1)
  const list = alice.who?.dl
  if (list === undefined) return
  world.tamper = (frame, to) =>
    answerTo(world, 'dir.get', frame, to)
      ? [{ t: 'ok', r: 'r' in frame ? (frame.r ?? 0) : 0, cur: 9, dls: [list], bun: [] }]
      : null
  const contact = await bob.session.whois('alice')
  t.is(contact.alarm, 'E_GAP')
  world.tamper = null
  await Promise.all([alice.session.close(), bob.session.close()])
})

test.serial('a contact of another device is known by its new name as well', async (t) => {
  const alice = await person('alice', { key: 0 })
  const bob = await person('bob', { key: 1 })
  const list = await signDeviceList(
    alice.aik,
    renamed(alice.verified, parseUsername('alicia'), T0 + 1),
  )
  const pin = setVerified(alice.verified.pin, true)
  const clock = new FakeClock(T0 + 10)
  const peers = await Peers.open(createMemoryStore({ clock }).records)
  const book = {
    find: (acct: Bytes) => (hex(acct) === hex(alice.acct) ? noted : undefined),
    findByName: (user: string) => (user === 'alice' ? noted : undefined),
    pins: () => [pin],
    changed: () => undefined,
  }
  const noted = { pin, accepted: true, displayName: 'Al' }
  const link = {
    online: true,
    request: () => Promise.resolve({ cur: 2, dls: [list], bun: [] }),
  }
  const directory = new Directory({
    ...{ srv: SRV, acct: bob.acct, peers, clock, log: silentLog, emit: () => undefined },
    isBlocked: () => false,
    link: link as unknown as Link,
    book: book as unknown as ContactBook,
  })
  const met = await directory.meet(parseUsername('alicia'))
  t.is(met.pin.user, parseUsername('alicia'))
  t.deepEqual(met.pin.former, [parseUsername('alice')])
  t.true(met.pin.verified && met.accepted)
})

test.serial(
  'keys that were just fetched count, though another stream throws them away',
  async (t) => {
    const alice = await correspondent('alice', { key: 0 })
    const bob = await person('bob', { key: 1 })
    const clock = new FakeClock(T0 + 10)
    const { records } = createMemoryStore({ clock })
    const peers = await Peers.open({
      list: () => Promise.resolve([]),
      // as a stream that was refused does at any moment
      putMany: (kind: string, items: Parameters<Records['putMany']>[1]) => {
        directory.forget(alice.acct)
        return records.putMany(kind, items)
      },
    } as unknown as Records)
    const bundles = [await signedBundleOf(alice, alice.inbox)]
    const directory: Directory = new Directory({
      ...{ srv: SRV, acct: bob.acct, peers, clock, log: silentLog, emit: () => undefined },
      isBlocked: () => false,
      link: {
        online: true,
        request: () => Promise.resolve({ cur: 1, dls: [alice.dl], bun: bundles }),
      } as unknown as Link,
      book: {
        find: () => undefined,
        findByName: () => undefined,
        pins: () => [],
        changed: () => undefined,
      } as unknown as ContactBook,
    })
    for (let i = 0; i < 2; i++) {
      const reached = await directory.reach(alice.acct)
      t.deepEqual(
        reached.map(({ dev }) => hex(dev)),
        [hex(alice.dev)],
      )
    }
  },
)

test.serial('an older list of the own devices is noticed at each login', async (t) => {
  const world = await World.create()
  const bob = await world.join('bob', 1)
  world.tamper = (frame, to) =>
    frame.t === 'ok' && answerTo(world, 'dev.login', frame, to) ? [{ ...frame, n: 0 }] : null
  world.cutNetwork('bob')
  await world.passUntil(() => bob.of('notice').some(({ code }) => code === 'E_ROLLBACK'))
  t.not(bob.session.status().connection.state, 'online')
  world.tamper = null
  await world.passUntil(() => bob.session.status().connection.state === 'online')
  // more than this device knows is looked at
  world.heard.length = 0
  world.tamper = (frame, to) =>
    frame.t === 'ok' && answerTo(world, 'dev.login', frame, to) ? [{ ...frame, n: 7 }] : null
  world.cutNetwork('bob')
  await world.passUntil(() => world.heard.some(({ frame }) => frame.t === 'dir.get'))
  await bob.session.close()
  t.pass()
})

test.serial('somebody who answers in place of the server silences nobody for good', async (t) => {
  const world = await World.create()
  const bob = await world.join('bob', 1)
  const sik = rsa3072(6)
  const { clock } = world
  const identity = await LaunchKeys.create({
    ...{ sik, srv: sha256(sik.publicKey.spki), chain: [], clock, log: silentLog },
    generate: () => Promise.resolve(rsa2048(15)),
  })
  const impostor = new ServerHandshaker({
    ...{ identity, clock, log: silentLog, limits: { perSecond: 0 } },
  })
  const dial = world.dial.bind(world)
  let calls = 0
  world.dial = () => {
    const wire = memoryPair()
    calls += 1
    impostor.accept(wire.b, '192.0.2.9:1').catch(() => undefined)
    return Promise.resolve(wire.a)
  }
  world.heard.length = 0
  world.cutNetwork('bob')
  await world.passUntil(() => bob.of('notice').length > 0)
  await world.pass(150_000, 5000)
  t.true(calls >= 2 && calls <= 6, `${calls} calls`)
  t.deepEqual(
    bob.of('notice').map(({ level, code }) => [level, code]),
    [['alarm', 'E_SERVER_IDENTITY']],
  )
  t.deepEqual(bob.of('forced-logout'), [])
  world.dial = dial
  await world.passUntil(() => bob.session.status().connection.state === 'online')
  identity.close()
  await bob.session.close()
})

test.serial('a device id alone is no right to hear a message again', async (t) => {
  const alice = await person('alice', { key: 0 })
  const mallory = await person('mallory', { key: 2 })
  const clock = new FakeClock()
  const conv = hex(randomBytes(32))
  const st = randomBytes(16)
  const item = {
    ...{ seq: 1, mid: 'aa', conv, acct: alice.acct, kind: 'text', payload: textBytes('secret') },
    ...{ at: clock.now(), nth: 0, state: 'accepted' },
    tx: { st, i: 0, devs: [Buffer.concat([alice.acct, alice.dev])] },
  }
  const sent: unknown[] = []
  const outbox = {
    sentAs: () => Promise.resolve(item),
    add: (payload: unknown) => Promise.resolve(sent.push(payload)),
    renew: () => undefined,
  }
  const resends = new Resends({
    outbox: () => outbox as unknown as Outbox,
    parties: { isHeard: () => true },
    opening: () => null,
    directory: { forget: () => undefined } as unknown as Directory,
    clock,
    log: silentLog,
    emit: () => undefined,
  })
  const peer = { id: 'x', conv, pin: alice.verified.pin } as unknown as Peer
  const request = { k: 'resend', id: randomBytes(16), ts: 1, st, i: [0], why: 'gap' } as const
  const from = { acct: mallory.acct, dev: alice.dev }
  await resends.asked(request, { conv, peer, from })
  t.is(sent.length, 0)
  // and three times at most to the device it was for
  for (let i = 0; i < 5; i++) await resends.asked(request, { conv, peer, from: alice })
  t.is(sent.length, 3)
  clock.jump(8 * 24 * 3_600_000)
  await resends.asked({ ...request, id: randomBytes(16) }, { conv, peer, from: alice })
  t.is(sent.length, 3)
})

test.serial(
  'a hundred messages are sent again in an hour, to one person, and no more',
  async (t) => {
    const alice = await person('alice', { key: 0 })
    const bob = await person('bob', { key: 1 })
    const clock = new FakeClock()
    const st = randomBytes(16)
    const sent: string[] = []
    const notices: unknown[] = []
    const outbox = {
      sentAs: (_st: Bytes, i: number) =>
        Promise.resolve({
          ...{ seq: i, mid: String(i), conv: 'c', kind: 'text', payload: textBytes('text') },
          ...{ at: clock.now(), nth: 0, state: 'accepted' },
          tx: { st, i, devs: [alice, bob].map(({ acct, dev }) => Buffer.concat([acct, dev])) },
        }),
      add: (_payload: unknown, { acct }: { readonly acct: Bytes }) =>
        Promise.resolve(sent.push(hex(acct))),
      renew: () => undefined,
    }
    const resends = new Resends({
      outbox: () => outbox as unknown as Outbox,
      parties: { isHeard: () => true },
      opening: () => null,
      directory: { forget: () => undefined } as unknown as Directory,
      clock,
      log: silentLog,
      emit: (event) => notices.push(event),
    })
    const ask = async (who: typeof alice, from: number, count: number): Promise<number> => {
      const before = sent.length
      const peer = { id: hex(who.acct), conv: 'c', pin: who.verified.pin } as unknown as Peer
      for (let at = from; at < from + count; at += 50) {
        const i = Array.from({ length: 50 }, (_, k) => at + k)
        const request = { k: 'resend', id: randomBytes(16), ts: 1, st, i, why: 'gap' } as const
        await resends.asked(request, { conv: 'c', peer, from: who })
      }
      return sent.length - before
    }
    t.is(await ask(alice, 0, 300), 100)
    t.is(notices.length, 1, 'said once')
    t.is(await ask(bob, 0, 50), 50, 'somebody else has a hundred of their own')
    clock.advance(3_599_000)
    t.is(await ask(alice, 300, 50), 0)
    clock.advance(1000)
    t.is(await ask(alice, 350, 200), 100)
  },
)

test.serial('who is accepted while his first message comes in stays accepted', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await alice.session.send('bob', 'hi')
  // alice is looked up by her name and by her account at once
  await bob.session.acceptContact('alice')
  await world.passUntil(() => bob.texts.includes('hi'))
  await world.pass(1000)
  t.deepEqual(
    bob.session.contacts().map(({ user, accepted }) => [user, accepted]),
    [['alice', true]],
  )
  await Promise.all([alice, bob].map((player) => player.session.close()))
})
