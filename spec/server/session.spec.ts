// One connection and what it may do: states, budgets, garbage, limits before and after login, room for all, closing.
// Every rule is seen from the outside: what a hostile peer sends must cost it the connection and nobody else anything.
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'

import { registrationStart } from '../../lib/crypto/opaque.ts'
import { bundleKeyId } from '../../lib/identity/bundle.ts'
import { decodeFrame, encodeFrame } from '../../lib/protocol/codec.ts'
import {
  type Frame,
  FRAMES,
  frameRow,
  type FrameName,
  type FrameOf,
} from '../../lib/protocol/frames.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import type { Appended, Store } from '../../lib/storage/ports.ts'
import { Accounts } from '../../lib/server/accounts.ts'
import { accountId } from '../../lib/server/ids.ts'
import { concat, utf8 } from '../../lib/util/bytes.ts'
import type { LogFields } from '../../lib/util/log.ts'
import { silentLog } from '../../lib/util/log.ts'
import { fieldSamples, leastOf, mostOf } from '../helpers/notation-samples.ts'
import { runs } from '../helpers/refusals.ts'
import { rsa2048 } from '../helpers/keys.ts'
import { T0 } from '../helpers/people.ts'
import {
  bundleOf,
  type Client,
  deviceLogin,
  type Member,
  settle,
  SpecStream,
  startRelay,
  verdict,
} from '../helpers/relay.ts'

const NAMES = Object.keys(FRAMES) as FrameName[]

/** The server still serves others. */
async function isAlive(t: ExecutionContext, witness: Client): Promise<void> {
  t.like(await witness.ok('ping', {}), { now: 1_770_000_000_000 })
}

test('garbage after the handshake ends that connection, and no other', async (t) => {
  const relay = await startRelay()
  const witness = await relay.connect('198.51.100.1:1')
  for (const bytes of [
    Buffer.from('GET / HTTP/1.1'),
    Buffer.from([0xa0]),
    encodeFrame({ t: 'ping', r: 1 }).subarray(1),
    Buffer.alloc(1000, 0xff),
  ]) {
    const client = await relay.connect()
    client.raw(bytes)
    t.is(await client.goodbye(), 'E_FORMAT')
  }
  await settle()
  t.is(relay.server.stats().connections, 1)
  await isAlive(t, witness)
})

test('random bytes instead of frames, in any number', async (t) => {
  const relay = await startRelay()
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { minLength: 1, maxLength: 5 }),
      async (frames) => {
        fc.pre(!frames.every(isFrame))
        relay.clock.advance(100)
        const client = await relay.connect()
        for (const frame of frames) client.raw(frame)
        return (await client.goodbye()) !== ''
      },
    ),
    runs(10),
  )
  t.pass()
})

function isFrame(bytes: Uint8Array): boolean {
  try {
    decodeFrame(bytes)
    return true
  } catch {
    return false
  }
}

test('a frame in the wrong state: a request is refused, a push ends the connection', async (t) => {
  const relay = await startRelay()
  const alice = await relay.add('alice', { key: 0 })
  const anonymous = await relay.connect()
  t.deepEqual(await anonymous.err('dir.get', { user: alice.user }), { c: 'E_STATE' })
  t.deepEqual(await anonymous.err('vault.get', {}), { c: 'E_STATE' })
  t.deepEqual(await anonymous.err('file.get', { fid: Buffer.alloc(16), i: 0 }), { c: 'E_STATE' })
  anonymous.push({ t: 'mail.ack', q: 1 })
  t.is(await anonymous.goodbye(), 'E_STATE')

  const device = await relay.login(alice)
  t.deepEqual(await device.err('vault.get', {}), { c: 'E_STATE' })
  t.deepEqual(
    await device.err('login.start', { user: alice.user, ke1: Buffer.alloc(96) }),
    { c: 'E_STATE' },
    'a second login on one connection',
  )
  for (const frame of [
    { t: 'mail.end', q: 1 },
    { t: 'dl.new', acct: alice.acct, n: 2 },
    { t: 'ok', r: 1 },
    { t: 'err', r: 1, c: 'E_AUTH' },
  ] as const) {
    const client = await relay.connect()
    client.raw(encodeFrame(frame))
    t.is(await client.goodbye(), 'E_STATE', frame.t)
  }
})

