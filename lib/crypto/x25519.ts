// X25519 (RFC 7748) over raw 32-byte keys; node:crypto wants DER, so the fixed prefixes of RFC 8410 are here.
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'
import { inspect } from 'node:util'

import { type Bytes, concat, fromHex, hex } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { randomBytes } from './random.ts'

const PKCS8_PREFIX = fromHex('302e020100300506032b656e04220420')
const SPKI_PREFIX = fromHex('302a300506032b656e032100')

/** A private key; only its public half prints. */
export class X25519Key {
  readonly publicKey: Buffer
  readonly #seed: Buffer
  readonly #key: KeyObject

  constructor(seed: Bytes = randomBytes(32)) {
    if (seed.length !== 32) throw new RangeError('an X25519 private key has 32 bytes')
    this.#seed = Buffer.from(seed)
    this.#key = createPrivateKey({ key: concat(PKCS8_PREFIX, seed), format: 'der', type: 'pkcs8' })
    this.publicKey = createPublicKey(this.#key)
      .export({ type: 'spki', format: 'der' })
      .subarray(-32)
  }

  /** The secret itself, for sealed storage only. */
  exportSeed(): Buffer {
    return Buffer.from(this.#seed)
  }

  /** The shared secret. @throws E_FORMAT for a malformed peer key or an all-zero result (RFC 7748 6.1). */
  agree(peerPublicKey: Bytes): Buffer {
    if (peerPublicKey.length !== 32) fail('E_FORMAT')
    const publicKey = createPublicKey({
      key: concat(SPKI_PREFIX, peerPublicKey),
      format: 'der',
      type: 'spki',
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
