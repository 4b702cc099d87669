// The primitives against the published vectors.
import test from 'ava'

import { open, seal } from '../../lib/crypto/aead.ts'
import { ctx, type Label } from '../../lib/crypto/ctx.ts'
import { hkdf, hkdfExpand, hkdfExtract, hmac, sha256 } from '../../lib/crypto/hash.ts'
import { encapsulate, generateMlKem } from '../../lib/crypto/ml-kem.ts'
import { pad, padme, unpad } from '../../lib/crypto/padding.ts'
import { RsaPrivateKey } from '../../lib/crypto/rsa.ts'
import { fromHex, hex } from '../../lib/util/bytes.ts'
import { vectors as v } from '../helpers/vectors.ts'

test('ctx', (t) => {
  for (const c of v.ctx) t.is(hex(ctx(c.label as Label, ...c.parts.map(fromHex))), c.out)
  t.throws(() => ctx('no-such-label' as Label), { instanceOf: RangeError })
})

test('HKDF, whole and as extract and expand', (t) => {
  const [ikm, salt, info] = [fromHex(v.hkdf.ikm), fromHex(v.hkdf.salt), fromHex(v.hkdf.info)]
  t.is(hex(hkdf(ikm, salt, info, v.hkdf.len)), v.hkdf.out)
  t.is(hex(hkdfExpand(hkdfExtract(salt, ikm), info, v.hkdf.len)), v.hkdf.out)
  t.throws(() => hkdfExpand(ikm, info, 255 * 32 + 1), { instanceOf: RangeError })
})

test('hashes cover the concatenation of their parts', (t) => {
  const parts = [Buffer.from('ab'), Buffer.from(''), Buffer.from('c')]
  t.deepEqual(sha256(...parts), sha256(Buffer.from('abc')))
  t.deepEqual(hmac(Buffer.from('k'), ...parts), hmac(Buffer.from('k'), Buffer.from('abc')))
})

test('seal and open', (t) => {
  const [key, aad, salt] = [fromHex(v.seal.key), fromHex(v.seal.aad), fromHex(v.seal.salt)]
  t.is(hex(seal(key, aad, fromHex(v.seal.pt), salt)), v.seal.out)
  t.is(hex(open(key, aad, fromHex(v.seal.out)) ?? Buffer.alloc(0)), v.seal.pt)
})

test('padding at three floors', (t) => {
  for (const p of v.padme) {
    for (const [floor, size] of [
      [256, p.floor256],
      [512, p.floor512],
      [1024, p.floor1024],
    ] as const) {
      t.is(padme(p.len + 4, floor), size)
      const padded = pad(Buffer.alloc(p.len, 1), floor)
      t.is(padded.length, size)
      t.deepEqual(unpad(padded, floor), Buffer.alloc(p.len, 1))
    }
  }
})

test('ML-KEM from seed and message, RSA unwrap of a published wrap', (t) => {
  for (const r of v.stream.recipients) {
    const key = generateMlKem(fromHex(r.mlkem_seed))
    const { ciphertext, sharedSecret } = encapsulate(key.publicKey, fromHex(r.encaps_m))
    t.is(hex(ciphertext), r.wrap[1])
    t.deepEqual(key.decapsulate(ciphertext), sharedSecret)
  }
})

test('RSA: the handshake secrets open, sync and async', async (t) => {
  const slk = RsaPrivateKey.fromPkcs8(fromHex(v.handshake.slk), 2048)
  const ct = fromHex(v.handshake.CH).subarray(9, 265)
  t.is(hex(slk.unwrap(ct)), v.handshake.c_seed)
  t.is(hex(await slk.unwrapAsync(ct)), v.handshake.c_seed)
})
