import test from 'ava'
import fc from 'fast-check'

import { ChunkReader, type Framing } from '../../lib/channel/chunk-reader.ts'
import { concat, u32 } from '../../lib/util/bytes.ts'
import { fail } from '../../lib/util/errors.ts'
import { outcome, runs } from '../helpers/refusals.ts'

const LIMIT = 100_000
const framing: Framing = {
  headerBytes: 4,
  measure(buffer, at) {
    const length = buffer.readUInt32BE(at)
    return length <= LIMIT ? 4 + length : fail('E_RECORD')
  },
}

function message(length: number, fill: number): Buffer {
  return concat(u32(length), Buffer.alloc(length, fill))
}

/** All messages that come out when the stream arrives cut at these places. */
function read(stream: Buffer, cuts: Iterable<number>): Buffer[] {
  const reader = new ChunkReader()
  const out: Buffer[] = []
  let from = 0
  for (const to of [...cuts, stream.length]) {
    reader.push(stream.subarray(from, to))
    from = to
    for (let m = reader.next(framing); m !== null; m = reader.next(framing)) out.push(m)
  }
  return out
}

const same = (a: readonly Buffer[], b: readonly Buffer[]): boolean =>
  a.length === b.length && a.every((x, i) => x.equals(b[i] ?? u32(0)))

test('messages come out whole, however the stream is cut', (t) => {
  const lengths = fc.array(fc.oneof(fc.nat(20), fc.nat(5000)), { maxLength: 8 })
  fc.assert(
    fc.property(lengths, fc.array(fc.nat(10_000), { maxLength: 20 }), (sizes, places) => {
      const messages = sizes.map((n, i) => message(n, i))
      const stream = concat(...messages)
      const cuts = places.map((p) => p % (stream.length + 1)).sort((x, y) => x - y)
      t.true(same(read(stream, cuts), messages))
    }),
    runs(300),
  )
})

test('byte by byte, and all at once', (t) => {
  const messages = [message(0, 0), message(1, 1), message(3000, 2), message(7, 3)]
  const stream = concat(...messages)
  t.true(same(read(stream, stream.keys()), messages))
  t.true(same(read(stream, []), messages))
})

test('a message inside one chunk is a view of it, not a copy', (t) => {
  const reader = new ChunkReader()
  const chunk = concat(message(10, 1), message(10, 2))
  reader.push(chunk)
  t.is(reader.next(framing)?.buffer, chunk.buffer)
  t.is(reader.next(framing)?.buffer, chunk.buffer)
  t.false(reader.hasInput)
})

test('an announced length that is too large is refused with its header, wherever that is cut', (t) => {
  const header = u32(LIMIT + 1)
  for (let cut = 0; cut < 4; cut++) {
    const reader = new ChunkReader()
    reader.push(header.subarray(0, cut))
    t.is(reader.next(framing), null)
    reader.push(header.subarray(cut))
    t.is(
      outcome(() => reader.next(framing)),
      'E_RECORD',
    )
  }
})

test('a header alone says nothing about memory: what is kept grows with what arrived', (t) => {
  const reader = new ChunkReader()
  reader.push(u32(LIMIT))
  t.is(reader.next(framing), null)
  t.true(reader.isPartial)
  const before = process.memoryUsage().arrayBuffers
  const readers = Array.from({ length: 1000 }, () => {
    const r = new ChunkReader()
    r.push(u32(LIMIT))
    r.next(framing)
    return r
  })
  t.true(process.memoryUsage().arrayBuffers - before < 1000 * 2048)
  t.is(readers.length, 1000)
})

test('a second chunk before the first was read up is a mistake of the caller', (t) => {
  const reader = new ChunkReader()
  reader.push(message(1, 1))
  t.throws(
    () => {
      reader.push(message(1, 1))
    },
    { instanceOf: RangeError },
  )
})
