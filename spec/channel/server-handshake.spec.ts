// The server's side under people who are silent, slow, many, or mean.
import { Duplex } from 'node:stream'

import test from 'ava'
import fc from 'fast-check'

import type { Connection } from '../../lib/channel/connection.ts'
import { clientHello, parseServerHello } from '../../lib/channel/handshake.ts'
import { sha256 } from '../../lib/crypto/hash.ts'
import { verifyServerCert } from '../../lib/identity/server-cert.ts'
import { LIMITS } from '../../lib/protocol/limits.ts'
import { concat, u32 } from '../../lib/util/bytes.ts'
import { memoryWire, type Wire } from '../helpers/memory-duplex.ts'
import { type Outcome, outcomeAsync, runs } from '../helpers/refusals.ts'
import { clk, dialIn, inbox, settle, shakeHands, type Stage, stage, text } from './kit.ts'

interface Visit {
  readonly wire: Wire
  readonly outcome: Promise<Outcome>
}

/** Somebody connects; what they send is up to the spec. */
function visit(
  { handshaker }: Stage,
  remoteAddress = '192.0.2.1:5000',
  chunkBytes = Infinity,
): Visit {
  const wire = memoryWire({ chunkBytes })
  wire.a.resume()
  return { wire, outcome: outcomeAsync(() => handshaker.accept(wire.b, remoteAddress)) }
}

/** The server's only bytes are its hello. */
function sentOnlyHello({ wire }: Visit): boolean {
  const hello = wire.written.b
  return hello.length === 4 + hello.readUInt32BE(0)
}

/** A ClientHello for what this visitor was sent. */
async function answerTo(
  { wire }: Visit,
  clock: Stage['clock'],
  pow = Buffer.alloc(8),
): Promise<Buffer> {
  const hello = wire.written.b.subarray(4)
  const { slk } = verifyServerCert({ ...parseServerHello(hello), chain: [], now: clock.now() })
  const fields = { h0: sha256(hello), slk, clk: clk.publicKey, pow, ua: 'spec' }
  const { frame } = await clientHello(fields)
  return concat(u32(frame.length), frame)
}

test('a silent visitor costs a hello, and is gone after five seconds', async (t) => {
  const s = await stage()
  const silent = visit(s)
  await settle()
  t.true(sentOnlyHello(silent))
  s.clock.advance(LIMITS.handshakeTimeoutMs - 1)
  await settle()
  t.false(silent.wire.b.destroyed)
  t.is(s.handshaker.open, 1)
  s.clock.advance(1)
  t.is(await silent.outcome, 'E_TIMEOUT')
  t.true(silent.wire.b.destroyed)
  t.true(sentOnlyHello(silent))
  t.is(s.handshaker.open, 0)
})

test('one who sends a byte now and then gains no time', async (t) => {
  const s = await stage()
  const slow = visit(s)
  await settle()
  const hello = await answerTo(slow, s.clock)
  for (let i = 0; i < 5; i++) {
    slow.wire.a.write(hello.subarray(i, i + 1))
    await settle(3)
    s.clock.advance(1000)
  }
  t.is(await slow.outcome, 'E_TIMEOUT')
  t.true(sentOnlyHello(slow))
})

