import { inspect } from 'node:util'

import test from 'ava'

import { RsaPrivateKey, RsaPublicKey } from '../../lib/crypto/rsa.ts'
import { fromHex, hex } from '../../lib/util/bytes.ts'
import { vectors } from '../helpers/vectors.ts'

const der = fromHex(vectors.handshake.slk)
const key = RsaPrivateKey.fromPkcs8(der, 2048)
const message = Buffer.from('message')

test('wrap and unwrap, every pairing of sync and async', async (t) => {
  const secret = Buffer.alloc(32, 7)
  for (const ct of [key.publicKey.wrap(secret), await key.publicKey.wrapAsync(secret)]) {
    t.deepEqual(key.unwrap(ct), secret)
    t.deepEqual(await key.unwrapAsync(ct), secret)
  }
})

test('wraps 32 bytes and nothing else', async (t) => {
  t.throws(() => key.publicKey.wrap(Buffer.alloc(31)), { instanceOf: RangeError })
  await t.throwsAsync(async () => key.publicKey.wrapAsync(Buffer.alloc(33)), {
    instanceOf: RangeError,
  })
})

test('implicit rejection: a spoiled ciphertext gives a fresh random secret, never an error', async (t) => {
  const ct = key.publicKey.wrap(Buffer.alloc(32, 7))
  for (const spoiled of [ct.subarray(1), Buffer.alloc(256), Buffer.alloc(0), Buffer.alloc(9999)]) {
    const [a, b, c] = [key.unwrap(spoiled), key.unwrap(spoiled), await key.unwrapAsync(spoiled)]
    t.is(a.length, 32)
    t.notDeepEqual(a, b)
    t.notDeepEqual(a, c)
  }
})

test('signatures verify, and any changed byte refuses', async (t) => {
  for (const signature of [key.sign(message), await key.signAsync(message)]) {
    t.true(key.publicKey.verify(message, signature))
    t.true(await key.publicKey.verifyAsync(message, signature))
    for (const i of [0, 100, 255]) {
      const spoiled = Buffer.from(signature)
      spoiled[i] = (spoiled[i] ?? 0) ^ 1
      t.false(key.publicKey.verify(message, spoiled))
      t.false(await key.publicKey.verifyAsync(message, spoiled))
    }
    t.false(key.publicKey.verify(Buffer.from('massage'), signature))
    t.false(key.publicKey.verify(message, signature.subarray(1)))
  }
})

test('keys of another size, exponent or encoding are refused', (t) => {
  t.throws(() => RsaPrivateKey.fromPkcs8(der, 3072), { code: 'E_FORMAT' })
  const spki = key.publicKey.spki
  t.throws(() => RsaPublicKey.fromSpki(Buffer.concat([spki, Buffer.of(0)]), 2048), {
    code: 'E_FORMAT',
  })
  t.throws(() => RsaPublicKey.fromSpki(Buffer.from('nonsense'), 2048), { code: 'E_FORMAT' })
  const even = Buffer.from(spki)
  even[spki.length - 6] = (even[spki.length - 6] ?? 0) & 0xfe // last byte of the modulus
  t.throws(() => RsaPublicKey.fromSpki(even, 2048), { code: 'E_FORMAT' })
  const otherExponent = Buffer.from(spki)
  otherExponent[spki.length - 1] = 3
  t.throws(() => RsaPublicKey.fromSpki(otherExponent, 2048), { code: 'E_FORMAT' })
})

test('a generated key survives export, and prints only a fingerprint', async (t) => {
  const fresh = await RsaPrivateKey.generate(2048)
  const again = RsaPrivateKey.fromPkcs8(fresh.exportPkcs8(), 2048)
  t.deepEqual(again.publicKey.spki, fresh.publicKey.spki)
  const shown = inspect({ fresh }, { depth: 9, showHidden: true }) + JSON.stringify({ fresh })
  t.regex(shown, /RsaPrivateKey\([0-9a-f]{16}\)/)
  t.false(shown.includes(hex(fresh.exportPkcs8()).slice(60, 100)))
})
