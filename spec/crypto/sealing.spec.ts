// AEAD, padding, X25519, ML-KEM: tamper, misuse and property tests.
import { inspect } from 'node:util'

import test from 'ava'
import fc from 'fast-check'

import {
  gcmOpen,
  gcmSeal,
  open,
  open1,
  seal,
  SEAL_OVERHEAD_BYTES,
  seal1,
} from '../../lib/crypto/aead.ts'
import { ctx } from '../../lib/crypto/ctx.ts'
import { encapsulate, generateMlKem } from '../../lib/crypto/ml-kem.ts'
import { pad, unpad } from '../../lib/crypto/padding.ts'
import { generateX25519, x25519 } from '../../lib/crypto/x25519.ts'
import { base32, fromBase32, hex } from '../../lib/util/bytes.ts'

const numRuns = process.env['SLOW'] === undefined ? 50 : 5000
const key = Buffer.alloc(32, 1)
const aad = Buffer.from('aad')

test('seal: any changed byte, key or context refuses', (t) => {
  const sealed = seal(key, aad, Buffer.from('secret'))
  t.is(sealed.length, 6 + SEAL_OVERHEAD_BYTES)
  for (let i = 0; i < sealed.length; i++) {
    const spoiled = Buffer.from(sealed)
    spoiled[i] = (spoiled[i] ?? 0) ^ 0x40
    t.is(open(key, aad, spoiled), null)
  }
  for (let n = 0; n < sealed.length; n++) t.is(open(key, aad, sealed.subarray(0, n)), null)
  t.is(open(Buffer.alloc(32, 2), aad, sealed), null)
  t.is(open(key, Buffer.from('aae'), sealed), null)
})

test('seal is randomised; seal1 is not', (t) => {
  t.notDeepEqual(seal(key, aad, aad), seal(key, aad, aad))
  t.deepEqual(seal1(key, aad, aad), seal1(key, aad, aad))
  t.is(open1(key, aad, Buffer.alloc(15)), null)
})

test('gcm round-trips under its nonce only', (t) => {
  const nonce = Buffer.alloc(12, 3)
  const sealed = gcmSeal(key, nonce, aad, Buffer.from('x'))
  t.deepEqual(gcmOpen(key, nonce, aad, sealed), Buffer.from('x'))
  t.is(gcmOpen(key, Buffer.alloc(12), aad, sealed), null)
})

test('ctx is injective over its parts', (t) => {
  const parts = fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 4 })
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const same = a.length === b.length && a.every((x, i) => hex(x) === hex(b[i] ?? Buffer.of()))
      return ctx('seal', ...a).equals(ctx('seal', ...b)) === same
    }),
    { numRuns },
  )
  t.pass()
})

test('unpad accepts exactly what pad makes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.constantFrom(256, 512, 1024), (b, floor) => {
      const padded = pad(b, floor)
      return Buffer.compare(unpad(padded, floor) ?? Buffer.alloc(1), b) === 0
    }),
    { numRuns },
  )
  const padded = pad(Buffer.from('abc'))
  const dirty = Buffer.from(padded)
  dirty[200] = 1
  t.is(unpad(dirty), null)
  t.is(unpad(Buffer.concat([padded, Buffer.of(0)])), null)
  t.is(unpad(padded.subarray(1)), null)
  t.is(unpad(Buffer.alloc(3)), null)
  const long = Buffer.from(padded)
  long.writeUInt32BE(0xffffffff)
  t.is(unpad(long), null)
})

test('X25519 agrees, and refuses malformed and small-order keys', (t) => {
  const [a, b] = [generateX25519(), generateX25519()]
  t.deepEqual(x25519(a, b.publicKey), x25519(b, a.publicKey))
  t.throws(() => x25519(a, Buffer.alloc(31)), { code: 'E_FORMAT' })
  t.throws(() => x25519(a, Buffer.alloc(32)), { code: 'E_FORMAT' })
  t.throws(() => generateX25519(Buffer.alloc(5)), { instanceOf: RangeError })
  t.deepEqual(generateX25519(a.exportSeed()).publicKey, a.publicKey)
})

test('ML-KEM refuses malformed keys and hides malformed ciphertexts', (t) => {
  const key = generateMlKem()
  t.throws(() => encapsulate(Buffer.alloc(1183)), { code: 'E_FORMAT' })
  t.throws(() => encapsulate(Buffer.alloc(1184, 0xff)), { code: 'E_FORMAT' }) // fails the modulus check
  t.notDeepEqual(key.decapsulate(Buffer.alloc(5)), key.decapsulate(Buffer.alloc(5)))
  t.is(key.decapsulate(Buffer.alloc(1088)).length, 32)
  t.throws(() => generateMlKem(Buffer.alloc(32)), { instanceOf: RangeError })
})

test('secret keys do not print', (t) => {
  const x = generateX25519(Buffer.alloc(32, 9))
  const kem = generateMlKem(Buffer.alloc(64, 9))
  const shown = inspect({ x, kem }, { depth: 9, showHidden: true }) + JSON.stringify({ x, kem })
  t.false(shown.includes('0909') || shown.includes('9, 9'))
  t.regex(shown, /X25519Key\(/)
  t.regex(shown, /MlKemKey\(/)
})

test('base32 round-trips and refuses what it did not make', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (b) => {
      const back = fromBase32(base32(b).toUpperCase())
      return back !== null && Buffer.compare(back, b) === 0
    }),
    { numRuns },
  )
  t.is(base32(Buffer.from('foobar')), 'mzxw6ytboi') // RFC 4648 section 10
  for (const bad of ['a', 'mzxw6ytbo1', 'mzxw6ytbo!', 'mr']) t.is(fromBase32(bad), null)
})
