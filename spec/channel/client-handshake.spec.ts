// The client's side: what it checks before it says anything, and that everything else ends the attempt with a code.
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'

import {
  connectClient,
  type ConnectOptions,
  probeServer,
} from '../../lib/channel/client-handshake.ts'
import { ServerHelloTemplate } from '../../lib/channel/handshake.ts'
import { signServerCert } from '../../lib/identity/server-cert.ts'
import { decodeCanonical, encode } from '../../lib/protocol/cbor.ts'
import { concat, u32 } from '../../lib/util/bytes.ts'
import type { ErrorCode } from '../../lib/util/errors.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { memoryWire } from '../helpers/memory-duplex.ts'
import { outcomeAsync, runs } from '../helpers/refusals.ts'
import { clk, inbox, settle, shakeHands, sik, srv, stage, text } from './kit.ts'

const HOUR = 3_600_000

/** An honest ServerHello of the kit's server, valid around `now`. */
async function honestHello(
  now: number,
  chain: ConstructorParameters<typeof ServerHelloTemplate>[2] = [],
): Promise<Buffer> {
  const cert = await signServerCert({
    sik,
    slk: rsa2048(2).publicKey,
    srv,
    nb: now - HOUR,
    na: now + HOUR,
  })
  return new ServerHelloTemplate(cert, sik.publicKey.spki, chain).stamp(Buffer.alloc(32, 1), 0)
}

function edited(hello: Buffer, fields: object): Buffer {
  const body = decodeCanonical(hello.subarray(1)) as Record<string, unknown>
  return concat(Buffer.of(1), encode({ ...body, ...fields }))
}

function framed(frame: Uint8Array): Buffer {
  return concat(u32(frame.length), frame)
}

interface Attempt {
  readonly clock?: FakeClock
  readonly options?: Partial<ConnectOptions>
}

/** Lets a client meet a server that sends these bytes: it must fail with `code`, silent and hung up. */
async function refuses(
  t: ExecutionContext,
  bytes: Uint8Array,
  code: ErrorCode,
  { clock = new FakeClock(), options = {} }: Attempt = {},
): Promise<void> {
  const wire = memoryWire({ chunkBytes: 100 })
  wire.b.write(bytes)
  const connecting = connectClient(wire.a, { pin: srv, clk, clock, ua: 'spec', ...options })
  t.is(await outcomeAsync(() => connecting), code)
  t.is(wire.written.a.length, 0)
  t.true(wire.a.destroyed)
  t.is(clock.pending, 0)
}

test('a handshake, whole and byte by byte', async (t) => {
  for (const chunkBytes of [Infinity, 1]) {
    const { client, server, wire, clock } = await shakeHands({ chunkBytes })
    t.deepEqual(client.srv, srv)
    t.is(client.serverTime, clock.now())
    t.is(client.highestVersion, 1)
    t.is(server.remoteAddress, '192.0.2.1:5000')
    t.deepEqual(Buffer.from(client.connection.exporter), Buffer.from(server.exporter))
    const [up, down] = [inbox(server), inbox(client.connection)]
    // long: random bytes hold two given letters every now and then
    client.connection.send(text('what goes up'))
    server.send(text('what comes down'))
    await settle(10)
    t.deepEqual([up, down], [[['what goes up']], [['what comes down']]])
    t.false(wire.written.a.includes('goes up') || wire.written.b.includes('comes down'))
  }
})

test('two handshakes have nothing in common', async (t) => {
  const [one, two] = [await shakeHands(), await shakeHands()]
  t.notDeepEqual(Buffer.from(one.server.exporter), Buffer.from(two.server.exporter))
})

test('frames that arrive right behind the handshake are not lost', async (t) => {
  const { clock, handshaker } = await stage()
  const wire = memoryWire()
  void handshaker.accept(wire.b, '192.0.2.1:1').then((server) => {
    server.send(text('welcome'))
  })
  const { connection } = await connectClient(wire.a, { pin: srv, clk, clock, ua: 'spec' })
  await settle()
  const got = inbox(connection)
  await settle()
  t.deepEqual(got, [['welcome']])
})

test('a wrong pin is E_SERVER_IDENTITY before anything is sent', async (t) => {
  const clock = new FakeClock()
  await refuses(t, framed(await honestHello(clock.now())), 'E_SERVER_IDENTITY', {
    clock,
    options: { pin: Buffer.alloc(32, 1) },
  })
})

test('another server under the same address is E_SERVER_IDENTITY', async (t) => {
  const clock = new FakeClock()
  const other = rsa3072(1)
  const cert = await signServerCert({
    sik: other,
    slk: rsa2048(2).publicKey,
    srv,
    nb: clock.now(),
    na: clock.now() + HOUR,
  })
  const template = new ServerHelloTemplate(cert, other.publicKey.spki, [])
  await refuses(t, framed(template.stamp(Buffer.alloc(32), 0)), 'E_SERVER_IDENTITY', { clock })
})

test('a false key history is E_SERVER_IDENTITY', async (t) => {
  const clock = new FakeClock()
  const link = { ik: rsa3072(1).publicKey.spki, sig: Buffer.alloc(384) }
  await refuses(t, framed(await honestHello(clock.now(), [link])), 'E_SERVER_IDENTITY', { clock })
})

