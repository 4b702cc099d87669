// The keys of one root epoch: for the history and for each blob (PROTOCOL 11). A device keeps these and never the root.
import { inspect } from 'node:util'

import { open, seal } from '../crypto/aead.ts'
import { ctx } from '../crypto/ctx.ts'
import { hkdf } from '../crypto/hash.ts'
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { b, check, exact, u } from '../protocol/shape.ts'
import { type Bytes, u32, utf8 } from '../util/bytes.ts'

export const BLOB_NAMES = ['blocks', 'contacts', 'settings', 'contact'] as const
export type BlobName = (typeof BLOB_NAMES)[number]

/** What a key is for. */
export type ArchivePurpose = 'history' | BlobName

type Keys = Readonly<Record<ArchivePurpose, Bytes>>

const Z32 = Buffer.alloc(32)

const STORED = exact({
  e: u,
  history: b(32),
  blocks: b(32),
  contacts: b(32),
  settings: b(32),
  contact: b(32),
})

export class ArchiveKeys {
  /** The root epoch these keys belong to. */
  readonly e: number
  readonly #keys: Keys

  private constructor(e: number, keys: Keys) {
    this.e = e
    this.#keys = keys
  }

  static derive(root: Bytes, e: number): ArchiveKeys {
    const blob = (name: BlobName) => hkdf(root, Z32, ctx('blob', u32(e), utf8(name)), 32)
    return new ArchiveKeys(e, {
      history: hkdf(root, Z32, ctx('history', u32(e)), 32),
      blocks: blob('blocks'),
      contacts: blob('contacts'),
      settings: blob('settings'),
      contact: blob('contact'),
    })
  }

  /** @throws E_FORMAT */
  static restore(stored: Bytes): ArchiveKeys {
    const { e, ...keys } = check(STORED, decodeCanonical(stored), 'archive keys')
    return new ArchiveKeys(e, keys)
  }

  /** The secrets themselves: for the sealed store of this device only. */
  serialize(): Buffer {
    return encode({ e: this.e, ...this.#keys })
  }

  seal(purpose: ArchivePurpose, aad: Bytes, plaintext: Bytes): Buffer {
    return seal(this.#keys[purpose], aad, plaintext)
  }

  /** Null for every failure. */
  open(purpose: ArchivePurpose, aad: Bytes, sealed: Bytes): Buffer | null {
    return open(this.#keys[purpose], aad, sealed)
  }

  toJSON(): string {
    return `ArchiveKeys(epoch ${this.e})`
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}
