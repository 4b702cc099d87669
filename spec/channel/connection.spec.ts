// A connection over a wire in memory with real bytes: what leaves together, what arrives, what ends it.
import test from 'ava'
import fc from 'fast-check'

import { RecordHalf } from '../../lib/channel/records.ts'
import { decodeFrame } from '../../lib/protocol/codec.ts'
import { LIMITS } from '../../lib/protocol/limits.ts'
import { type Bytes, concat, fromHex, hex, u32 } from '../../lib/util/bytes.ts'
import { SecureChatError } from '../../lib/util/errors.ts'
import { memoryWire } from '../helpers/memory-duplex.ts'
import { runs } from '../helpers/refusals.ts'
import { vectors } from '../helpers/vectors.ts'
import { connectedEnds, connectionOver, inbox, KEYS, settle, text } from './kit.ts'

test('frames of one turn share a record and a write, in order', async (t) => {
  const { a, b, wire } = connectedEnds()
  const got = inbox(b)
  a.send(text('one'))
  a.send(text('two'))
  queueMicrotask(() => {
    a.send(text('three'))
  })
  await settle()
  a.send(text('four'))
  await settle()
  t.deepEqual(got, [['one', 'two', 'three'], ['four']])
  t.deepEqual(wire.writes.a, [277, 277])
  t.deepEqual(wire.writes.b, [])
})

test('more than a record holds is cut between frames; a large frame goes alone', async (t) => {
  const { a, b } = connectedEnds()
  b.authenticated()
  const sizes: number[][] = []
  b.onFrames((frames) => sizes.push(frames.map((f) => f.length)))
  for (const n of [30_000, 30_000, 30_000, 100_000, 10, 20]) a.send(Buffer.alloc(n, 1))
  await settle()
  t.deepEqual(sizes, [[30_000, 30_000], [30_000], [100_000], [10, 20]])
})

