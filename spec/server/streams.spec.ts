// Streams by themselves: parts of large ones, the bounds of their number and memory, and what a change of an account does.
import test from 'ava'
import fc from 'fast-check'

import { decodeFrame, encodeFrame } from '../../lib/protocol/codec.ts'
import type { Wrap } from '../../lib/protocol/composites.ts'
import { readHead, type StreamHead } from '../../lib/server/head.ts'
import { accountId } from '../../lib/server/ids.ts'
import { encodeMailEntry, mailFrame } from '../../lib/server/mail-entry.ts'
import { type DeviceStreams, Stream, Streams } from '../../lib/server/streams.ts'
import { encode } from '../../lib/protocol/cbor.ts'
import { outcome, runs } from '../helpers/refusals.ts'

const id = (k: number, size = 32): Buffer => {
  const bytes = Buffer.alloc(size, 0x10)
  bytes.writeUInt32BE(k)
  return bytes
}
const LIMITS = { perDevice: 10, total: 1000, pendingBytes: 2 ** 20 }
/** Of a stream to one device. */
const SIZE = 5
const wrap = (k: number): Wrap => [id(k, 256), id(k, 1088), id(k, 48)]

function headTo(accounts: readonly number[], devices = 1): StreamHead {
  return {
    to: accounts.map((k) => ({
      acct: id(k),
      devs: Array.from({ length: devices }, (_, d) => ({ dev: id(d, 8), klid: id(d, 16) })),
    })),
    deviceCount: accounts.length * devices,
  }
}

function open(owner: DeviceStreams, k: number, to: StreamHead = headTo([1]), now = 0): Stream {
  const stream = new Stream(owner, id(k, 16), id(k, 100), to, now)
  stream.addPart(0, id(k, 100), [wrap(0)])
  owner.add(stream)
  return stream
}

test('a stream to more than 128 devices comes in parts; it is complete with the last wrap', (t) => {
  const streams = new Streams(LIMITS)
  const owner = streams.of(id(0), id(0, 8))
  const head = id(7, 100)
  const stream = new Stream(owner, id(1, 16), head, headTo([1, 2, 3], 100), 0)
  const wraps = Array.from({ length: 300 }, (_, k) => wrap(k))
  const part = (at: number, count = 128): readonly Wrap[] => wraps.slice(at, at + count)
  stream.addPart(0, head, part(0))
  owner.add(stream)
  t.false(stream.isComplete)
  t.is(
    outcome(() => stream.addPart(256, undefined, part(256))),
    'E_STATE',
    'a part is missing',
  )
  stream.addPart(128, undefined, part(128))
  stream.addPart(128, undefined, part(128))
  t.is(
    outcome(() => stream.addPart(128, undefined, part(0))),
    'E_STATE',
    'other bytes',
  )
  t.is(
    outcome(() => stream.addPart(256, undefined, part(200))),
    'E_STATE',
    'too many',
  )
  stream.addPart(256, undefined, part(256))
  t.true(stream.isComplete)
  t.is(stream.cost, 38)
  t.deepEqual(stream.opening(299), { head, wrap: wrap(299) })
  t.true(streams.pendingBytes > 300 * 1300)
  stream.opened()
  t.is(streams.pendingBytes, 0)
  t.is(stream.opening(299), undefined)
  stream.addPart(128, undefined, part(128))
  t.true(stream.isComplete, 'repeated after the first message')
})

test('a device keeps so many streams, all together so many; the least used ones go', (t) => {
  const streams = new Streams({ ...LIMITS, perDevice: 3, total: 5 * SIZE })
  const alice = streams.of(id(0), id(0, 8))
  const opened = [1, 2, 3].map((k) => open(alice, k))
  alice.touch(opened[0] as Stream)
  open(alice, 4)
  t.deepEqual(
    opened.map((stream) => stream.isDropped),
    [false, true, false],
  )
  const bob = streams.of(id(1), id(0, 8))
  for (const k of [1, 2, 3]) open(bob, k)
  t.is(streams.count, 5)
  t.is(alice.streams.size, 2)
  t.is(bob.streams.size, 3)
  t.is(streams.of(id(0), id(0, 8)), alice, 'they outlive a connection')
  streams.forgetDevice(alice.box)
  t.is(streams.count, 3)
  t.not(streams.of(id(0), id(0, 8)), alice)
  t.is(streams.pendingBytes, bob.pendingBytes)
})

test('large streams count as what they are, for a device and for all', (t) => {
  const streams = new Streams({ ...LIMITS, total: 400 })
  const alice = streams.of(id(0), id(0, 8))
  const first = open(alice, 1, headTo([1], 100))
  const second = open(alice, 2, headTo([2], 60))
  t.true(first.isDropped, 'ten streams of a device have room for 160 recipients')
  t.false(second.isDropped)
  const large = open(alice, 3, headTo([1, 2], 200))
  t.true(second.isDropped)
  t.false(large.isDropped, 'the newest one stays, alone')
  open(streams.of(id(1), id(0, 8)), 1)
  t.true(large.isDropped)
  t.is(streams.count, 1)
})

test('heads wait for a first message in so much memory, a minute at most', (t) => {
  const streams = new Streams({ ...LIMITS, pendingBytes: 5000 })
  const [alice, bob] = [streams.of(id(0), id(0, 8)), streams.of(id(1), id(0, 8))]
  const used = open(alice, 1)
  used.opened()
  const opened = [2, 3, 4].map((k) => open(k === 2 ? alice : bob, k, headTo([1]), k * 1000))
  const isDropped = (): boolean[] => [used, ...opened].map((stream) => stream.isDropped)
  t.deepEqual(isDropped(), [false, false, false, false])
  const late = open(bob, 5, headTo([1, 2]), 5000)
  t.deepEqual(isDropped(), [false, true, false, false])
  late.addPart(1, undefined, [wrap(1)])
  t.deepEqual(isDropped(), [false, true, true, false])
  streams.sweep(63_999)
  t.deepEqual(isDropped(), [false, true, true, false])
  streams.sweep(64_000)
  t.deepEqual(isDropped(), [false, true, true, true])
  t.false(late.isDropped)
  late.opened()
  t.is(streams.pendingBytes, 0)
  streams.sweep(1e6)
  t.deepEqual([streams.count, bob.size], [2, 6])
})

