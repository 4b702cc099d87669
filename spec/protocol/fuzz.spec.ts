// Both decoders against hostile bytes: a value or E_FORMAT, quickly, whatever comes in. SLOW=1 for long runs.
import test from 'ava'
import fc from 'fast-check'
import { encodeAny } from '../helpers/any-cbor.ts'
import { decodeFrame, decodeReply, encodeFrame } from '../../lib/protocol/codec.ts'
import type { OkFrame, RequestName } from '../../lib/protocol/frames.ts'
import { decodePayload, encodePayload } from '../../lib/protocol/payloads.ts'
import { rows, section } from '../helpers/document.ts'
import { fieldSamples, leastOf, mostOf } from '../helpers/notation-samples.ts'
import { holds } from '../helpers/property.ts'
import { outcome } from '../helpers/refusals.ts'

const frameRows = rows(section('## 14.2'))

const validFrames = frameRows.flatMap(([name, dir = '', , fields = '', reply = '']) => {
  const answer = name === 'ok' || name === 'err'
  const samples = fieldSamples(dir.endsWith(' push') || answer ? fields : `r:u ${fields}`)
  const frames = [leastOf(samples), mostOf(samples)].map((f) => encodeAny({ t: name, ...f }))
  const replies = answer ? [] : [encodeAny({ t: 'ok', r: 1, ...leastOf(fieldSamples(reply)) })]
  return [...frames, ...replies].filter((bytes) => bytes.length < 70_000)
})

const validPayloads = rows(section('## 7.1')).flatMap(([kind, fields]) => {
  const samples = fieldSamples(`id:b16 ts:u ${fields ?? ''}`)
  return [leastOf(samples), mostOf(samples)].map((p) => encodeAny({ k: kind, ...p }))
})

const requests = frameRows
  .filter(([name = '', dir = '']) => !dir.endsWith(' push') && name !== 'ok' && name !== 'err')
  .map(([name]) => name as RequestName)

/** A valid encoding with up to four bytes changed, inserted, removed, or a piece doubled. */
function damaged(valid: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const edit = fc.record({
    kind: fc.constantFrom('set', 'set', 'insert', 'remove', 'double', 'cut'),
    at: fc.oneof(fc.nat({ max: 60 }), fc.nat()), // most structure is near the beginning
    byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0x00, 0x60, 0x80, 0xa0, 0xbf, 0xf6, 0xff)),
  })
  return fc
    .tuple(fc.constantFrom(...valid), fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([bytes, edits]) => {
      let out: Buffer = bytes
      for (const { kind, at, byte } of edits) {
        const i = at % (out.length + 1)
        const before = out.subarray(0, i)
        if (kind === 'set') out = Buffer.concat([before, Buffer.of(byte), out.subarray(i + 1)])
        if (kind === 'insert') out = Buffer.concat([before, Buffer.of(byte), out.subarray(i)])
        if (kind === 'remove') out = Buffer.concat([before, out.subarray(i + 1)])
        if (kind === 'double') out = Buffer.concat([before, before.subarray(-16), out.subarray(i)])
        if (kind === 'cut') out = before
      }
      return out
    })
}

function frameSurvives(bytes: Uint8Array): boolean {
  const code = outcome(() => {
    const frame = decodeFrame(bytes)
    // what was accepted can be passed on
    if (frame.t !== 'ok') decodeFrame(encodeFrame(frame))
    else for (const name of requests) outcome(() => decodeReply(name, frame))
  })
  return code === 'accepted' || code === 'E_FORMAT'
}

function payloadSurvives(bytes: Uint8Array): boolean {
  const code = outcome(() => {
    const payload = decodePayload(bytes)
    if (payload.k !== 'unsupported') decodePayload(encodePayload(payload))
  })
  return code === 'accepted' || code === 'E_FORMAT'
}

test('arbitrary bytes', async (t) => {
  await holds(
    t,
    fc.property(fc.uint8Array({ maxLength: 200 }), (b) => frameSurvives(b) && payloadSurvives(b)),
    500,
  )
})

test('arbitrary maps that name a frame or a kind', async (t) => {
  const fields = fc.dictionary(
    fc.string({ maxLength: 5 }),
    fc.anything({ withBigInt: false }).map(encodable),
  )
  const name = fc.constantFrom(...frameRows.map(([n = '']) => n))
  const kind = fc.constantFrom(...rows(section('## 7.1')).map(([k = '']) => k))
  await holds(
    t,
    fc.property(fields, name, kind, (f, t0, k) => {
      const bytes = encodeAny({ ...f, t: t0, k, r: 1, id: new Uint8Array(16), ts: 0 })
      return frameSurvives(bytes) && payloadSurvives(bytes)
    }),
    500,
  )
})

/** What JSON can say: functions, symbols and the like are not what a peer can send. */
function encodable(value: unknown): unknown {
  const json = JSON.stringify(value) as string | undefined
  return json === undefined ? null : JSON.parse(json)
}

test('damaged frames', async (t) => {
  await holds(t, fc.property(damaged(validFrames), frameSurvives), 800)
})

test('damaged payloads', async (t) => {
  await holds(t, fc.property(damaged(validPayloads), payloadSurvives), 500)
})

test('every frame cut at every place is refused', (t) => {
  for (const bytes of validFrames.filter((b) => b.length < 2000)) {
    for (let n = 0; n < bytes.length; n++) {
      if (outcome(() => decodeFrame(bytes.subarray(0, n))) !== 'E_FORMAT') t.fail(`${n}`)
    }
  }
  t.pass()
})

test('an ok with any fields is refused by every request it does not answer', (t) => {
  const ok: OkFrame = { t: 'ok', r: 1, resp: 5, vault: null, dl: [], n: 'x', cur: {}, lim: [] }
  for (const name of requests) {
    const code = outcome(() => decodeReply(name, ok))
    t.true(code === 'E_FORMAT' || !hasReply(name))
  }
})

function hasReply(name: string): boolean {
  return frameRows.some(([n, , , , reply]) => n === name && reply !== '')
}

test('the largest record full of the smallest items is refused or read without harm', (t) => {
  const size = 262_000
  for (const item of [0x80, 0xa0, 0x40, 0x60, 0x00, 0xf6]) {
    const bytes = Buffer.concat([
      Buffer.from([0x9a, 0, 0x03, 0xff, 0x70]),
      Buffer.alloc(size, item),
    ])
    t.true(frameSurvives(bytes))
  }
  // as many different keys as fit
  const keys = Array.from({ length: 40_000 }, (_, i) => encodeAny(String(i)))
  const map = Buffer.concat([
    Buffer.from([0xb9, 40_000 >> 8, 40_000 & 255]),
    ...keys.flatMap((k) => [k, Buffer.of(0)]),
  ])
  t.true(frameSurvives(map))
})
