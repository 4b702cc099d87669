// The server certificate: identity, then signature, then content, then time (PROTOCOL 4.1).
import test from 'ava'
import fc from 'fast-check'

import { ctx } from '../../lib/crypto/ctx.ts'
import { sha256 } from '../../lib/crypto/hash.ts'
import { type CertClaim, signServerCert, verifyServerCert } from '../../lib/identity/server-cert.ts'
import { signSuccession } from '../../lib/identity/succession.ts'
import { decodeCanonical, encode } from '../../lib/protocol/cbor.ts'
import { fromHex } from '../../lib/util/bytes.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { DAY, MINUTE, T0 } from '../helpers/people.ts'
import {
  everyByteChanged,
  everyLength,
  everyNth,
  outcome,
  outcomes,
  runs,
} from '../helpers/refusals.ts'
import { vectors } from '../helpers/vectors.ts'

const sik = rsa3072(0)
const slk = rsa2048(0)
const srv = sha256(sik.publicKey.spki)
const body = { sik, slk: slk.publicKey, srv, nb: T0, na: T0 + DAY }
const issue = async (): Promise<CertClaim> => ({
  ik: sik.publicKey.spki,
  chain: [],
  ...(await signServerCert(body)),
})
const verify = (claim: CertClaim, now = T0, pin?: Buffer) =>
  verifyServerCert({ ...claim, now, pin })

/** A certificate with any content at all, honestly signed. */
const certify = (content: unknown): CertClaim => {
  const cert = encode(content)
  return {
    ik: sik.publicKey.spki,
    chain: [],
    cert,
    sig: sik.sign(ctx('server-cert', cert)),
  }
}
const content = {
  k: 'server',
  rsa: slk.publicKey.spki,
  org: srv,
  nb: T0,
  na: T0 + DAY,
}

test('the published ServerHello', (t) => {
  const SH = fromHex(vectors.handshake.SH)
  const hello = decodeCanonical(SH.subarray(1)) as { ik: Buffer; cert: Buffer; sig: Buffer }
  const pin = fromHex(vectors.handshake.srv)
  const result = verify({ ...hello, chain: [] }, vectors.handshake.time, pin)
  t.deepEqual(result.srv, pin)
  t.is(
    outcome(() => verify({ ...hello, chain: [] }, vectors.handshake.time, sha256(pin))),
    'E_SERVER_IDENTITY',
  )
})

test('a certificate names the launch key', async (t) => {
  const result = verify(await issue(), T0, srv)
  t.deepEqual(result.slk.spki, slk.publicKey.spki)
  t.deepEqual(result.srv, srv)
})

test('valid from five minutes before nb until na', async (t) => {
  const claim = await issue()
  for (const [now, expected] of [
    [T0 - 5 * MINUTE - 1, 'E_SERVER_CERT'],
    [T0 - 5 * MINUTE, 'accepted'],
    [T0 + DAY, 'accepted'],
    [T0 + DAY + 1, 'E_SERVER_CERT'],
  ] as const) {
    t.is(
      outcome(() => verify(claim, now)),
      expected,
    )
  }
})

test('any changed byte: of the identity E_SERVER_IDENTITY, of the certificate E_SERVER_CERT', async (t) => {
  const claim = await issue()
  const step = everyNth(2)
  const refuses = (name: 'ik' | 'cert' | 'sig', code: string) => {
    const one = (spoiled: Buffer) => verify({ ...claim, [name]: spoiled }, T0, srv)
    t.deepEqual(outcomes(everyByteChanged(claim[name], step), one), [code], name)
    t.deepEqual(outcomes(everyLength(claim[name], 7), one), [code], name)
  }
  refuses('ik', 'E_SERVER_IDENTITY')
  refuses('cert', 'E_SERVER_CERT')
  refuses('sig', 'E_SERVER_CERT')
})

test('honestly signed nonsense', (t) => {
  t.is(
    outcome(() => verify(certify(content))),
    'accepted',
  )
  for (const lie of [
    { ...content, k: 'client' },
    { ...content, org: sha256(srv) },
    { ...content, na: T0 + DAY + 1 },
    { ...content, rsa: rsa3072(1).publicKey.spki },
    { ...content, rsa: Buffer.alloc(294) },
    { ...content, extra: 1 },
    { ...content, nb: -1 },
    { ...content, nb: 'now' },
    [],
    null,
  ]) {
    t.is(
      outcome(() => verify(certify(lie))),
      'E_SERVER_CERT',
    )
  }
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(content)),
      fc.oneof(fc.anything({ maxDepth: 2 }), fc.uint8Array()),
      (field, value) => {
        let claim: CertClaim
        try {
          claim = certify({ ...content, [field]: value })
        } catch {
          return true // not a CBOR value
        }
        return ['E_SERVER_CERT', 'accepted'].includes(outcome(() => verify(claim)))
      },
    ),
    runs(30),
  )
})

test('another identity is a hard stop even with a perfect certificate', async (t) => {
  const other = rsa3072(1)
  const claim = {
    ik: other.publicKey.spki,
    chain: [],
    ...(await signServerCert({ ...body, sik: other, srv: sha256(other.publicKey.spki) })),
  }
  t.is(
    outcome(() => verify(claim)),
    'accepted',
  )
  t.is(
    outcome(() => verify(claim, T0, srv)),
    'E_SERVER_IDENTITY',
  )
})

test('succession keeps the id; the old key no longer certifies, the new one cannot do without it', async (t) => {
  const next = rsa3072(1)
  const sig = await signSuccession(sik, {
    label: 'server-succ',
    bind: [],
    origin: srv,
    j: 1,
    spki: next.publicKey.spki,
  })
  const chain = [{ ik: sik.publicKey.spki, sig }]
  const byNext = await signServerCert({ ...body, sik: next })
  const byOld = await signServerCert(body)
  const ik = next.publicKey.spki
  t.deepEqual(verify({ ik, chain, ...byNext }, T0, srv).srv, srv)
  t.is(
    outcome(() => verify({ ik, chain, ...byOld }, T0, srv)),
    'E_SERVER_CERT',
  )
  t.is(
    outcome(() => verify({ ik, chain: [], ...byNext }, T0, srv)),
    'E_SERVER_IDENTITY',
  )
  t.deepEqual(
    outcomes(everyByteChanged(sig, everyNth(9)), (s) =>
      verify({ ik, chain: [{ ik: sik.publicKey.spki, sig: s }], ...byNext }, T0),
    ),
    ['E_SERVER_IDENTITY'],
  )
})

test('a certificate that no client accepts is not issued', async (t) => {
  await t.throwsAsync(() => signServerCert({ ...body, na: T0 + DAY + 1 }), {
    instanceOf: RangeError,
  })
  await t.throwsAsync(() => signServerCert({ ...body, na: T0 }), { instanceOf: RangeError })
})
