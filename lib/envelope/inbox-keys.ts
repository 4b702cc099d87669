// The private halves by which others reach this device: RSA-2048, X25519 and ML-KEM-768 together (PROTOCOL 3, 6.2).
// New at each launch and every 24 hours; when an old set is destroyed is decided in client/ (PROTOCOL 6.6).
import { inspect } from 'node:util'

import { ML_KEM_CIPHERTEXT_BYTES } from '../crypto/ml-kem-sizes.ts'
import { MlKemKey } from '../crypto/ml-kem.ts'
import { randomBytes } from '../crypto/random.ts'
import { RsaPrivateKey } from '../crypto/rsa.ts'
import { X25519Key } from '../crypto/x25519.ts'
import type { InboxPublicKeys } from '../identity/bundle.ts'
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { b, bRange, check, exact } from '../protocol/shape.ts'
import { type Bytes, concat } from '../util/bytes.ts'

const STORED = exact({ rsa: bRange(1, 2048), x: b(32), pq: b(64) })

export class InboxKeys implements InboxPublicKeys {
  readonly #rsa: RsaPrivateKey
  readonly #x: X25519Key
  readonly #pq: MlKemKey

  private constructor(rsa: RsaPrivateKey, x: X25519Key, pq: MlKemKey) {
    this.#rsa = rsa
    this.#x = x
    this.#pq = pq
  }

  /** A fresh set; the RSA key comes from the thread pool, the rest takes a millisecond. */
  static async generate(): Promise<InboxKeys> {
    return new InboxKeys(await RsaPrivateKey.generate(2048), new X25519Key(), new MlKemKey())
  }

  /** @throws E_FORMAT */
  static restore(stored: Bytes): InboxKeys {
    const { rsa, x, pq } = check(STORED, decodeCanonical(stored), 'inbox keys')
    return new InboxKeys(RsaPrivateKey.fromPkcs8(rsa, 2048), new X25519Key(x), new MlKemKey(pq))
  }

  /** The secrets themselves: for the sealed store of this device only. */
  serialize(): Buffer {
    return encode({
      rsa: this.#rsa.exportPkcs8(),
      x: this.#x.exportSeed(),
      pq: this.#pq.exportSeed(),
    })
  }

  get rsa(): Buffer {
    return this.#rsa.publicKey.spki
  }

  get x(): Buffer {
    return this.#x.publicKey
  }

  get pq(): Buffer {
    return this.#pq.publicKey
  }

  /**
   * r || d || kss of PROTOCOL 6.2. Never fails: whatever is wrong with an input, its third of the result is random and
   * the AEAD that follows fails, so nobody learns which part it was.
   */
  async agree(ct: Bytes, kct: Bytes, ephemeral: Bytes): Promise<Buffer> {
    const r = await this.#rsa.unwrapAsync(ct)
    const kss = kct.length === ML_KEM_CIPHERTEXT_BYTES ? this.#pq.decapsulate(kct) : randomBytes(32)
    return concat(r, this.#agreeX(ephemeral), kss)
  }

  #agreeX(ephemeral: Bytes): Buffer {
    const random = randomBytes(32)
    try {
      return this.#x.agree(ephemeral)
    } catch {
      return random
    }
  }

  toJSON(): string {
    return `InboxKeys(${this.#rsa.publicKey.fingerprint()})`
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}
