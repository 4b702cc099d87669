// Bundles: the inbox keys a sender may use, and everything it must not (PROTOCOL 5.5).
import test from 'ava'
import fc from 'fast-check'

import { ctx } from '../../lib/crypto/ctx.ts'
import { sha256 } from '../../lib/crypto/hash.ts'
import { generateMlKem } from '../../lib/crypto/ml-kem.ts'
import { generateX25519 } from '../../lib/crypto/x25519.ts'
import {
  type BundleBody,
  bundleKeyId,
  signBundle,
  verifyBundle,
  verifyBundleAsync,
} from '../../lib/identity/bundle.ts'
import { withDevice } from '../../lib/identity/device-list-edit.ts'
import { decodeCanonical, encode } from '../../lib/protocol/cbor.ts'
import type { SignedBundle } from '../../lib/protocol/composites.ts'
import { equal, fromHex } from '../../lib/util/bytes.ts'
import { RsaPublicKey } from '../../lib/crypto/rsa.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { DAY, person, T0 } from '../helpers/people.ts'
import {
  everyByteChanged,
  everyLength,
  everyNth,
  outcome,
  outcomeAsync,
  outcomes,
  runs,
} from '../helpers/refusals.ts'
import { vectors } from '../helpers/vectors.ts'

const bob = await person('bob', { key: 1 })
const alice = await person('alice', { key: 0 })
const { list } = bob.verified
const body: BundleBody = {
  srv: bob.srv,
  acct: bob.acct,
  dev: bob.dev,
  n: 1_770_000_000,
  rsa: rsa2048(9).publicKey.spki,
  x: generateX25519(Buffer.alloc(32, 9)).publicKey,
  pq: generateMlKem(Buffer.alloc(64, 9)).publicKey,
  rq: 0,
  nb: T0,
  na: T0 + 30 * DAY,
}
const good = await signBundle(bob.dsk, body)
const verify = (bundle: SignedBundle, now = T0, minN = 0) => verifyBundle(list, bundle, now, minN)

/** Any content at all, honestly signed by the device. */
const honest = (value: unknown): SignedBundle => {
  const b = encode(value)
  return { dev: bob.dev, b, s: bob.dsk.sign(ctx('bundle', b)) }
}
const content = decodeCanonical(good.b) as Record<string, unknown>

test('the published bundles', (t) => {
  const srv = fromHex(vectors.ids.srv)
  for (const r of vectors.stream.recipients) {
    const dsk = RsaPublicKey.fromSpki(fromHex(r.dsk), 2048)
    const owner = {
      ...list,
      srv,
      acct: fromHex(r.acct),
      devs: [{ id: fromHex(r.dev), dsk, ts: 0 }],
    }
    const bundle = { dev: fromHex(r.dev), b: fromHex(r.bundle_b), s: fromHex(r.bundle_s) }
    const result = verifyBundle(owner, bundle, vectors.handshake.time)
    t.deepEqual(result.klid, fromHex(r.klid))
    t.true(equal(result.x, generateX25519(fromHex(r.x25519_seed)).publicKey))
  }
})

test('a bundle comes out as it went in', (t) => {
  const result = verify(good)
  t.like(result, { n: body.n, rq: 0, na: body.na })
  t.deepEqual(result.rsa.spki, body.rsa)
  t.deepEqual(result.klid, sha256(good.b).subarray(0, 16))
  t.deepEqual(
    [result.x, result.pq, result.acct, result.dev].map((b) => Buffer.from(b)),
    [body.x, body.pq, bob.acct, bob.dev] as Buffer[],
  )
})

test('any changed byte', (t) => {
  const step = everyNth(5)
  const b = [...everyByteChanged(good.b, step), ...everyLength(good.b, 31)]
  t.deepEqual(
    outcomes(b, (x) => verify({ ...good, b: x })),
    ['E_SIG'],
  )
  const s = [...everyByteChanged(good.s, step), ...everyLength(good.s, 31)]
  t.deepEqual(
    outcomes(s, (x) => verify({ ...good, s: x })),
    ['E_SIG'],
  )
  t.deepEqual(
    outcomes(everyByteChanged(good.dev), (dev) => verify({ ...good, dev })),
    ['E_NO_DEVICE'],
  )
})

test('a device that left the list, and the neighbour device', async (t) => {
  const other = { id: Buffer.alloc(8, 0x22), dsk: rsa2048(8).publicKey, ts: T0 }
  const two = withDevice(bob.verified, other)
  t.is(
    outcome(() => verifyBundle({ ...list, devs: [] }, good, T0)),
    'E_NO_DEVICE',
  )
  t.is(
    outcome(() => verifyBundle(two, { ...good, dev: other.id }, T0)),
    'E_SIG',
  )
  const foreign = await signBundle(rsa2048(8), body) // signed by one device, about another
  t.is(
    outcome(() => verifyBundle(two, { ...foreign, dev: other.id }, T0)),
    'E_BINDING',
  )
})

