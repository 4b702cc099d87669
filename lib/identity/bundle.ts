// The signed inbox keys of one device: what a sender needs to reach it (PROTOCOL 5.5). Public halves only.
import { ctx } from '../crypto/ctx.ts'
import { sha256 } from '../crypto/hash.ts'
import { ML_KEM_PUBLIC_BYTES } from '../crypto/ml-kem-sizes.ts'
import { type RsaPrivateKey, RsaPublicKey } from '../crypto/rsa.ts'
import { generateX25519, x25519 } from '../crypto/x25519.ts'
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import type { SignedBundle } from '../protocol/composites.ts'
import { LIMITS } from '../protocol/limits.ts'
import { b, check, exact, lit, u } from '../protocol/shape.ts'
import { SUITE } from '../protocol/version.ts'
import { type Bytes, equal, view } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import type { DeviceId } from './conversation.ts'
import type { DeviceList } from './device-list-body.ts'
import { type Verification, verifyInPool, verifyNow } from './verification.ts'

/** The public halves of one set of inbox keys. */
export interface InboxPublicKeys {
  readonly rsa: Bytes
  readonly x: Bytes
  readonly pq: Bytes
}

export interface BundleBody extends DeviceId, InboxPublicKeys {
  /** Strictly increasing; starts at unix seconds, so that a restored backup cannot go back. */
  readonly n: number
  /** 1: only explicit requests are announced to the user (PROTOCOL 7.3). */
  readonly rq: 0 | 1
  /** Valid from, valid until (ms since 1970), at most 31 days. */
  readonly nb: number
  readonly na: number
}

export interface VerifiedBundle extends DeviceId {
  /** H(b)[0:16]: names these keys together with their owner. */
  readonly klid: Bytes
  readonly rsa: RsaPublicKey
  readonly x: Bytes
  readonly pq: Bytes
  readonly n: number
  readonly rq: 0 | 1
  readonly na: number
}

const BUNDLE = exact({
  k: lit('bundle'),
  suite: u,
  acct: b(32),
  srv: b(32),
  dev: b(8),
  n: u,
  rsa: b(294),
  x: b(32),
  pq: b(ML_KEM_PUBLIC_BYTES),
  rq: lit(0, 1),
  nb: u,
  na: u,
})

/** A bundle may come from a clock that is a day ahead. */
const CLOCK_SKEW_MS = 24 * 3_600_000
const ML_KEM_MODULUS = 3329
const ML_KEM_SEED_BYTES = 32
const PROBE = generateX25519(Buffer.alloc(32, 1))

/** H(b)[0:16] (PROTOCOL 5.5): the whole bundle, so copied public keys of somebody else get another id. */
export function bundleKeyId(bytes: Bytes): Buffer {
  return sha256(bytes).subarray(0, 16)
}

export async function signBundle(dsk: RsaPrivateKey, body: BundleBody): Promise<SignedBundle> {
  const { srv, acct, dev, n, rsa, x, pq, rq, nb, na } = body
  if (na <= nb || na - nb > LIMITS.bundleLifeMs)
    throw new RangeError('a bundle lives at most 31 days')
  const bytes = encode({ k: 'bundle', suite: SUITE, acct, srv, dev, n, rsa, x, pq, rq, nb, na })
  return { dev, b: bytes, s: await dsk.signAsync(ctx('bundle', bytes)) }
}

/** FIPS 203 7.2, modulus check: every 12-bit coefficient below q. The rest of the key is a seed. */
function isMlKemPublicKey(pq: Bytes): boolean {
  for (let at = 0; at < pq.length - ML_KEM_SEED_BYTES; at += 3) {
    const three = view(pq).readUIntLE(at, 3)
    if ((three & 0xfff) >= ML_KEM_MODULUS || three >> 12 >= ML_KEM_MODULUS) return false
  }
  return true
}

/** A key that would fail only when used lets one member stop a whole group: refuse it here. @throws E_FORMAT */
function checkKeys(x: Bytes, pq: Bytes): void {
  x25519(PROBE, x)
  if (!isMlKemPublicKey(pq)) fail('E_FORMAT', 'not an ML-KEM-768 public key')
}

function* bundleSteps(
  list: DeviceList,
  bundle: SignedBundle,
  now: number,
  minN: number,
): Verification<VerifiedBundle> {
  const device =
    list.devs.find((d) => equal(d.id, bundle.dev)) ??
    fail('E_NO_DEVICE', `@${list.user} has no such device.`)
  const question = { key: device.dsk, message: ctx('bundle', bundle.b), signature: bundle.s }
  if (!(yield question)) fail('E_SIG', `Inbox keys of @${list.user} are not signed by the device.`)
  const body = check(BUNDLE, decodeCanonical(bundle.b), 'bundle')
  if (
    body.suite !== SUITE ||
    !equal(body.acct, list.acct) ||
    !equal(body.srv, list.srv) ||
    !equal(body.dev, bundle.dev)
  ) {
    fail('E_BINDING', `Inbox keys served for @${list.user} belong to somebody else.`)
  }
  const { srv, acct, dev, n, rsa, x, pq, rq, nb, na } = body
  if (n < minN) fail('E_ROLLBACK', `The server offers older inbox keys of @${list.user}.`)
  if (na - nb > LIMITS.bundleLifeMs || now > na || now < nb - CLOCK_SKEW_MS) {
    fail('E_STALE_BUNDLE', `The inbox keys of @${list.user} are out of date.`)
  }
  checkKeys(x, pq)
  const klid = bundleKeyId(bundle.b)
  return { srv, acct, dev, klid, rsa: RsaPublicKey.fromSpki(rsa, 2048), x, pq, n, rq, na }
}

/**
 * Believes the inbox keys of one device of a verified list. `minN`: the highest number seen of it (pin.ts).
 *
 * @throws E_NO_DEVICE E_SIG E_FORMAT E_BINDING E_ROLLBACK E_STALE_BUNDLE
 */
export function verifyBundle(
  list: DeviceList,
  bundle: SignedBundle,
  now: number,
  minN = 0,
): VerifiedBundle {
  return verifyNow(bundleSteps(list, bundle, now, minN))
}

/** As verifyBundle, with the RSA in the thread pool: what both programs use. */
export function verifyBundleAsync(
  list: DeviceList,
  bundle: SignedBundle,
  now: number,
  minN = 0,
): Promise<VerifiedBundle> {
  return verifyInPool(bundleSteps(list, bundle, now, minN))
}
