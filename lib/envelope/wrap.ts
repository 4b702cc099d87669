// One stream secret for one recipient device: RSA, X25519 and ML-KEM must all fail for it to leak (PROTOCOL 6.2).
import { ctx } from '../crypto/ctx.ts'
import { open1, seal1 } from '../crypto/aead.ts'
import { hkdf, sha256 } from '../crypto/hash.ts'
import { encapsulate } from '../crypto/ml-kem.ts'
import { randomBytes } from '../crypto/random.ts'
import { type X25519Key, x25519 } from '../crypto/x25519.ts'
import type { VerifiedBundle } from '../identity/bundle.ts'
import type { Wrap } from '../protocol/composites.ts'
import { type Bytes, concat, NO_BYTES, u32 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import type { InboxKeys } from './inbox-keys.ts'

/** Where a wrap belongs: this head, this place in its `to`, this set of inbox keys. */
export interface WrapPlace {
  readonly hp: Bytes
  readonly position: number
  readonly klid: Bytes
}

function wrapKey(shares: Bytes, { hp, klid, position }: WrapPlace, ct: Bytes, kct: Bytes): Buffer {
  const info = ctx('wrap', hp, klid, u32(position), sha256(ct), sha256(kct))
  return hkdf(shares, NO_BYTES, info, 32)
}

export async function wrapSecret(
  secret: Bytes,
  hp: Bytes,
  position: number,
  ephemeral: X25519Key,
  { rsa, x, pq, klid }: Pick<VerifiedBundle, 'rsa' | 'x' | 'pq' | 'klid'>,
): Promise<Wrap> {
  const r = randomBytes(32)
  const ct = await rsa.wrapAsync(r)
  const { ciphertext: kct, sharedSecret } = encapsulate(pq)
  const shares = concat(r, x25519(ephemeral, x), sharedSecret)
  const key = wrapKey(shares, { hp, klid, position }, ct, kct)
  return [ct, kct, seal1(key, ctx('wrap', hp), secret)]
}

/** @throws E_UNWRAP for every failure, whichever part is wrong */
export async function unwrapSecret(
  keys: InboxKeys,
  [ct, kct, box]: Wrap,
  place: WrapPlace,
  ephemeral: Bytes,
): Promise<Buffer> {
  const key = wrapKey(await keys.agree(ct, kct, ephemeral), place, ct, kct)
  const secret = open1(key, ctx('wrap', place.hp), box)
  return secret?.length === 32
    ? secret
    : fail('E_UNWRAP', 'The envelope does not open with the keys of this device.')
}