test('a change of an account reaches exactly the streams to it', (t) => {
  const streams = new Streams(LIMITS)
  const owner = streams.of(id(0), id(0, 8))
  const one = open(owner, 1, headTo([1]))
  const both = open(owner, 2, headTo([1, 2]))
  const other = open(owner, 3, headTo([2]))
  streams.accountChanged(accountId(id(1)))
  t.deepEqual(
    [one, both, other].map(({ changed }) =>
      [...(changed?.values() ?? [])].map((acct) => acct.length),
    ),
    [[32], [32], []],
  )
  owner.drop(one)
  owner.drop(one)
  t.is(streams.count, 2)
  streams.accountChanged(accountId(id(99)))
})

test('names of entries in a mailbox differ by sender, stream and index', (t) => {
  const streams = new Streams(LIMITS)
  const prefixes = [
    new Stream(streams.of(id(0), id(0, 8)), id(1, 16), id(0, 9), headTo([1]), 0),
    new Stream(streams.of(id(0), id(1, 8)), id(1, 16), id(0, 9), headTo([1]), 0),
    new Stream(streams.of(id(2), id(0, 8)), id(1, 16), id(0, 9), headTo([1]), 0),
    new Stream(streams.of(id(0), id(0, 8)), id(2, 16), id(0, 9), headTo([1]), 0),
  ].map((stream) => stream.idPrefix)
  t.is(new Set(prefixes).size, 4)
})

test('a mailbox entry becomes exactly the frame that the codec would write', (t) => {
  const bytes = (min: number, max = min): fc.Arbitrary<Uint8Array> =>
    fc.uint8Array({ minLength: min, maxLength: max })
  const number = fc.oneof(
    fc.nat(300),
    fc.constantFrom(23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32),
    fc.maxSafeNat(),
  )
  fc.assert(
    fc.property(
      fc.record({
        q: number,
        i: number,
        acct: bytes(32),
        dev: bytes(8),
        st: bytes(16),
        n: bytes(16),
        c: bytes(528, 700),
        stream: fc.option(
          fc.record({ head: bytes(1, 300), wrap: fc.tuple(bytes(256), bytes(1088), bytes(48)) }),
        ),
      }),
      ({ q, i, acct, dev, st, n, c, stream }) => {
        const entry = encodeMailEntry({ acct, dev, st, i, n, c }, stream ?? undefined)
        const frame = mailFrame(q, entry)
        const opening = stream === null ? {} : { h: stream.head, w: stream.wrap }
        t.deepEqual(frame, encodeFrame({ t: 'mail', q, f: [acct, dev], st, i, n, c, ...opening }))
        t.is(decodeFrame(frame).t, 'mail')
      },
    ),
    runs(30),
  )
})

const EXPECTED = { srv: id(100), st: id(101, 16), acct: id(102), dev: id(103, 8) }

function headBytes(change: Record<string, unknown> = {}): Buffer {
  return encode({
    k: 'env',
    suite: 1,
    srv: EXPECTED.srv,
    conv: id(1, 16),
    st: EXPECTED.st,
    gs: id(0),
    from: [EXPECTED.acct, EXPECTED.dev],
    t: 0,
    x: id(1),
    com: id(1),
    to: [
      [
        id(1),
        [
          [id(1, 8), id(1, 16)],
          [id(2, 8), id(2, 16)],
        ],
      ],
      [id(2), [[id(1, 8), id(1, 16)]]],
    ],
    ...change,
  })
}

test('heads: what the server reads of them', (t) => {
  const head = readHead(headBytes(), EXPECTED)
  t.is(head.deviceCount, 3)
  t.deepEqual(
    head.to.map(({ devs }) => devs.length),
    [2, 1],
  )
})

const device = (k: number): unknown => [id(k, 8), id(k, 16)]
const WRONG: Record<string, Record<string, unknown>> = {
  'another kind': { k: 'bundle' },
  'another suite': { suite: 2 },
  'another server': { srv: id(1) },
  'another stream': { st: id(1, 16) },
  'another sender': { from: [id(1), EXPECTED.dev] },
  'another device': { from: [EXPECTED.acct, id(1, 8)] },
  nobody: { to: [] },
  'an account without devices': { to: [[id(1), []]] },
  'accounts out of order': {
    to: [
      [id(2), [device(1)]],
      [id(1), [device(1)]],
    ],
  },
  'an account twice': {
    to: [
      [id(1), [device(1)]],
      [id(1), [device(2)]],
    ],
  },
  'devices out of order': { to: [[id(1), [device(2), device(1)]]] },
  'a device twice': { to: [[id(1), [device(1), device(1)]]] },
  itself: { to: [[EXPECTED.acct, [[EXPECTED.dev, id(1, 16)]]]] },
  'a third element': { to: [[id(1), [device(1)], id(1)]] },
  'too many devices': {
    to: [1, 2].map((k) => [id(k), Array.from({ length: 300 }, (_, d) => device(d))]),
  },
}

for (const [what, change] of Object.entries(WRONG)) {
  test(`heads: ${what} is refused`, (t) => {
    t.is(
      outcome(() => readHead(headBytes(change), EXPECTED)),
      'E_FORMAT',
    )
  })
}
