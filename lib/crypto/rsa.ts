// The one home of node-rsa: key objects, DER, OAEP and PSS exactly as PROTOCOL 2 and 21 fix them. Key generation, private
// decryption, signing and verifying named *Async go through node:crypto's thread pool, so that no event loop waits for them.
import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  sign as nodeSign,
  verify as nodeVerify,
  webcrypto,
} from 'node:crypto'
import { inspect, promisify } from 'node:util'

import NodeRSA from 'node-rsa'

import { base64url, type Bytes, equal, hex } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { sha256 } from './hash.ts'
import { randomBytes } from './random.ts'

/** Launch, device and inbox keys have 2048 bits, identities 3072 (PROTOCOL 3). */
export type RsaBits = 2048 | 3072

const SECRET_BYTES = 32
const E = 65537
const JWK_E = 'AQAB'
const E_DER_BYTES = 5
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } as const
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const
const SUBTLE_OAEP = { name: 'RSA-OAEP', hash: 'SHA-256' } as const
// As objects: the string forms silently fall back to SHA-1 and a 20-byte salt.
const OPTIONS = {
  encryptionScheme: { scheme: 'pkcs1_oaep', hash: 'sha256' },
  signingScheme: { scheme: 'pss', hash: 'sha256', saltLength: 32 },
} as const

const generateAsync = promisify(generateKeyPair)

/** Imports DER strictly: exact size, e = 65537, odd modulus; every other key is E_FORMAT. */
function importKey(
  der: Bytes,
  bits: RsaBits,
  format: 'pkcs8-public-der' | 'pkcs8-private-der',
): NodeRSA {
  const key = new NodeRSA(null, OPTIONS)
  try {
    key.importKey(Uint8Array.from(der), format)
  } catch (cause) {
    fail('E_FORMAT', 'not an RSA key', cause)
  }
  const { n, e } = key.keyPair
  if (key.getKeySize() !== bits || e !== E || n === null || n.isEven()) fail('E_FORMAT')
  return key
}

function secretOnly(secret: Bytes): Bytes {
  if (secret.length !== SECRET_BYTES) throw new RangeError('RSA wraps exactly 32 bytes')
  return secret
}

/** A copy backed by a plain ArrayBuffer, as Web Crypto wants it. */
function plain(b: Bytes): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(b)
}

/**
 * The public half; `spki` are the exact bytes that were received or generated. A server keeps one for every device that is
 * connected, so nothing else is kept: node-rsa's objects would be a sixth of what an idle connection takes.
 */
export class RsaPublicKey {
  readonly bits: RsaBits
  readonly spki: Buffer
  #native: KeyObject | undefined

  private constructor(bits: RsaBits, spki: Bytes) {
    this.bits = bits
    this.spki = Buffer.from(spki)
  }

  /** @throws E_FORMAT for anything but the canonical SubjectPublicKeyInfo of an RSA key of that size. */
  static fromSpki(der: Bytes, bits: RsaBits): RsaPublicKey {
    const key = importKey(der, bits, 'pkcs8-public-der')
    if (!equal(key.exportKey('pkcs8-public-der'), der)) fail('E_FORMAT')
    return new RsaPublicKey(bits, der)
  }

  /** OAEP with SHA-256 of exactly 32 bytes. */
  wrap(secret: Bytes): Buffer {
    const key = importKey(this.spki, this.bits, 'pkcs8-public-der')
    return Buffer.from(key.encrypt(plain(secretOnly(secret))))
  }

