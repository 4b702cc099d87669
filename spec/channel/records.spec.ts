import test from 'ava'
import fc from 'fast-check'

import {
  ANONYMOUS_RECORDS,
  MAX_FRAME_BYTES,
  PACKED_BYTES,
  RecordHalf,
  RECORDS,
} from '../../lib/channel/records.ts'
import { gcmSeal } from '../../lib/crypto/aead.ts'
import { pad, padme } from '../../lib/crypto/padding.ts'
import { LIMITS } from '../../lib/protocol/limits.ts'
import { type Bytes, concat, fromHex, hex, NO_BYTES, u32 } from '../../lib/util/bytes.ts'
import { everyByteChanged, everyNth, outcome, outcomes, runs } from '../helpers/refusals.ts'
import { vectors } from '../helpers/vectors.ts'
import { KEYS, text } from './kit.ts'

const traffic = {
  key: fromHex(vectors.handshake.c2s_key),
  iv: fromHex(vectors.handshake.c2s_iv),
}

function pair(seq = 0): readonly [RecordHalf, RecordHalf] {
  return [new RecordHalf(KEYS.c2s, seq), new RecordHalf(KEYS.c2s, seq)]
}

function seal(half: RecordHalf, ...frames: Bytes[]): Buffer {
  return concat(...half.seal(frames))
}

/** A record that holds exactly these bytes where frames should be, properly sealed. */
function recordOf(packed: Bytes, padded = pad(packed)): Buffer {
  const header = concat(Buffer.of(0x10), u32(padded.length + 16))
  return concat(header, gcmSeal(KEYS.c2s.key, KEYS.c2s.iv, header, padded))
}

for (const v of vectors.records) {
  test(`vector: record ${v.seq} seals and opens`, (t) => {
    const frames = v.frames.map(fromHex)
    t.is(hex(seal(startAt(v.seq), ...frames)), v.record)
    t.deepEqual(startAt(v.seq).open(fromHex(v.record)).map(hex), v.frames)
  })
}

/** The half in front of record `seq`: a rekey on the way is done, not assumed. */
function startAt(seq: number): RecordHalf {
  if (seq < LIMITS.rekeyRecords) return new RecordHalf(traffic, seq)
  const half = new RecordHalf(traffic, seq - 1)
  half.seal([])
  return half
}

test('what is sealed opens, small, large and mixed; every record is padded', (t) => {
  const frame = fc
    .oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 40_000 }))
    .map((n) => Buffer.alloc(n, n % 251))
  fc.assert(
    fc.property(fc.array(fc.array(frame, { maxLength: 5 }), { maxLength: 4 }), (records) => {
      const [a, b] = pair(65_534) // across a rekey
      for (const frames of records) {
        const record = seal(a, ...frames)
        const opened = b.open(record)
        t.is(opened.length, frames.length)
        t.true(opened.every((f, i) => f.equals(frames[i] ?? NO_BYTES)))
        const size = frames.reduce((n, f) => n + 4 + f.length, 4)
        t.is(record.length, 5 + padme(size) + 16)
      }
    }),
    runs(100),
  )
})

test('no frame: cover traffic of one block', (t) => {
  const [a, b] = pair()
  const record = seal(a)
  t.is(record.length, 5 + 256 + 16)
  t.deepEqual(b.open(record), [])
})

test('the largest frame fits, and a full record of packed ones is allowed before login', (t) => {
  const [a, b] = pair()
  const largest = seal(a, Buffer.alloc(MAX_FRAME_BYTES, 1))
  t.true(largest.length - 5 <= LIMITS.recordBytes)
  t.is(b.open(largest)[0]?.length, MAX_FRAME_BYTES)
  t.throws(() => a.seal([Buffer.alloc(LIMITS.recordBytes)]), { instanceOf: RangeError })
  const packed = seal(a, Buffer.alloc(PACKED_BYTES - 4, 1))
  t.true(packed.length - 5 <= LIMITS.anonymousRecordBytes)
})

test('any byte of any record changed: one and the same error', (t) => {
  for (const v of vectors.records) {
    const open = (changed: Buffer): unknown => startAt(v.seq).open(changed)
    t.deepEqual(outcomes(everyByteChanged(fromHex(v.record)), open), ['E_RECORD'])
  }
})