/** The smallest and the largest well-formed fields of a frame; what they say is nonsense. */
function nonsense(name: FrameName): Record<string, unknown>[] {
  const samples = fieldSamples(frameRow(name).fields)
  return [leastOf(samples), mostOf(samples)]
}

/** How the server takes a frame: a verdict, or a goodbye. */
async function outcomeOf(client: Client, name: FrameName, fields: object): Promise<string> {
  const ended = client.goodbye().then((code) => `bye ${code}`)
  if (frameRow(name).push) {
    client.raw(encodeFrame({ t: name, ...fields } as unknown as Frame))
    return Promise.race([ended, settle().then(() => 'taken')])
  }
  // any request will do for the compiler: the fields fit the name
  return Promise.race([ended, client.ask(name as 'ping', fields).then(verdict)])
}

test('well-formed nonsense in every state: one answer or a goodbye, never an internal error', async (t) => {
  const errors: LogFields[] = []
  const log = {
    ...silentLog,
    error: (_event: string, fields: LogFields = {}) => {
      errors.push(fields)
    },
  }
  const relay = await startRelay({ log })
  const alice = await relay.add('alice', { key: 0 })
  for (const name of NAMES) {
    relay.clock.advance(1000) // so many hellos in one second would ask for puzzles
    for (const [k, fields] of nonsense(name).entries()) {
      const device = await relay.login(alice)
      t.not(await outcomeOf(device, name, fields), 'E_INTERNAL', `${name} ${k}`)
      await device.vanish()
      // before login a record takes no more than 64 KiB
      if (encodeFrame({ t: name, r: 1, ...fields } as unknown as Frame).length > 60_000) continue
      const anonymous = await relay.connect()
      t.not(await outcomeOf(anonymous, name, fields), 'E_INTERNAL', `${name} ${k}`)
      await anonymous.vanish()
    }
  }
  t.deepEqual(errors, [])
})

test('before login: sixteen frames, then half a frame a second', async (t) => {
  const relay = await startRelay()
  const client = await relay.connect()
  for (let k = 0; k < 16; k++) await client.ok('ping', {})
  t.like(await client.err('ping', {}), { c: 'E_RATE', after: 1875 })
  relay.clock.advance(1875)
  await client.ok('ping', {})
  t.like(await client.err('info', {}), { c: 'E_RATE' })
  // who does not wait as told is sent away
  for (let k = 0; k < 1000; k++) client.raw(encodeFrame({ t: 'ping', r: 10_000 + k }))
  t.is(await client.goodbye(), 'E_RATE')
})

test('a connection that never logs in is ended', async (t) => {
  const relay = await startRelay()
  const alice = await relay.add('alice', { key: 0 })
  const silent = await relay.connect()
  const device = await relay.login(alice)
  relay.clock.advance(59_000)
  await device.ok('ping', {})
  t.is(silent.bye, null)
  relay.clock.advance(10_000)
  t.is(await silent.goodbye(), 'E_RATE')
  t.is(device.bye, null)
})

test('one connection is one device, however fast another one asks', async (t) => {
  const relay = await startRelay()
  const members = [await relay.add('alice', { key: 0 }), await relay.add('bob', { key: 1 })]
  const client = await relay.connect()
  const logins = await Promise.all(members.map((member) => deviceLogin(client, member)))
  const answers = await Promise.all(logins.map((login) => client.ask('dev.login', login)))
  t.deepEqual(answers.map(verdict).sort(), ['E_STATE', 'ok'])
  t.is(relay.server.stats().devices, 1)
  await client.leave()
  t.is(relay.server.stats().devices, 0)
})

