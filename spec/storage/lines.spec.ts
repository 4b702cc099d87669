import test from 'ava'
import fc from 'fast-check'

import { AtRest } from '../../lib/storage/at-rest.ts'
import { plainLines, sealedLines } from '../../lib/storage/nedb/lines.ts'
import { everyByteChanged, everyLength, runs } from '../helpers/refusals.ts'
import { bytes } from './helpers.ts'

const KEY = Buffer.alloc(32, 1)
const NONE = Buffer.alloc(0)

/** Characters at which NeDB's reader breaks a file into lines. */
const BREAKS = /[\n\v\f\r\x85\u2028\u2029]/

for (const [name, codec] of [
  ['plain', plainLines],
  ['sealed', sealedLines(KEY, 'acc')],
] as const) {
  test(`${name}: any document becomes one line and comes back`, (t) => {
    const odd = fc.constantFrom(
      '\u2028',
      '\u2029',
      '\u0085',
      '\v',
      '\f',
      '\r',
      '\n',
      '"',
      '\\',
      '\0',
    )
    const anyText = fc.array(fc.oneof(odd, fc.string({ unit: 'binary' }))).map((s) => s.join(''))
    fc.assert(
      fc.property(fc.dictionary(anyText, anyText), (doc) => {
        const json = JSON.stringify(doc)
        const line = codec.encode(json)
        if (BREAKS.test(line)) return false
        const decoded = codec.decode(line)
        return decoded !== null && JSON.stringify(JSON.parse(decoded)) === json
      }),
      runs(100),
    )
    t.pass()
  })

  test(`${name}: no beginning of a line is taken for a line`, (t) => {
    const line = codec.encode(JSON.stringify({ _id: 1, b: 'some {text}' }))
    for (let n = 0; n < line.length; n++) t.is(codec.decode(line.slice(0, n)), null)
    t.is(codec.decode('\0'.repeat(100)), null)
  })
}

test('a sealed line does not open in another collection or with another key', (t) => {
  const line = sealedLines(KEY, 'acc').encode('{}')
  t.is(sealedLines(KEY, 'acc').decode(line), '{}')
  t.is(sealedLines(KEY, 'dev').decode(line), null)
  t.is(sealedLines(Buffer.alloc(32, 2), 'acc').decode(line), null)
})

test('a sealed body opens whole and unchanged only, for the same purpose only', (t) => {
  const cipher = new AtRest(KEY, 'logs')
  const sealed = cipher.seal(bytes('aad'), bytes('some bytes'))
  t.deepEqual(cipher.open(bytes('aad'), sealed), bytes('some bytes'))
  t.deepEqual(new AtRest(KEY, 'logs').open(bytes('aad'), sealed), bytes('some bytes'))
  t.is(cipher.open(bytes('aae'), sealed), null)
  t.is(cipher.open(NONE, sealed), null)
  for (const broken of everyByteChanged(sealed)) t.is(cipher.open(bytes('aad'), broken), null)
  for (const broken of everyLength(sealed)) t.is(cipher.open(bytes('aad'), broken), null)
})

test('no two seals look alike, and every start has a key of its own', (t) => {
  const first = new AtRest(KEY, 'logs')
  const second = new AtRest(KEY, 'logs')
  const all = [first, first, second, second].map((c) => c.seal(NONE, NONE))
  const heads = all.map((sealed) => sealed.subarray(0, 22).toString('hex'))
  t.is(new Set(heads).size, 4)
  t.is(new Set(heads.map((head) => head.slice(0, 32))).size, 2)
  t.is(new Set(all.map((sealed) => sealed.subarray(22).toString('hex'))).size, 4)
})

test('files of many starts stay readable though only a few keys are remembered', (t) => {
  const sealed = Array.from({ length: 30 }, (_, i) =>
    new AtRest(KEY, 'x').seal(NONE, bytes(`${i}`)),
  )
  const reader = new AtRest(KEY, 'x')
  for (let round = 0; round < 2; round++) {
    sealed.forEach((s, i) => {
      t.deepEqual(reader.open(NONE, s), bytes(`${i}`))
    })
  }
})
