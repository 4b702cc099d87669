// ML-KEM-768 (FIPS 203), the post-quantum third of every envelope key. The only home of @noble/post-quantum.
import { inspect } from 'node:util'

import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'

import { type Bytes, hex } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { ML_KEM_CIPHERTEXT_BYTES, ML_KEM_PUBLIC_BYTES } from './ml-kem-sizes.ts'
import { randomBytes } from './random.ts'

const SEED_BYTES = 64

/** A decapsulation key, kept as its 64-byte seed; the expanded form is made once. */
export class MlKemKey {
  readonly publicKey: Buffer
  readonly #seed: Buffer
  readonly #secretKey: Uint8Array

  constructor(seed: Bytes = randomBytes(SEED_BYTES)) {
    if (seed.length !== SEED_BYTES) throw new RangeError('an ML-KEM seed has 64 bytes')
    this.#seed = Buffer.from(seed)
    const { publicKey, secretKey } = ml_kem768.keygen(this.#seed)
    this.publicKey = Buffer.from(publicKey)
    this.#secretKey = secretKey
  }

  /** The secret itself, for sealed storage only. */
  exportSeed(): Buffer {
    return Buffer.from(this.#seed)
  }

  /** 32 bytes; a ciphertext of wrong length gives a random secret (implicit rejection, as FIPS 203 does for the rest). */
  decapsulate(ciphertext: Bytes): Buffer {
    if (ciphertext.length !== ML_KEM_CIPHERTEXT_BYTES) return randomBytes(32)
    return Buffer.from(ml_kem768.decapsulate(ciphertext, this.#secretKey))
  }

  toJSON(): string {
    return `MlKemKey(${hex(this.publicKey).slice(0, 16)})`
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}

export function generateMlKem(seed?: Bytes): MlKemKey {
  return new MlKemKey(seed)
}

/** @throws E_FORMAT for a key of wrong length or one that fails the modulus check (FIPS 203 7.2). */
export function encapsulate(
  publicKey: Bytes,
  message: Bytes = randomBytes(32),
): { readonly ciphertext: Buffer; readonly sharedSecret: Buffer } {
  if (publicKey.length !== ML_KEM_PUBLIC_BYTES) fail('E_FORMAT')
  try {
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, message)
    return { ciphertext: Buffer.from(cipherText), sharedSecret: Buffer.from(sharedSecret) }
  } catch (cause) {
    return fail('E_FORMAT', 'not an ML-KEM-768 public key', cause)
  }
}

export function decapsulate(key: MlKemKey, ciphertext: Bytes): Buffer {
  return key.decapsulate(ciphertext)
}
