// X25519 (RFC 7748) over raw 32-byte keys. They pass node:crypto as JWK (RFC 8037) where that is possible: its DER decoder
// takes ten times as long as the curve does, and a server makes a key for every connection.
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { inspect } from 'node:util'

import { base64url, type Bytes, concat, fromBase64url, fromHex, hex } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

/** Of RFC 8410: a JWK of a private key would have to name the public one. */
const PKCS8_PREFIX = fromHex('302e020100300506032b656e04220420')

function freshKey(): KeyObject {
  return generateKeyPairSync('x25519').privateKey
}

function importSeed(seed: Bytes): KeyObject {
  if (seed.length !== 32) throw new RangeError('an X25519 private key has 32 bytes')
  return createPrivateKey({ key: concat(PKCS8_PREFIX, seed), format: 'der', type: 'pkcs8' })
}

/** A private key; only its public half prints. */
export class X25519Key {
  readonly publicKey: Buffer
  readonly #seed: Buffer
  readonly #key: KeyObject

  /** A fresh one without a seed. */
  constructor(seed?: Bytes) {
    this.#key = seed === undefined ? freshKey() : importSeed(seed)
    const { x = '', d = '' } = this.#key.export({ format: 'jwk' })
    this.publicKey = fromBase64url(x)
    this.#seed = fromBase64url(d)
  }

  /** The secret itself, for sealed storage only. */
  exportSeed(): Buffer {
    return Buffer.from(this.#seed)
  }

  /** The shared secret. @throws E_FORMAT for a malformed peer key or an all-zero result (RFC 7748 6.1). */
  agree(peerPublicKey: Bytes): Buffer {
    if (peerPublicKey.length !== 32) fail('E_FORMAT')
    const publicKey = createPublicKey({
      key: { kty: 'OKP', crv: 'X25519', x: base64url(peerPublicKey) },
      format: 'jwk',
    })
    let shared: Buffer
    try {
      shared = diffieHellman({ privateKey: this.#key, publicKey })
    } catch (cause) {
      return fail('E_FORMAT', 'X25519 failed', cause) // OpenSSL refuses small-order points itself
    }
    return shared.every((byte) => byte === 0) ? fail('E_FORMAT') : shared
  }

  toJSON(): string {
    return `X25519Key(${hex(this.publicKey).slice(0, 16)})`
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}

export function generateX25519(seed?: Bytes): X25519Key {
  return new X25519Key(seed)
}

/** Both halves as in PROTOCOL: X25519(x, Y). */
export function x25519(key: X25519Key, peerPublicKey: Bytes): Buffer {
  return key.agree(peerPublicKey)
}