test('a device that is removed while it logs in does not get in', async (t) => {
  let remove: (() => Promise<unknown>) | null = null
  const store = (inner: Store): Store => ({
    ...inner,
    mail: {
      ...inner.mail,
      usage: async (box) => {
        await remove?.()
        return inner.mail.usage(box)
      },
    },
  })
  const relay = await startRelay({ store })
  const alice = await relay.add('alice', { key: 0 })
  const owner = await relay.login(alice)
  const client = await relay.connect()
  const login = await deviceLogin(client, alice)
  await owner.leave()
  const accounts = new Accounts(relay.store.records, relay.clock)
  remove = async () => {
    remove = null
    await accounts.delete(accountId(alice.acct))
    // as another node tells
    await relay.router.publish('directory', concat(Buffer.alloc(8), utf8(accountId(alice.acct))))
  }
  t.like(await client.err('dev.login', login), { c: 'E_AUTH' })
  t.is(relay.server.stats().devices, 0)
})

test('a device may send so much, over whatever connection', async (t) => {
  const relay = await startRelay({ config: { sendsPerSecond: 2, sendBurst: 3 } })
  const alice = await relay.add('alice', { key: 0 })
  const bob = await relay.add('bob', { key: 1 })
  const a = await relay.login(alice)
  const stream = new SpecStream(a, alice, [bob])
  await stream.open()
  for (let k = 0; k < 3; k++) t.is(verdict(await stream.put()), 'ok')
  const put = stream.fields()
  t.like(await a.err('msg.put', put), { c: 'E_RATE', after: 500 })
  await a.vanish()
  const again = await relay.login(alice)
  t.like(await again.err('msg.put', put), { c: 'E_RATE' })
  relay.clock.advance(500)
  t.deepEqual(await again.ok('msg.put', put), {})
})

test('a message to many devices counts several times', async (t) => {
  const relay = await startRelay({ config: { sendsPerSecond: 2, sendBurst: 3 } })
  const alice = await relay.add('alice', { key: 0 })
  const devs = Array.from({ length: 9 }, (_, k) => {
    return { id: Buffer.alloc(8, k + 1), dsk: rsa2048(k).publicKey, ts: T0 }
  })
  const bob = await relay.add('bob', { key: 1, body: { devs } })
  const others: Member[] = []
  for (const [k, { id: dev }] of devs.entries()) {
    const device = { ...bob, dev, dsk: rsa2048(k) }
    const bundle = await bundleOf(device, 2, relay.clock.now())
    await (await relay.login(device)).ok('bun.put', { bundle })
    others.push({ ...device, bundle, klid: bundleKeyId(bundle.b) })
  }
  const a = await relay.login(alice)
  const stream = new SpecStream(a, alice, others)
  await stream.open()
  t.is(verdict(await stream.put()), 'ok')
  const put = stream.fields()
  t.like(await a.err('msg.put', put), { c: 'E_RATE', after: 500 })
  const single = new SpecStream(a, alice, others.slice(1, 2))
  await single.open()
  t.is(verdict(await single.put()), 'ok')
  relay.clock.advance(1000)
  t.deepEqual(await a.ok('msg.put', put), {})
})

test('no more than 256 requests wait for an answer on one connection', async (t) => {
  const held: (() => void)[] = []
  const store = (inner: Store): Store => ({
    ...inner,
    mail: {
      ...inner.mail,
      append: async (items, assigned) => {
        const results = await inner.mail.append(items, assigned)
        return new Promise<Appended[]>((resolve) => {
          held.push(() => {
            resolve(results)
          })
        })
      },
    },
  })
  const relay = await startRelay({ store, config: { sendsPerSecond: 0 } })
  const alice = await relay.add('alice', { key: 0 })
  const bob = await relay.add('bob', { key: 1 })
  const a = await relay.login(alice)
  const stream = new SpecStream(a, alice, [bob])
  await stream.open()
  const answers = Array.from({ length: 256 }, () => stream.put())
  t.like(await a.err('msg.put', stream.fields()), { c: 'E_BUSY' })
  for (const release of held) release()
  t.true((await Promise.all(answers)).every((answer) => answer.t === 'ok'))
})