  /**
   * As wrap, without big numbers in JavaScript. Not in the thread pool, which only Web Crypto offers for OAEP: importing the
   * key there and coming back holds the event loop for 70 to 140 us, OpenSSL's public operation with import for 40.
   */
  // eslint-disable-next-line @typescript-eslint/require-await -- a bad argument rejects, as with the other *Async
  async wrapAsync(secret: Bytes): Promise<Buffer> {
    return publicEncrypt({ key: this.#keyObject(), ...OAEP }, secretOnly(secret))
  }

  /** PSS with SHA-256 and a 32-byte salt; false for every failure. */
  verify(message: Bytes, signature: Bytes): boolean {
    if (signature.length !== this.bits / 8) return false
    return nodeVerify('sha256', message, { key: this.#keyObject(), ...PSS }, signature)
  }

  verifyAsync(message: Bytes, signature: Bytes): Promise<boolean> {
    if (signature.length !== this.bits / 8) return Promise.resolve(false)
    const key = { key: this.#keyObject(), ...PSS }
    return new Promise((resolve, reject) => {
      nodeVerify('sha256', message, key, signature, (error, valid) => {
        if (error) reject(error)
        else resolve(valid)
      })
    })
  }

  /** First 16 hex digits of SHA-256(spki), for people and logs. */
  fingerprint(): string {
    return hex(sha256(this.spki)).slice(0, 16)
  }

  /** By its numbers: OpenSSL would take much longer to read the same DER. */
  #keyObject(): KeyObject {
    if (this.#native === undefined) {
      // the only DER of such a key ends with the modulus and e (RFC 8017 A.1.1)
      const n = this.spki.subarray(-this.bits / 8 - E_DER_BYTES, -E_DER_BYTES)
      this.#native = createPublicKey({
        key: { kty: 'RSA', n: base64url(n), e: JWK_E },
        format: 'jwk',
      })
    }
    return this.#native
  }
}

/** A private key; it prints, inspects and serialises as the fingerprint of its public half. */
export class RsaPrivateKey {
  readonly publicKey: RsaPublicKey
  readonly #key: NodeRSA
  readonly #native: KeyObject
  #oaep: Promise<webcrypto.CryptoKey> | undefined

  private constructor(der: Bytes, bits: RsaBits) {
    this.#key = importKey(der, bits, 'pkcs8-private-der')
    this.#native = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
    this.publicKey = RsaPublicKey.fromSpki(this.#key.exportKey('pkcs8-public-der'), bits)
  }

  /** A fresh key from the thread pool; tens to hundreds of milliseconds. */
  static async generate(bits: RsaBits): Promise<RsaPrivateKey> {
    const { privateKey } = await generateAsync('rsa', { modulusLength: bits, publicExponent: E })
    return new RsaPrivateKey(privateKey.export({ type: 'pkcs8', format: 'der' }), bits)
  }

  /** @throws E_FORMAT */
  static fromPkcs8(der: Bytes, bits: RsaBits): RsaPrivateKey {
    return new RsaPrivateKey(der, bits)
  }

  sign(message: Bytes): Buffer {
    return nodeSign('sha256', message, { key: this.#native, ...PSS })
  }

  signAsync(message: Bytes): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      nodeSign('sha256', message, { key: this.#native, ...PSS }, (error, signature) => {
        if (error) reject(error)
        else resolve(signature)
      })
    })
  }

  /** Implicit rejection: whatever is wrong, the result is 32 random bytes and the AEAD that follows fails (PROTOCOL 2). */
  unwrap(ciphertext: Bytes): Buffer {
    const random = randomBytes(SECRET_BYTES)
    if (ciphertext.length !== this.publicKey.bits / 8) return random
    try {
      const secret = privateDecrypt({ key: this.#native, ...OAEP }, ciphertext)
      return secret.length === SECRET_BYTES ? secret : random
    } catch {
      return random
    }
  }

  /** As unwrap, in the thread pool. */
  async unwrapAsync(ciphertext: Bytes): Promise<Buffer> {
    const random = randomBytes(SECRET_BYTES)
    if (ciphertext.length !== this.publicKey.bits / 8) return random
    this.#oaep ??= webcrypto.subtle.importKey(
      'pkcs8',
      plain(this.exportPkcs8()),
      SUBTLE_OAEP,
      false,
      ['decrypt'],
    )
    try {
      const key = await this.#oaep
      const secret = Buffer.from(
        await webcrypto.subtle.decrypt(SUBTLE_OAEP, key, plain(ciphertext)),
      )
      return secret.length === SECRET_BYTES ? secret : random
    } catch {
      return random
    }
  }

  /** The secret itself, for sealed storage only. */
  exportPkcs8(): Buffer {
    return Buffer.from(this.#key.exportKey('pkcs8-private-der'))
  }

  toJSON(): string {
    return `RsaPrivateKey(${this.publicKey.fingerprint()})`
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}