test('garbage, impossible lengths, other protocols: closed at once without a byte, all alike', async (t) => {
  const s = await stage()
  const good = visit(s)
  await settle()
  const hello = await answerTo(good, s.clock)
  const tampered = Buffer.from(hello)
  tampered[300] = (tampered[300] ?? 0) ^ 1
  const messages = new Set<string>()
  for (const bytes of [
    text('999999999999'),
    text('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    u32(LIMITS.clientHelloMinBytes - 1),
    u32(LIMITS.handshakeFrameBytes + 1),
    u32(4_294_967_295),
    concat(u32(500), Buffer.alloc(500, 2)),
    concat(u32(500), Buffer.alloc(500, 9)),
    tampered,
    hello, // honest, but the answer to another hello
  ]) {
    const wire = memoryWire()
    wire.a.resume()
    const accepting = s.handshaker.accept(wire.b, '198.51.100.7:1')
    await settle(2)
    wire.a.write(bytes)
    const error = await t.throwsAsync(accepting, { code: 'E_HANDSHAKE' })
    messages.add(error.message)
    t.is(wire.written.b.length, 4 + wire.written.b.readUInt32BE(0))
    t.true(wire.b.destroyed)
  }
  t.is(messages.size, 1)
})

test('a replayed ClientHello is the answer to another nonce', async (t) => {
  const { wire, ...s } = await shakeHands()
  const recorded = wire.written.a
  const replay = visit(s)
  await settle(2)
  replay.wire.a.write(recorded)
  t.is(await replay.outcome, 'E_HANDSHAKE')
  t.true(sentOnlyHello(replay))
})

test('a burst of twenty from one address, then five a second; others do not notice', async (t) => {
  const s = await stage()
  const from = async (address: string): Promise<boolean> => {
    const visitor = visit(s, address)
    await settle(3)
    return visitor.wire.written.b.length > 0
  }
  const admitted = async (address: string, tries: number): Promise<number> => {
    let count = 0
    for (let i = 0; i < tries; i++) if (await from(`${address}:${String(1000 + i)}`)) count++
    return count
  }
  t.is(await admitted('192.0.2.9', 25), 20)
  t.is(await admitted('[::ffff:192.0.2.9]', 3), 0)
  t.is(await admitted('192.0.2.10', 3), 3)
  s.clock.advance(1000)
  t.is(await admitted('192.0.2.9', 10), 5)
  t.is(await outcomeAsync(() => s.handshaker.accept(memoryWire().b, '192.0.2.9:1')), 'E_RATE')
})

test('one IPv6 household is one address', async (t) => {
  const s = await stage({ burst: 1 })
  visit(s, '[2001:db8:1:2::1]:1')
  const neighbour = visit(s, '[2001:db8:1:3::1]:1')
  const same = visit(s, '[2001:db8:1:2:ffff::2]:1')
  t.is(await same.outcome, 'E_RATE')
  await settle()
  t.true(sentOnlyHello(neighbour))
  t.is(same.wire.written.b.length, 0)
})

test('the 65th handshake in RSA waits in line, and is answered', async (t) => {
  const s = await stage({ perSecond: 0, puzzleAbovePerSecond: Infinity })
  const count = LIMITS.concurrentHandshakes + 1
  const clients = Array.from({ length: count }, async () => {
    const wire = memoryWire()
    const accepted = s.handshaker.accept(wire.b, '192.0.2.1:1')
    const { connection } = await dialIn(s.clock, wire.a)
    return [connection, await accepted] as const
  })
  const pairs = await Promise.all(clients)
  t.is(pairs.length, count)
  t.true(pairs.every(([a, b]) => Buffer.compare(a.exporter, b.exporter) === 0))
})

test('those who wait in line for too long are closed', async (t) => {
  const s = await stage({ concurrent: 0 })
  const waiting = visit(s)
  await settle()
  waiting.wire.a.write(await answerTo(waiting, s.clock))
  await settle()
  s.clock.advance(LIMITS.handshakeTimeoutMs)
  await settle()
  t.true(waiting.wire.b.destroyed)
  t.true(sentOnlyHello(waiting))
})

test('more visitors at once than there is room for: the last is closed without a byte', async (t) => {
  const s = await stage({ open: 3, perSecond: 0 })
  const visitors = Array.from({ length: 4 }, () => visit(s))
  t.is(await visitors[3]?.outcome, 'E_BUSY')
  await settle()
  t.deepEqual(
    visitors.map((v) => v.wire.written.b.length > 0),
    [true, true, true, false],
  )
  s.clock.advance(LIMITS.handshakeTimeoutMs)
  await Promise.all(visitors.map((v) => v.outcome))
  const next = visit(s)
  await settle()
  t.true(sentOnlyHello(next))
})

test('a rush of hellos makes a puzzle the price, and honest clients pay it', async (t) => {
  const s = await stage({ perSecond: 0, puzzleAbovePerSecond: 2 })
  for (let i = 0; i < 3; i++) {
    const garbage = visit(s)
    await settle(2)
    garbage.wire.a.write(concat(u32(500), Buffer.alloc(500, 2)))
    t.is(await garbage.outcome, 'E_HANDSHAKE')
  }
  const lazy = visit(s)
  await settle()
  t.is(parseServerHello(lazy.wire.written.b.subarray(4)).w, LIMITS.puzzleMinBits)
  lazy.wire.a.write(await answerTo(lazy, s.clock))
  t.is(await lazy.outcome, 'E_HANDSHAKE')

  const wire = memoryWire()
  const accepted = s.handshaker.accept(wire.b, '192.0.2.1:1')
  const ticking = tickUntil(s, accepted)
  const [{ connection }, server] = await Promise.all([dialIn(s.clock, wire.a), accepted])
  await ticking
  t.deepEqual(Buffer.from(connection.exporter), Buffer.from(server.exporter))

  s.clock.advance(10_000)
  const later = visit(s)
  await settle()
  t.is(parseServerHello(later.wire.written.b.subarray(4)).w, 0)
})

/** The solver pauses on the clock now and then. */
async function tickUntil({ clock }: Stage, done: Promise<Connection>): Promise<void> {
  let over = false
  void done.then(() => (over = true))
  while (!over) {
    clock.advance(0)
    await settle(1)
  }
}

test('who must solve a puzzle has more time', async (t) => {
  const s = await stage({ perSecond: 0, puzzleAbovePerSecond: 0.5, timeoutMs: 5000 })
  const first = visit(s)
  await settle()
  first.wire.a.write(concat(u32(500), Buffer.alloc(500, 2)))
  await first.outcome
  const solver = visit(s)
  await settle()
  s.clock.advance(9000)
  await settle()
  t.false(solver.wire.b.destroyed)
  s.clock.advance(25_000)
  t.is(await solver.outcome, 'E_TIMEOUT')
})

test('a launch key that is rotated away serves handshakes under way for a minute', async (t) => {
  const s = await stage({ timeoutMs: 120_000 })
  const early = visit(s)
  const late = visit(s)
  await settle()
  await s.keys.rotate()
  const [first, second] = [await answerTo(early, s.clock), await answerTo(late, s.clock)]
  early.wire.a.write(first)
  t.is(await early.outcome, 'accepted')
  s.clock.advance(60_000)
  late.wire.a.write(second)
  t.is(await late.outcome, 'E_HANDSHAKE')
})

test('a visitor who leaves during the handshake leaves nothing behind', async (t) => {
  const s = await stage()
  const leaver = visit(s)
  await settle()
  leaver.wire.a.destroy()
  t.is(await leaver.outcome, 'E_CLOSED')
  const talker = visit(s)
  talker.wire.a.write(text('GE'))
  await settle()
  talker.wire.a.destroy()
  t.is(await talker.outcome, 'E_HANDSHAKE')
  const timers = s.clock.pending
  visit(s).wire.a.destroy()
  await settle()
  t.is(s.clock.pending, timers)
  t.is(s.handshaker.open, 0)
})

test('one who sends records before the answer has no keys for them', async (t) => {
  const s = await stage()
  const wire = memoryWire()
  wire.a.resume()
  const accepting = s.handshaker.accept(wire.b, '192.0.2.1:1')
  await settle()
  const hello = await answerTo({ wire, outcome: Promise.resolve('accepted') }, s.clock)
  wire.a.write(concat(hello, Buffer.of(0x10), u32(272), Buffer.alloc(272)))
  const connection = await accepting
  const got = inbox(connection)
  t.is((await connection.closed).code, 'E_RECORD')
  t.deepEqual(got, [])
})

test('a stream that takes no bytes is not waited for', async (t) => {
  const s = await stage()
  const stuck = new Duplex({ read: () => undefined, write: () => undefined })
  const outcome = outcomeAsync(() => s.handshaker.accept(stuck, '192.0.2.1:1'))
  s.clock.advance(LIMITS.handshakeTimeoutMs)
  t.is(await outcome, 'E_TIMEOUT')
  t.true(stuck.destroyed)
})

test('fuzz: any bytes of any visitor', async (t) => {
  const s = await stage({ perSecond: 0, puzzleAbovePerSecond: Infinity })
  const body = fc.uint8Array({ minLength: 400, maxLength: 600 })
  const framed = body.map((b) => concat(u32(b.length), Buffer.of(2), b.subarray(1)))
  const bytes = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 600 }), framed)
  await fc.assert(
    fc.asyncProperty(bytes, async (input) => {
      const visitor = visit(s, '192.0.2.1:1', 97)
      visitor.wire.a.end(input)
      t.is(await visitor.outcome, 'E_HANDSHAKE')
      t.true(sentOnlyHello(visitor))
    }),
    runs(30),
  )
  t.is(s.handshaker.open, 0)
})