test('a bug in the server is told as E_INTERNAL; what it was stays in the log', async (t) => {
  const errors: LogFields[] = []
  const log = {
    ...silentLog,
    error: (_event: string, fields: LogFields = {}) => {
      errors.push(fields)
    },
  }
  const store = (inner: Store): Store => ({
    ...inner,
    logs: { ...inner.logs, read: () => Promise.reject(new TypeError('undefined is not a chunk')) },
  })
  const relay = await startRelay({ store, log })
  const a = await relay.login(await relay.add('alice', { key: 0 }))
  t.deepEqual(await a.err('hist.get', { dev: Buffer.alloc(8), seq: 0 }), { c: 'E_INTERNAL' })
  t.like(errors, [{ code: 'E_INTERNAL', cause: 'undefined is not a chunk ' }])
  await a.ok('ping', {})
})

test('an answer that no frame can hold ends that connection, not the server', async (t) => {
  const errors: string[] = []
  const log = { ...silentLog, error: (event: string) => errors.push(event) }
  const store = (inner: Store): Store => ({
    ...inner,
    logs: {
      ...inner.logs,
      read: () => Promise.resolve([{ seq: 0.5, body: Buffer.alloc(84) }]),
    },
  })
  const relay = await startRelay({ store, log })
  const a = await relay.login(await relay.add('alice', { key: 0 }))
  const b = await relay.login(await relay.add('bob', { key: 1 }))
  void a.ask('hist.get', { dev: Buffer.alloc(8), seq: 0 })
  t.is(await a.goodbye(), 'E_INTERNAL')
  t.deepEqual(errors, ['server.answer-failed'])
  await b.ok('ping', {})
})

test('one client too many hears that the server is full, by count and by address', async (t) => {
  const relay = await startRelay({ config: { maxClients: 3, maxClientsPerAddress: 2 } })
  const [alice, bob, carol] = await Promise.all(
    ['alice', 'bob', 'carol'].map((name, key) => relay.add(name, { key })),
  )
  if (alice === undefined || bob === undefined || carol === undefined) return t.fail()
  const one = await relay.login(alice, '192.0.2.1:1')
  await relay.login(bob, '192.0.2.1:2')
  t.is(await (await relay.connect('192.0.2.1:3')).goodbye(), 'E_BUSY')
  await relay.login(carol, '192.0.2.2:1')
  t.is(await (await relay.connect('192.0.2.3:1')).goodbye(), 'E_BUSY')
  await one.leave()
  await t.notThrowsAsync((await relay.connect('192.0.2.1:4')).ok('ping', {}))
})

test('who is not logged in makes room: by address, by count, and for whoever comes', async (t) => {
  const relay = await startRelay({ config: { maxClients: 3, anonymousPerAddress: 2 } })
  const alice = await relay.add('alice', { key: 0 })
  const a = await relay.login(alice, '192.0.2.1:1')
  const here = await relay.connect('192.0.2.1:2')
  const registering = await relay.connect('192.0.2.1:3')
  await registering.ok('reg.start', {
    user: parseUsername('mallory'),
    req: registrationStart('x').message,
  })
  const third = await relay.connect('192.0.2.1:4')
  t.is(await here.goodbye(), 'E_RATE')
  const other = await relay.connect('192.0.2.9:1')
  t.is(await third.goodbye(), 'E_RATE', 'not the oldest, which is busy')
  const last = await relay.connect('192.0.2.8:1')
  t.is(await other.goodbye(), 'E_RATE')
  for (const client of [a, registering, last]) await client.ok('ping', {})
  t.like(relay.server.stats(), { connections: 3 })
})