test('the error of a wrong tag, wrong padding and wrong frames is the same, word for word', (t) => {
  const messages = new Set<string>()
  const cases = [
    Buffer.from(recordOf(text('x'))).fill(9, 40, 41),
    recordOf(concat(u32(5), text('abc'))), // a frame beyond the record
    recordOf(concat(u32(0), u32(1), text('a'))), // an empty frame
    recordOf(concat(u32(1), text('ab'))), // a byte left over
    recordOf(text('abc')), // less than a length
    recordOf(text('abcd')), // a length and nothing
    recordOf(text(''), concat(u32(0), Buffer.alloc(251), Buffer.of(1))), // padding that is not zero
    recordOf(text(''), concat(u32(0), Buffer.alloc(508))), // more padding than Padme gives
    recordOf(text(''), concat(u32(4_294_967_295), Buffer.alloc(252))),
  ]
  for (const record of cases) {
    const error = t.throws(() => new RecordHalf(KEYS.c2s).open(record), { code: 'E_RECORD' })
    messages.add(error.message)
    t.is(error.cause, undefined)
  }
  t.is(messages.size, 1)
  t.deepEqual(new RecordHalf(KEYS.c2s).open(recordOf(text(''))), [])
})

test('replay, reorder, drop, reflection: refused', (t) => {
  const [a] = pair()
  const first = seal(a, text('1'))
  const second = seal(a, text('2'))
  const replayed = new RecordHalf(KEYS.c2s)
  replayed.open(first)
  t.is(
    outcome(() => replayed.open(first)),
    'E_RECORD',
  )
  t.is(
    outcome(() => new RecordHalf(KEYS.c2s).open(second)),
    'E_RECORD',
  )
  t.is(
    outcome(() => new RecordHalf(KEYS.s2c).open(first)),
    'E_RECORD',
  )
})

test('an old key opens nothing after a rekey', (t) => {
  const [a, b] = pair(65_535)
  const last = seal(a, text('last'))
  const next = seal(a, text('next'))
  const stale = new RecordHalf(KEYS.c2s, 65_536)
  t.is(
    outcome(() => stale.open(next)),
    'E_RECORD',
  )
  t.deepEqual([b.open(last), b.open(next)].flat().map(String), ['last', 'next'])
})

test('the counter fills all 64 bits of the nonce', (t) => {
  for (const seq of [2 ** 31, 2 ** 32 - 2, 2 ** 32, 2 ** 32 + 1, 2 ** 40]) {
    const header = concat(Buffer.of(0x10), u32(272))
    const nonce = Buffer.from(KEYS.c2s.iv)
    const count = Buffer.alloc(8)
    count.writeBigUInt64BE(BigInt(seq))
    for (const [i, byte] of count.entries()) nonce[4 + i] = (nonce[4 + i] ?? 0) ^ byte
    const expected = concat(header, gcmSeal(KEYS.c2s.key, nonce, header, pad(Buffer.alloc(0))))
    t.is(hex(seal(new RecordHalf(KEYS.c2s, seq))), hex(expected))
  }
})

test('a header is judged alone: type, least and greatest length, before and after login', (t) => {
  const header = (type: number, length: number): Buffer => concat(Buffer.of(type), u32(length))
  const measured = (framing: typeof RECORDS, h: Buffer): string =>
    outcome(() => framing.measure(h, 0))
  t.is(measured(RECORDS, header(0x10, 272)), 'accepted')
  t.is(measured(RECORDS, header(0x10, 271)), 'E_RECORD')
  t.is(measured(RECORDS, header(0x11, 272)), 'E_RECORD')
  t.is(measured(RECORDS, header(0x10, 262_144)), 'accepted')
  t.is(measured(RECORDS, header(0x10, 262_145)), 'E_RECORD')
  t.is(measured(RECORDS, header(0x10, 4_294_967_295)), 'E_RECORD')
  t.is(measured(ANONYMOUS_RECORDS, header(0x10, 65_536)), 'accepted')
  t.is(measured(ANONYMOUS_RECORDS, header(0x10, 65_537)), 'E_RECORD')
})

test('fuzz: whatever claims to be a record opens or is E_RECORD', (t) => {
  const half = (): RecordHalf => new RecordHalf(KEYS.c2s)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (packed) => {
      t.true(['accepted', 'E_RECORD'].includes(outcome(() => half().open(recordOf(packed)))))
    }),
    runs(300),
  )
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 277, maxLength: 600 }), (bytes) => {
      t.is(
        outcome(() => half().open(Buffer.from(bytes))),
        'E_RECORD',
      )
    }),
    runs(300),
  )
})

test('large records: damage anywhere is found', (t) => {
  const record = seal(new RecordHalf(KEYS.c2s), Buffer.alloc(40_000, 5), text('tail'))
  t.deepEqual(
    outcomes(everyByteChanged(record, everyNth(997)), (changed) =>
      new RecordHalf(KEYS.c2s).open(changed),
    ),
    ['E_RECORD'],
  )
})
