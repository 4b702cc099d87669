// Every frame and every reply of PROTOCOL 14.2: goes through, and is refused with anything wrong in it.
import { isDeepStrictEqual } from 'node:util'
import test from 'ava'
import { encode } from '../../lib/protocol/cbor.ts'
import { encodeAny } from '../helpers/any-cbor.ts'
import { decodeFrame, decodeReply, encodeFrame } from '../../lib/protocol/codec.ts'
import {
  frameRow,
  FRAMES,
  isRequest,
  type Frame,
  type FrameName,
  type OkFrame,
  type RequestName,
} from '../../lib/protocol/frames.ts'
import { fieldSamples, leastOf, mostOf, without } from '../helpers/notation-samples.ts'
import { rows, section } from '../helpers/document.ts'
import { outcome } from '../helpers/refusals.ts'

type Value = Readonly<Record<string, unknown>>

/** Bytes as a hostile program would make them: whatever the value is. */
const decode = (value: unknown): Frame => decodeFrame(encodeAny(value))

const roundTrips = test.macro((t, frame: Value) => {
  t.true(isDeepStrictEqual(decode(frame), frame))
  t.true(encodeFrame(frame as Frame).equals(encode(frame)))
})

const refuses = test.macro((t, frame: Value) => {
  t.is(
    outcome(() => decode(frame)),
    'E_FORMAT',
  )
  t.is(
    outcome(() => encodeFrame(frame as Frame)),
    'E_FORMAT',
  )
})

for (const [name = '', dir = '', , fields = '', reply = ''] of rows(section('## 14.2'))) {
  const isAnswer = name === 'ok' || name === 'err'
  const request = !dir.endsWith(' push') && !isAnswer
  const samples = fieldSamples(request ? `r:u ${fields}` : fields)
  const least: Value = { t: name, ...leastOf(samples) }
  const most: Value = { t: name, ...mostOf(samples) }

  test(`${name}: the least`, roundTrips, least)
  test(`${name}: the most`, roundTrips, most)

  test(`${name}: unknown fields are ignored`, (t) => {
    const extra = { ...least, zz: [1, { a: null }], [name === 'ok' ? 'z2' : '__proto__']: 1.5 }
    const decoded = decode(extra) as Value
    t.deepEqual(decoded, name === 'ok' ? extra : least)
    t.is(Object.getPrototypeOf(decoded), Object.prototype)
  })

  for (const field of samples) {
    if (!field.optional) test(`${name}: without ${field.name}`, refuses, without(least, field.name))
    test(`${name}: wrong ${field.name}`, (t) => {
      for (const wrong of field.wrong) {
        const bad = { ...least, [field.name]: wrong }
        t.is(
          outcome(() => decode(bad)),
          'E_FORMAT',
        )
        t.is(
          outcome(() => encodeFrame(bad as unknown as Frame)),
          'E_FORMAT',
        )
      }
    })
  }

  if (request) {
    const replySamples = fieldSamples(reply)
    const answer = (v: unknown): unknown => decodeReply(name as RequestName, decode(v) as OkFrame)

    test(`${name}: its reply`, (t) => {
      for (const value of [leastOf(replySamples), mostOf(replySamples)]) {
        const ok = { t: 'ok', r: 7, ...value } as const
        t.true(isDeepStrictEqual(answer({ ...ok, zz: 1 }), withoutPrototypes(value)))
        t.true(encodeFrame(ok).equals(encode(ok)))
      }
    })

    if (reply === '') continue
    test(`${name}: a wrong reply`, (t) => {
      const ok = { t: 'ok', r: 7, ...leastOf(replySamples) }
      for (const field of replySamples) {
        if (!field.optional)
          t.is(
            outcome(() => answer(without(ok, field.name))),
            'E_FORMAT',
          )
        for (const wrong of field.wrong) {
          t.is(
            outcome(() => answer({ ...ok, [field.name]: wrong })),
            'E_FORMAT',
          )
        }
      }
    })
  }
}

/** Dictionaries come out without a prototype. */
function withoutPrototypes(value: Value): Value {
  return 'lim' in value
    ? { ...value, lim: Object.assign(Object.create(null) as object, value['lim']) }
    : value
}

for (const t0 of ['', 'nope', 'OK', 'constructor', '__proto__', 'toString', 'msg.put ']) {
  test(`unknown type "${t0}"`, refuses, { t: t0, r: 1 })
}

test('not a frame', (t) => {
  for (const value of [
    null,
    1,
    'ok',
    true,
    [],
    [['t', 'ok']],
    {},
    { t: 1 },
    { r: 1 },
    { t: null },
  ]) {
    t.is(
      outcome(() => decode(value)),
      'E_FORMAT',
    )
  }
  t.is(
    outcome(() => decodeFrame(new Uint8Array(0))),
    'E_FORMAT',
  )
})

test('fields in another order are accepted in a frame', (t) => {
  const unsorted = Buffer.from('a2617402617262', 'hex') // {t: 2, r: "..."}: wrong types
  t.is(
    outcome(() => decodeFrame(unsorted)),
    'E_FORMAT',
  )
  const ok = Buffer.from('a26172076174626f6b', 'hex') // r before t
  const okUnsorted = Buffer.from('a26174626f6b617207', 'hex') // t before r
  t.deepEqual(decodeFrame(ok), { t: 'ok', r: 7 })
  t.deepEqual(decodeFrame(okUnsorted), { t: 'ok', r: 7 })
})

test('fields that are undefined are absent', (t) => {
  const bye = { t: 'bye', c: undefined } as unknown as Frame
  t.deepEqual(decodeFrame(encodeFrame(bye)), { t: 'bye' })
  const ok = { t: 'ok', r: 1, ver: 0, d: undefined } as const
  t.deepEqual(decodeFrame(encodeFrame(ok)), { t: 'ok', r: 1, ver: 0 })
})

test('unknown fields of a nested map are dropped, not passed on', (t) => {
  const vault = { ver: 1, body: new Uint8Array(80), slots: [{ t: 'pw', d: new Uint8Array(80) }] }
  const slots = [{ ...vault.slots[0], spy: 1 }]
  const frame = decode({ t: 'vault.put', r: 1, vault: { ...vault, slots, spy: 2 } })
  t.deepEqual(frame as unknown, { t: 'vault.put', r: 1, vault })
})

test('a decoded field does not keep its record alive', (t) => {
  const record = Buffer.alloc(65_536)
  const frame = encode({ t: 'file.get', r: 1, fid: new Uint8Array(16), i: 0 })
  frame.copy(record, 100)
  const decoded = decodeFrame(record.subarray(100, 100 + frame.length))
  t.true(decoded.t === 'file.get' && decoded.fid.buffer.byteLength < 1000)
})

test('the predicates of the table', (t) => {
  t.true(isRequest({ t: 'ping', r: 1 }))
  t.false(isRequest({ t: 'bye' }))
  t.false(isRequest({ t: 'ok', r: 1 }))
  for (const name of Object.keys(FRAMES) as FrameName[]) t.true(frameRow(name).states.length > 0)
})
