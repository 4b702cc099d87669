// Every payload kind of PROTOCOL 7.1: goes through canonically, and is refused with anything wrong in it.
import { isDeepStrictEqual } from 'node:util'
import test from 'ava'
import { encode } from '../../lib/protocol/cbor.ts'
import { encodeAny } from '../helpers/any-cbor.ts'
import {
  decodePayload,
  encodePayload,
  isContentKind,
  type Payload,
} from '../../lib/protocol/payloads.ts'
import { rows, section } from '../helpers/document.ts'
import { fieldSamples, leastOf, mostOf, without } from '../helpers/notation-samples.ts'
import { outcome } from '../helpers/refusals.ts'

type Value = Readonly<Record<string, unknown>>

const decode = (value: unknown): unknown => decodePayload(encodeAny(value))
const id = new Uint8Array(16).fill(9)

const roundTrips = test.macro((t, payload: Value) => {
  t.true(isDeepStrictEqual(decode(payload), payload))
  t.true(encodePayload(payload as unknown as Payload).equals(encode(payload)))
})

for (const [kind = '', fields = ''] of rows(section('## 7.1'))) {
  const samples = fieldSamples(`id:b16 ts:u ${fields}`)
  const least: Value = { k: kind, ...leastOf(samples) }

  test(`${kind}: the least`, roundTrips, least)
  test(`${kind}: the most`, roundTrips, { k: kind, ...mostOf(samples) })

  test(`${kind}: unknown fields are ignored`, (t) => {
    t.deepEqual(decode({ ...least, zz: { a: [1] }, __proto__: null }), least)
  })

  test(`${kind}: anything wrong is refused`, (t) => {
    for (const field of samples) {
      if (!field.optional)
        t.is(
          outcome(() => decode(without(least, field.name))),
          'E_FORMAT',
        )
      for (const wrong of field.wrong) {
        const bad = { ...least, [field.name]: wrong }
        t.is(
          outcome(() => decode(bad)),
          'E_FORMAT',
        )
        t.is(
          outcome(() => encodePayload(bad as unknown as Payload)),
          'E_FORMAT',
        )
      }
    }
  })
}

test('a kind of a later version is named, not refused', (t) => {
  for (const kind of ['poll', 'unsupported', 'constructor', '__proto__', 'x'.repeat(32)]) {
    t.deepEqual(decode({ k: kind, id, ts: 5, b: [1] }), { k: 'unsupported', kind, id, ts: 5 })
  }
})

test('what is no payload is refused', (t) => {
  for (const value of [
    ...[null, 1, 'text', [], {}],
    { k: 'poll', ts: 5 },
    { k: 'poll', id, ts: -1 },
    { k: 'poll', id: new Uint8Array(15), ts: 5 },
    { k: 1, id, ts: 5 },
    { k: 'x'.repeat(33), id, ts: 5 },
  ]) {
    t.is(
      outcome(() => decode(value)),
      'E_FORMAT',
    )
  }
})

test('other bytes of the same payload are refused', (t) => {
  const canonical = encode({ k: 'req.ok', id, ts: 5 })
  t.is(
    outcome(() => decodePayload(canonical)),
    'accepted',
  )
  // {"ts": 5, "k": "req.ok", "id": ...}: the same fields, ts first
  const ts = Buffer.from('62747305', 'hex')
  const at = canonical.indexOf(ts)
  const rest = Buffer.concat([canonical.subarray(1, at), canonical.subarray(at + ts.length)])
  const unsorted = Buffer.concat([Buffer.of(0xa3), ts, rest])
  t.is(unsorted.length, canonical.length)
  t.is(
    outcome(() => decodePayload(unsorted)),
    'E_FORMAT',
  )
  t.is(
    outcome(() => decodePayload(Buffer.concat([canonical, Buffer.of(0)]))),
    'E_FORMAT',
  )
})

test('content kinds', (t) => {
  t.true(isContentKind('text'))
  t.false(isContentKind('rcpt'))
  t.false(isContentKind('unsupported'))
})