test('certificates: expired, from the future, with another signature', async (t) => {
  const clock = new FakeClock()
  const at = async (ms: number): Promise<Buffer> => framed(await honestHello(clock.now() + ms))
  await refuses(t, await at(-2 * HOUR), 'E_SERVER_CERT', { clock })
  await refuses(t, await at(HOUR + 6 * 60_000), 'E_SERVER_CERT', { clock })
  const hello = await honestHello(clock.now())
  await refuses(t, framed(edited(hello, { sig: Buffer.alloc(384) })), 'E_SERVER_CERT', { clock })
})

test('versions: only others than ours, fewer than before', async (t) => {
  const clock = new FakeClock()
  const hello = await honestHello(clock.now())
  await refuses(t, framed(edited(hello, { v: [2, 3] })), 'E_VERSION', { clock })
  await refuses(t, framed(hello), 'E_VERSION', { clock, options: { highestVersion: 2 } })
})

test('a puzzle that is not reasonable is not solved', async (t) => {
  const clock = new FakeClock()
  const hello = await honestHello(clock.now())
  await refuses(t, framed(edited(hello, { w: 25 })), 'E_POW', { clock })
})

test('a person who says no: nothing was sent', async (t) => {
  const clock = new FakeClock()
  const asked: Buffer[] = []
  const onServer = (id: Uint8Array): Promise<boolean> => {
    asked.push(Buffer.from(id))
    return Promise.resolve(false)
  }
  await refuses(t, framed(await honestHello(clock.now())), 'E_UNTRUSTED', {
    clock,
    options: { onServer },
  })
  t.deepEqual(asked, [srv])
})

test('a probe learns who the server is, sends nothing and hangs up', async (t) => {
  const { clock, handshaker } = await stage()
  const wire = memoryWire()
  const refused = outcomeAsync(() => handshaker.accept(wire.b, '192.0.2.1:1'))
  t.deepEqual(await probeServer(wire.a, { clock }), { srv, highestVersion: 1 })
  t.is(await refused, 'E_CLOSED', 'no attempt to get in')
  t.is(wire.written.a.length, 0)
  const wrong = memoryWire()
  wrong.b.write(framed(await honestHello(clock.now())))
  const probing = probeServer(wrong.a, { clock, pin: Buffer.alloc(32) })
  t.is(await outcomeAsync(() => probing), 'E_SERVER_IDENTITY')
})

test('garbage instead of a hello', async (t) => {
  const clock = new FakeClock()
  const hello = await honestHello(clock.now())
  for (const bytes of [
    text('HTTP/1.1 400 Bad Request\r\n\r\n'),
    text('999999999999'),
    u32(0),
    u32(4097),
    framed(Buffer.alloc(100, 1)),
    framed(edited(hello, { more: 1 })),
    framed(concat(hello, Buffer.of(0))),
    framed(Buffer.concat([Buffer.of(2), hello.subarray(1)])),
  ]) {
    await refuses(t, bytes, 'E_HANDSHAKE', { clock })
  }
})

test('a server that says nothing, before or after our hello: E_TIMEOUT', async (t) => {
  const clock = new FakeClock()
  for (const greeting of [Buffer.alloc(0), framed(await honestHello(clock.now()))]) {
    const wire = memoryWire()
    if (greeting.length > 0) wire.b.write(greeting)
    const helloArrived = new Promise((resolve) => wire.b.once('data', resolve))
    const outcome = outcomeAsync(() => connectClient(wire.a, { pin: srv, clk, clock, ua: 'spec' }))
    if (greeting.length > 0) await helloArrived
    await settle()
    clock.advance(15_000)
    t.is(await outcome, 'E_TIMEOUT')
    t.true(wire.a.destroyed)
  }
})

test('a server that hangs up, or answers something else: E_HANDSHAKE', async (t) => {
  for (const answer of [
    null,
    framed(Buffer.alloc(335, 3)),
    framed(Buffer.of(3)),
    text('9999999'),
  ]) {
    const clock = new FakeClock()
    const wire = memoryWire()
    wire.b.write(framed(await honestHello(clock.now())))
    wire.b.once('data', () => {
      if (answer === null) wire.b.end()
      else wire.b.write(answer)
    })
    const connecting = connectClient(wire.a, { pin: srv, clk, clock, ua: 'spec' })
    t.is(await outcomeAsync(() => connecting), 'E_HANDSHAKE')
    t.is(clock.pending, 0)
  }
})

test('a stream that is already broken', async (t) => {
  const wire = memoryWire()
  wire.a.destroy()
  const connecting = connectClient(wire.a, { clk, clock: new FakeClock(), ua: 'spec' })
  t.is(await outcomeAsync(() => connecting), 'E_CLOSED')
})

test('fuzz: any first bytes of a server end in E_HANDSHAKE', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
      const wire = memoryWire({ chunkBytes: 40 })
      wire.b.end(bytes)
      const connecting = connectClient(wire.a, { clk, clock: new FakeClock(), ua: 'spec' })
      t.is(await outcomeAsync(() => connecting), 'E_HANDSHAKE')
      t.is(wire.written.a.length, 0)
    }),
    runs(50),
  )
})