test('any traffic, any cut of the stream: the same frames in the same order', async (t) => {
  const frame = fc.integer({ min: 1, max: 3000 }).map((n) => Buffer.alloc(n, n % 251))
  const bursts = fc.array(fc.array(frame, { minLength: 1, maxLength: 5 }), { maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(bursts, fc.integer({ min: 1, max: 700 }), async (turns, chunkBytes) => {
      const { a, b } = connectedEnds({ chunkBytes })
      const got: Bytes[] = []
      b.onFrames((frames) => got.push(...frames))
      for (const burst of turns) {
        for (const f of burst) a.send(f)
        await settle(2)
      }
      await settle()
      t.true(Buffer.concat(got).equals(Buffer.concat(turns.flat())))
      t.is(got.length, turns.flat().length)
    }),
    runs(20),
  )
})

for (const chunkBytes of [Infinity, 1]) {
  const how = chunkBytes === 1 ? 'byte by byte' : 'whole'
  test(`vectors: records, ${how}`, async (t) => {
    const keys = {
      c2s: { key: fromHex(vectors.handshake.c2s_key), iv: fromHex(vectors.handshake.c2s_iv) },
      s2c: { key: fromHex(vectors.handshake.s2c_key), iv: fromHex(vectors.handshake.s2c_iv) },
      exporter: fromHex(vectors.handshake.exporter),
    }
    const wire = memoryWire({ chunkBytes })
    const { connection: server } = connectionOver(wire.b, { keys })
    const got = inbox(server)
    for (const v of vectors.records.filter(({ seq }) => seq < 2)) wire.a.write(fromHex(v.record))
    await settle(40)
    t.deepEqual(got, [['one', 'two', 'three']]) // the second record is cover traffic

    const sessionKey = fromHex(vectors.rebind.session_key)
    server.rebind(sessionKey)
    t.is(hex(server.exporter), vectors.rebind.exporter)
    const { c2s_key, c2s_iv, s2c_key, s2c_iv } = vectors.rebind
    const after = new RecordHalf({ key: fromHex(c2s_key), iv: fromHex(c2s_iv) })
    wire.a.write(concat(...after.seal([text('rebound')])))
    server.send(text('reply'))
    wire.a.resume()
    await settle(40)
    t.deepEqual(got[1], ['rebound'])
    const back = new RecordHalf({ key: fromHex(s2c_key), iv: fromHex(s2c_iv) })
    t.deepEqual(back.open(wire.written.b).map(String), ['reply'])
  })
}

test('rebind: both sides, the boundary inside one chunk, nothing is opened too early', async (t) => {
  const { a, b, wire } = connectedEnds()
  const key = Buffer.alloc(64, 5)
  const got: string[] = []
  b.onFrames((frames) => {
    const texts = frames.map(String)
    got.push(...texts)
    if (!texts.includes('login.fin')) return
    b.pause() // the check takes a while
    setImmediate(() => {
      b.rebind(key)
      b.send(text('ok'))
      b.resume()
    })
  })
  const back = inbox(a)
  a.send(text('login.fin'))
  a.rebind(key)
  a.send(text('pipelined')) // a client may know the new keys already: same turn, next record
  await settle()
  t.deepEqual(got, ['login.fin', 'pipelined'])
  t.deepEqual(back, [['ok']])
  t.deepEqual(Buffer.from(a.exporter), Buffer.from(b.exporter))
  t.notDeepEqual(Buffer.from(a.exporter), Buffer.from(KEYS.exporter))
  t.is(wire.writes.a.length, 2)
})

test('rebind: a record under the old keys behind login.fin ends the connection', async (t) => {
  const wire = memoryWire()
  const { connection: server } = connectionOver(wire.b)
  const got: string[] = []
  server.onFrames((frames) => {
    got.push(...frames.map(String))
    server.pause()
  })
  const old = new RecordHalf(KEYS.c2s)
  wire.a.write(concat(...old.seal([text('login.fin')]), ...old.seal([text('too early')])))
  await settle()
  server.rebind(Buffer.alloc(64, 5))
  server.resume()
  t.deepEqual(await server.closed, closedWith(await server.closed, 'E_RECORD'))
  t.deepEqual(got, ['login.fin'])
  t.is(wire.written.b.length, 0)
})

function closedWith(closed: { readonly error?: unknown }, code: string): object {
  return closed.error === undefined ? { code } : { code, error: closed.error }
}

test('rebind: ends that know different session keys cannot talk', async (t) => {
  const { a, b } = connectedEnds()
  inbox(a)
  const got = inbox(b)
  a.rebind(Buffer.alloc(64, 1))
  b.rebind(Buffer.alloc(64, 2))
  a.send(text('x'))
  t.is((await b.closed).code, 'E_RECORD')
  t.deepEqual(got, [])
})

test('pause holds from the next record on, resume goes on, in any order with the input', async (t) => {
  const { a, b } = connectedEnds({ chunkBytes: 100 })
  const got: string[] = []
  b.onFrames((frames) => {
    got.push(...frames.map(String))
    b.pause()
  })
  for (const s of ['1', '2', '3']) {
    a.send(text(s))
    await settle(3)
  }
  t.deepEqual(got, ['1'])
  b.resume()
  await settle()
  t.deepEqual(got, ['1', '2'])
  b.resume()
  await settle()
  t.deepEqual(got, ['1', '2', '3'])
})

test('pause and resume inside the receiver do not call it from within itself', async (t) => {
  const { a, b } = connectedEnds()
  let inside = 0
  let records = 0
  b.onFrames(() => {
    t.is(inside++, 0)
    b.pause()
    b.resume()
    inside--
    records++
  })
  for (let i = 0; i < 3; i++) {
    a.send(text('x'))
    await settle(2)
  }
  await settle()
  t.is(records, 3)
})

test('while paused hardly more than a chunk is taken in, whatever the peer writes', async (t) => {
  const { a, b, wire } = connectedEnds({ limits: { bufferedBytes: Infinity } })
  b.authenticated()
  b.onFrames(() => {
    b.pause()
  })
  for (let i = 0; i < 200; i++) a.send(Buffer.alloc(60_000, 1))
  await settle(100)
  t.true(wire.b.readableLength <= 256 * 1024)
  t.true(a.bufferedBytes > 11_000_000)
})

test('drained: at once when all is well, later when the peer does not read, at the end in any case', async (t) => {
  const { a, b } = connectedEnds()
  b.authenticated()
  await a.drained()
  b.onFrames(() => {
    b.pause()
  })
  for (let i = 0; i < 40; i++) a.send(Buffer.alloc(60_000, 1))
  let drained = 0
  void a.drained().then(() => drained++)
  await settle(60)
  t.is(drained, 0)
  t.true(a.bufferedBytes > 1_000_000)
  b.onFrames(() => undefined)
  b.resume()
  await settle(200)
  t.is(drained, 1)
  t.is(a.bufferedBytes, 0)

  b.pause()
  for (let i = 0; i < 40; i++) a.send(Buffer.alloc(60_000, 1))
  void a.drained().then(() => drained++)
  await settle()
  a.destroy()
  await settle()
  t.is(drained, 2)
})

test('what waits for the peer shares the records that follow', async (t) => {
  const { a, b, wire } = connectedEnds()
  b.authenticated()
  b.pause()
  b.onFrames(() => undefined)
  for (let i = 0; i < 8; i++) a.send(Buffer.alloc(60_000, 1))
  await settle()
  for (let i = 0; i < 100; i++) {
    a.send(Buffer.alloc(500, 1))
    await settle(1)
  }
  b.resume()
  await settle(100)
  t.is(a.bufferedBytes, 0)
  t.true(wire.writes.a.length < 12)
})

test('too much for a peer that does not read: the connection ends', async (t) => {
  const { a, b } = connectedEnds({ limits: { bufferedBytes: 1_000_000 } })
  b.onFrames(() => undefined)
  b.pause()
  for (let i = 0; i < 30; i++) a.send(Buffer.alloc(60_000, 1))
  t.deepEqual(await a.closed, { code: 'E_BUSY' })
  a.send(text('ignored'))
  t.is(a.bufferedBytes, 0)
})

test('who does not listen is not listened to', async (t) => {
  const { a, b } = connectedEnds({ limits: { readWhileBufferedBytes: 100_000 } })
  let heard = 0
  b.authenticated()
  b.onFrames((frames) => {
    heard += frames.length
    b.send(Buffer.alloc(60_000, 1))
  })
  for (let i = 0; i < 20; i++) {
    a.send(text('more please'))
    await settle(2)
  }
  await settle()
  t.true(heard < 8)
  a.authenticated()
  a.onFrames(() => undefined)
  await settle(200)
  t.is(heard, 20)
})

test('close: what is queued and the last frame arrive, then both ends are closed without a code', async (t) => {
  const { a, b } = connectedEnds()
  const got = inbox(b)
  const back = inbox(a)
  a.send(text('last words'))
  const closing = a.close(text('bye'))
  a.send(text('too late'))
  b.send(text('crossing'))
  await closing
  t.deepEqual(got, [['last words', 'bye']])
  t.deepEqual(back, [])
  t.deepEqual([await a.closed, await b.closed], [{ code: null }, { code: null }])
  await a.close()
})

test('close inside the receiver: the rest of the input is not delivered', async (t) => {
  const { a, b } = connectedEnds()
  const got: string[] = []
  b.onFrames((frames) => {
    got.push(...frames.map(String))
    void b.close(text('bye'))
  })
  inbox(a)
  a.send(text('1'))
  await settle(2)
  a.send(text('2'))
  await settle()
  t.deepEqual(got, ['1'])
  t.deepEqual(await b.closed, { code: null })
})

test('close of a peer that does not end in its turn is over after five seconds', async (t) => {
  const wire = memoryWire()
  const { connection, clock } = connectionOver(wire.b)
  const closing = connection.close(text('bye'))
  await settle()
  clock.advance(11_000)
  await closing
  t.true(wire.b.destroyed)
})

test('destroy: at once, nothing queued leaves, the cause is told', async (t) => {
  const { a, b, wire } = connectedEnds()
  inbox(b)
  a.send(text('x'))
  const error = new SecureChatError('E_REPLACED')
  a.destroy(error)
  t.deepEqual(await a.closed, { code: 'E_REPLACED', error })
  t.deepEqual(await b.closed, { code: null })
  t.is(wire.written.a.length, 0)
})

test('a receiver that throws ends its own connection only', async (t) => {
  const { a, b } = connectedEnds()
  inbox(a)
  const error = new TypeError('a bug')
  b.onFrames(() => {
    throw error
  })
  a.send(text('x'))
  t.deepEqual(await b.closed, { code: 'E_INTERNAL', error })
})

test('a stream that breaks', async (t) => {
  const { b, wire } = connectedEnds()
  inbox(b)
  wire.b.destroy(new Error('ECONNRESET'))
  t.is((await b.closed).code, 'E_CLOSED')
})

test('an end inside a record is a truncation; at a boundary it is an end', async (t) => {
  const record = concat(...new RecordHalf(KEYS.c2s).seal([text('x')]))
  for (const [bytes, code] of [
    [record, null],
    [record.subarray(0, 100), 'E_RECORD'],
    [record.subarray(0, 2), 'E_RECORD'],
  ] as const) {
    const wire = memoryWire()
    const { connection } = connectionOver(wire.b)
    inbox(connection)
    wire.a.end(bytes)
    t.is((await connection.closed).code, code)
    t.is(wire.written.b.length, 0)
  }
})

test('an end while paused waits until what arrived before it was read', async (t) => {
  const { a, b } = connectedEnds()
  const got: string[] = []
  b.onFrames((frames) => {
    got.push(...frames.map(String))
    if (got.length === 1) b.pause()
  })
  a.send(text('1'))
  await settle(3)
  a.send(text('2'))
  void a.close(text('bye'))
  await settle()
  t.deepEqual(got, ['1'])
  b.resume()
  await settle()
  t.deepEqual(got, ['1', '2', 'bye'])
  t.deepEqual(await b.closed, { code: null })
})

test('any byte of a record changed on the way: closed without a byte, with one error', async (t) => {
  const record = concat(...new RecordHalf(KEYS.c2s).seal([text('secret')]))
  const codes = new Set<string>()
  for (let at = 0; at < record.length; at += 9) {
    const wire = memoryWire()
    const { connection } = connectionOver(wire.b)
    const got = inbox(connection)
    const changed = Buffer.from(record)
    changed[at] = (changed[at] ?? 0) ^ 0x80
    wire.a.end(changed) // a longer announced length is found at the end
    const { code, error } = await connection.closed
    codes.add(`${String(code)} ${error instanceof Error ? error.message : ''}`)
    t.deepEqual(got, [])
    t.is(wire.written.b.length, 0)
  }
  t.deepEqual(
    [...codes].map((c) => c.slice(0, 8)),
    [...codes].map(() => 'E_RECORD'),
  )
})

test('replayed, swapped, dropped, reflected records: closed without a byte', async (t) => {
  const half = new RecordHalf(KEYS.c2s)
  const [one, two, three] = ['1', '2', '3'].map((s) => concat(...half.seal([text(s)])))
  const mirror = concat(...new RecordHalf(KEYS.s2c).seal([text('1')]))
  for (const stream of [[one, one], [two, one], [one, three], [mirror]]) {
    const wire = memoryWire()
    const { connection } = connectionOver(wire.b)
    inbox(connection)
    wire.a.write(Buffer.concat(stream.filter((r) => r !== undefined)))
    t.is((await connection.closed).code, 'E_RECORD')
    t.is(wire.written.b.length, 0)
  }
})

test('lengths beyond any record cost nothing and end the connection with the header', async (t) => {
  for (const header of [
    concat(Buffer.of(0x10), u32(4_294_967_295)),
    concat(Buffer.of(0x10), u32(LIMITS.anonymousRecordBytes + 1)),
    text('999999999999'),
    text('GET / HTTP/1.1\r\n\r\n'),
    Buffer.alloc(70_000, 7),
  ]) {
    const wire = memoryWire()
    const { connection } = connectionOver(wire.b)
    inbox(connection)
    wire.a.write(header)
    t.is((await connection.closed).code, 'E_RECORD')
    t.is(wire.written.b.length, 0)
  }
})

test('full-sized records are for peers that have logged in', async (t) => {
  const { a, b } = connectedEnds()
  inbox(b)
  a.send(Buffer.alloc(70_000, 1))
  t.is((await b.closed).code, 'E_RECORD')
})

test('a frame that no record can hold, or an empty one, is a mistake of the caller', (t) => {
  const { a } = connectedEnds()
  for (const bytes of [0, LIMITS.recordBytes]) {
    t.throws(
      () => {
        a.send(Buffer.alloc(bytes))
      },
      { instanceOf: RangeError },
    )
  }
})

test('a peer that says nothing for two minutes is gone; one that pings is not', async (t) => {
  const { a, b, clock } = connectedEnds()
  inbox(a)
  inbox(b)
  for (let i = 0; i < 20; i++) {
    clock.advance(30_000)
    a.send(text('ping'))
    b.send(text('pong'))
    await settle(3)
  }
  clock.advance(60_000)
  t.is(await Promise.race([a.closed, Promise.resolve('open')]), 'open')
  clock.advance(90_000)
  t.is((await a.closed).code, 'E_TIMEOUT')
})

test('a peer that takes nothing for a minute is gone, though it still talks', async (t) => {
  const { a, b, clock, wire } = connectedEnds()
  inbox(a)
  inbox(b)
  await settle()
  wire.b.pause() // its kernel is full
  for (let i = 0; i < 20; i++) a.send(Buffer.alloc(60_000, 1))
  for (let i = 0; i < 4; i++) {
    b.send(text('still here'))
    await settle()
    clock.advance(20_000)
  }
  t.is((await a.closed).code, 'E_TIMEOUT')
})

test('after a day: bye, and closed properly', async (t) => {
  const wire = memoryWire()
  const { connection: a, clock } = connectionOver(wire.a, { limits: { silenceMs: Infinity } }, true)
  const { connection: b } = connectionOver(wire.b)
  const frames: Bytes[] = []
  b.onFrames((f) => frames.push(...f))
  inbox(a)
  clock.advance(LIMITS.connectionLifeMs - 10_000)
  await settle()
  t.deepEqual(frames, [])
  clock.advance(10_000)
  await settle()
  t.deepEqual(
    frames.map((f) => decodeFrame(f)),
    [{ t: 'bye' }],
  )
  t.deepEqual([await a.closed, await b.closed], [{ code: null }, { code: null }])
})

test('no timer and no memory of a connection is left when it has ended', async (t) => {
  const { a, b, clock } = connectedEnds()
  inbox(a)
  inbox(b)
  t.is(clock.pending, 2)
  await a.close()
  await b.closed
  t.is(clock.pending, 0)
})

test('fuzz: any bytes from the network end in E_RECORD or wait for more', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 600 }), async (bytes) => {
      const wire = memoryWire({ chunkBytes: 50 })
      const { connection } = connectionOver(wire.b)
      inbox(connection)
      wire.a.end(bytes)
      t.is((await connection.closed).code, 'E_RECORD')
      t.is(wire.written.b.length, 0)
    }),
    runs(50),
  )
})

test('keys do not print', (t) => {
  const { a } = connectedEnds()
  t.false(JSON.stringify(a).includes('key'))
})