test("somebody else's keys under one's own name get another id", async (t) => {
  const copied = { ...body, acct: alice.acct, dev: alice.dev }
  const bundle = await signBundle(alice.dsk, copied)
  t.is(
    outcome(() => verifyBundle(alice.verified.list, bundle, T0)),
    'accepted',
  )
  t.notDeepEqual(bundleKeyId(bundle.b), bundleKeyId(good.b))
  t.is(
    outcome(() => verify(honest({ ...content, acct: alice.acct }))),
    'E_BINDING',
  )
})

test('time and numbers', async (t) => {
  for (const [now, expected] of [
    [T0 - DAY - 1, 'E_STALE_BUNDLE'],
    [T0 - DAY, 'accepted'],
    [T0 + 30 * DAY, 'accepted'],
    [T0 + 30 * DAY + 1, 'E_STALE_BUNDLE'],
  ] as const) {
    t.is(
      outcome(() => verify(good, now)),
      expected,
    )
  }
  t.is(
    outcome(() => verify(good, T0, body.n)),
    'accepted',
  )
  t.is(
    outcome(() => verify(good, T0, body.n + 1)),
    'E_ROLLBACK',
  )
  t.is(
    outcome(() => verify(honest({ ...content, na: T0 + 31 * DAY + 1 }))),
    'E_STALE_BUNDLE',
  )
  await t.throwsAsync(() => signBundle(bob.dsk, { ...body, na: T0 + 32 * DAY }), {
    instanceOf: RangeError,
  })
})

test('honestly signed nonsense', (t) => {
  const pq = Buffer.from(body.pq)
  pq.writeUIntLE(3329, 0, 3)
  const pqHigh = Buffer.from(body.pq)
  pqHigh.writeUIntLE(3329 << 12, 1149, 3)
  for (const [lie, expected] of [
    [{ suite: 2 }, 'E_BINDING'],
    [{ k: 'bundles' }, 'E_FORMAT'],
    [{ rq: 2 }, 'E_FORMAT'],
    [{ extra: 1 }, 'E_FORMAT'],
    [{ rsa: rsa3072(0).publicKey.spki }, 'E_FORMAT'],
    [{ rsa: Buffer.alloc(294) }, 'E_FORMAT'],
    [{ x: Buffer.alloc(32) }, 'E_FORMAT'], // a point of small order
    [{ x: Buffer.from(`01${'00'.repeat(31)}`, 'hex') }, 'E_FORMAT'],
    [{ pq }, 'E_FORMAT'],
    [{ pq: pqHigh }, 'E_FORMAT'],
    [{ pq: Buffer.alloc(1183) }, 'E_FORMAT'],
    [{ dev: alice.dev }, 'E_BINDING'],
    [{ srv: alice.acct }, 'E_BINDING'],
  ] as const) {
    t.is(
      outcome(() => verify(honest({ ...content, ...lie }))),
      expected,
      JSON.stringify(Object.keys(lie)),
    )
  }
})

test('the pool gives the same answers', async (t) => {
  t.deepEqual(await verifyBundleAsync(list, good, T0), verify(good))
  const spoiled = { ...good, s: Buffer.alloc(256) }
  t.is(await outcomeAsync(() => verifyBundleAsync(list, spoiled, T0)), 'E_SIG')
  t.is(await outcomeAsync(() => verifyBundleAsync(list, good, T0, body.n + 1)), 'E_ROLLBACK')
})

test('fuzz: whatever a device signs, codes only', (t) => {
  const expected = ['accepted', 'E_FORMAT', 'E_BINDING', 'E_STALE_BUNDLE']
  t.notThrows(() => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(content)),
        fc.oneof(fc.anything({ maxDepth: 2 }), fc.uint8Array({ maxLength: 40 }), fc.nat()),
        (field, value) => {
          let bundle: SignedBundle
          try {
            bundle = honest({ ...content, [field]: value })
          } catch {
            return true // not a CBOR value
          }
          return expected.includes(outcome(() => verify(bundle)))
        },
      ),
      runs(100),
    )
  })
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (b) => {
        const s = bob.dsk.sign(ctx('bundle', b))
        return outcome(() => verify({ ...good, b, s })) === 'E_FORMAT'
      }),
      runs(100),
    )
  })
})