test('a registration under way is waited for', async (t) => {
  const relay = await startRelay()
  const client = await relay.connect()
  const req = registrationStart('x').message
  await client.ok('reg.start', { user: parseUsername('alice'), req })
  for (let minute = 0; minute < 14; minute++) {
    relay.clock.advance(60_000)
    await client.ok('ping', {})
  }
  relay.clock.advance(65_000)
  t.is(await client.goodbye(), 'E_RATE')
})

test('the client says goodbye, or vanishes: both leave nothing behind', async (t) => {
  const relay = await startRelay()
  const alice = await relay.add('alice', { key: 0 })
  const polite = await relay.login(alice)
  polite.push({ t: 'bye' })
  t.is(await polite.goodbye(), '')
  t.like(relay.server.stats(), { connections: 0, devices: 0 })
  const gone = await relay.login(alice)
  await gone.vanish()
  t.like(relay.server.stats(), { connections: 0, devices: 0 })
})

test('closing: what was taken is answered first, then everybody hears why', async (t) => {
  let release: (() => void) | null = null
  const store = (inner: Store): Store => ({
    ...inner,
    mail: {
      ...inner.mail,
      append: async (items, assigned) => {
        const results = await inner.mail.append(items, assigned)
        await new Promise<void>((resolve) => {
          release = resolve
        })
        return results
      },
    },
  })
  const relay = await startRelay({ store })
  const alice = await relay.add('alice', { key: 0 })
  const bob = await relay.add('bob', { key: 1 })
  const [a, b] = [await relay.login(alice), await relay.login(bob)]
  const stream = new SpecStream(a, alice, [bob])
  await stream.open()
  const put = stream.put()
  await settle()
  const closed = relay.server.close()
  const late = stream.put()
  await settle()
  t.is(verdict(await late), 'E_BUSY')
  t.is(a.bye, null)
  ;(release as (() => void) | null)?.()
  t.is(verdict(await put), 'ok')
  t.is(await a.goodbye(), 'E_BUSY')
  t.is(await b.goodbye(), 'E_BUSY')
  await closed
  t.like(relay.server.stats(), { connections: 0, devices: 0 })
  t.is(await (await relay.connect()).goodbye(), 'E_BUSY')
  t.is(relay.server.close(), relay.server.close(), 'closing twice is closing once')
})

test('closing does not wait for ever for a store that hangs', async (t) => {
  const store = (inner: Store): Store => ({
    ...inner,
    mail: { ...inner.mail, append: () => new Promise(() => undefined) },
  })
  const relay = await startRelay({ store })
  const alice = await relay.add('alice', { key: 0 })
  const bob = await relay.add('bob', { key: 1 })
  const a = await relay.login(alice)
  const stream = new SpecStream(a, alice, [bob])
  await stream.open()
  void stream.put()
  await settle()
  const closed = relay.server.close()
  await settle()
  t.is(a.bye, null)
  relay.clock.advance(10_000)
  t.is(await a.goodbye(), 'E_BUSY')
  await closed
})

test('what the server says about itself', async (t) => {
  const relay = await startRelay({ config: { fileBytes: 5_000_000 } })
  const alice = await relay.add('alice', { key: 0 })
  const client = await relay.connect('[2001:db8::1]:4711')
  const info = await client.ok('info', {})
  t.like(info, { now: relay.clock.now(), reg: 'open', email: 'no', pow: 0 })
  t.is(info.lim['fileBytes'], 5_000_000)
  await client.ok('dev.login', await deviceLogin(client, alice))
  t.deepEqual(await client.ok('p2p.addr', {}), { ip: '2001:db8::1', port: 4711 })
  t.deepEqual(await client.err('dir.get', { user: parseUsername('nobody.here') }), {
    c: 'E_NOT_FOUND',
  } satisfies Omit<FrameOf<'err'>, 't' | 'r'>)
})
