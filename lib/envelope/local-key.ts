// The one key of everything a device keeps on its disk (LSK, PROTOCOL 3), and the three ways its file can be closed.
//
//   file = CBOR{ v:1, m:"vault" | "passphrase" | "plain", ?salt, d }
//   d    = seal(K, ctx("local", srv, acct, dev), LSK), or LSK itself (explicit choice; mode 0600 protects it)
//   K    = HKDF(device secret of the vault, Z32, ctx("local", srv, acct, dev), 32), or scrypt(passphrase, salt)
import { inspect } from 'node:util'

import { open, seal } from '../crypto/aead.ts'
import { ctx } from '../crypto/ctx.ts'
import { hkdf, sha256 } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import { passphraseKey } from '../crypto/scrypt.ts'
import type { DeviceId } from '../identity/conversation.ts'
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { b, bRange, check, exact, lit, opt } from '../protocol/shape.ts'
import { type Bytes, hex, utf8 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

export type LocalOpener =
  /** What the open vault gives, whatever opened it: needs the server at launch, and survives a change of the password. */
  | { readonly by: 'vault'; readonly secret: Bytes }
  /** Works offline; about half a second. */
  | { readonly by: 'passphrase'; readonly passphrase: string }
  | { readonly by: 'plain' }

const Z32 = Buffer.alloc(32)
const KEY_BYTES = 32
const SALT_BYTES = 16

const FILE = exact({
  v: lit(1),
  m: lit('vault', 'passphrase', 'plain'),
  salt: opt(b(SALT_BYTES)),
  d: bRange(KEY_BYTES, 256),
})

function context({ srv, acct, dev }: DeviceId): Buffer {
  return ctx('local', srv, acct, dev)
}

function refuse(): never {
  return fail(
    'E_DECRYPT',
    'The local data does not open: wrong password, or the key file was changed.',
  )
}

async function fileKey(device: DeviceId, opener: LocalOpener, salt: Bytes): Promise<Buffer | null> {
  switch (opener.by) {
    case 'vault':
      return hkdf(opener.secret, Z32, context(device), 32)
    case 'passphrase':
      return passphraseKey(opener.passphrase, salt)
    case 'plain':
      return null
  }
}

export class LocalKey {
  readonly #key: Buffer

  private constructor(key: Bytes) {
    this.#key = Buffer.from(key)
  }

  static generate(): LocalKey {
    return new LocalKey(randomBytes(KEY_BYTES))
  }

  /** @throws E_DECRYPT for every failure: wrong password, wrong way, another device's file, damage */
  static async open(file: Bytes, device: DeviceId, opener: LocalOpener): Promise<LocalKey> {
    const { m, salt, d } = parse(file)
    if (m !== opener.by) refuse()
    const key = await fileKey(device, opener, salt ?? Z32)
    const lsk = key === null ? d : open(key, context(device), d)
    return lsk?.length === KEY_BYTES ? new LocalKey(lsk) : refuse()
  }

  /** The bytes of the key file, closed in the given way. */
  async close(device: DeviceId, opener: LocalOpener): Promise<Buffer> {
    const salt = randomBytes(SALT_BYTES)
    const key = await fileKey(device, opener, salt)
    return encode({
      v: 1,
      m: opener.by,
      salt: opener.by === 'passphrase' ? salt : undefined,
      d: key === null ? this.#key : seal(key, context(device), this.#key),
    })
  }

  /** 32 bytes for one purpose on this device: the store, the key file of the device, ... */
  derive(purpose: string): Buffer {
    return hkdf(this.#key, Z32, ctx('local-store', utf8(purpose)), KEY_BYTES)
  }

  toJSON(): string {
    return `LocalKey(${hex(sha256(this.derive('fingerprint'))).slice(0, 16)})`
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}

function parse(file: Bytes): ReturnType<typeof FILE.parse> {
  try {
    return check(FILE, decodeCanonical(file), 'local key file')
  } catch {
    return refuse()
  }
}
