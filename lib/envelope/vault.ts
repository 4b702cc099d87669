// What the account cannot lose: the roots of history and blobs, and the account key. Kept by the server as an opaque thing
// that opens with the password, the recovery code or a login key file (PROTOCOL 5.2).
//
//   {ver, body: seal(VDK, ctx("vault",srv,acct,u32 ver), pad(CBOR{roots, aik, ?rk})), slots: [{t, ?id, d}]}
//
// rk is the slot key of the recovery code: whoever holds the open vault has everything anyway, and only so can the code
// written on paper go on opening every later version.
import { inspect } from 'node:util'

import { open, seal } from '../crypto/aead.ts'
import { ctx } from '../crypto/ctx.ts'
import { hkdf } from '../crypto/hash.ts'
import { pad, unpad } from '../crypto/padding.ts'
import { randomBytes } from '../crypto/random.ts'
import { RsaPrivateKey } from '../crypto/rsa.ts'
import type { AccountId } from '../identity/conversation.ts'
import type { DeviceList } from '../identity/device-list-body.ts'
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import type { Vault } from '../protocol/composites.ts'
import { b, bRange, check, exact, list, opt, u } from '../protocol/shape.ts'
import { type Bytes, equal, u32 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { ArchiveKeys } from './archive-keys.ts'
import type { RecoveryCode } from './recovery-code.ts'
import { openSlots, sealSlots, type SlotKeys, type VaultOpener } from './vault-slots.ts'

const BODY = exact({
  roots: list(exact({ e: u, k: b(32) }), 256, 1),
  aik: bRange(1, 4096),
  rk: opt(b(32)),
})

/** Versions travel as u32 inside contexts. */
const VERSION_MAX = 2 ** 32 - 1

interface Root {
  readonly e: number
  readonly k: Bytes
}

function context(who: AccountId, ver: number): Buffer {
  return ctx('vault', who.srv, who.acct, u32(ver))
}

function refuse(): never {
  return fail('E_VAULT', 'The vault of this account does not open.')
}

/** The vault while it is open: only while enrolling, revoking, renaming or changing the password. */
export class OpenVault {
  readonly #aik: RsaPrivateKey
  readonly #roots: readonly Root[]
  readonly #recoveryKey: Bytes | undefined

  private constructor(aik: RsaPrivateKey, roots: readonly Root[], recoveryKey: Bytes | undefined) {
    this.#aik = aik
    this.#roots = roots
    this.#recoveryKey = recoveryKey
  }

  /** The vault of a new account: epoch 0 of the root. */
  static create(aik: RsaPrivateKey): OpenVault {
    return new OpenVault(aik, [{ e: 0, k: randomBytes(32) }], undefined)
  }

  /** @throws E_VAULT for every failure: wrong password, code or key, or a changed vault */
  static open(who: AccountId, vault: Vault, opener: VaultOpener): OpenVault {
    if (vault.ver > VERSION_MAX) refuse()
    const key = openSlots(who, vault, opener) ?? refuse()
    const padded = open(key, context(who, vault.ver), vault.body) ?? refuse()
    try {
      const content = unpad(padded) ?? refuse()
      const { aik, roots, rk } = check(BODY, decodeCanonical(content), 'vault')
      return new OpenVault(RsaPrivateKey.fromPkcs8(aik, 3072), roots, rk)
    } catch {
      return refuse()
    }
  }

  /**
   * Seals version `ver` under a new VDK for all ways to open it. The recovery code goes on working without being known.
   * `loginKeys`: those of the device list.
   */
  seal(who: AccountId, ver: number, keys: Omit<SlotKeys, 'recoveryKey'>): Vault {
    const vdk = randomBytes(32)
    const content = encode({
      roots: this.#roots,
      aik: this.#aik.exportPkcs8(),
      rk: this.#recoveryKey,
    })
    return {
      ver,
      body: seal(vdk, context(who, ver), pad(content)),
      slots: sealSlots(who, ver, vdk, { ...keys, recoveryKey: this.#recoveryKey }),
    }
  }

  /** The account key; the caller forgets it when the work is done. */
  get aik(): RsaPrivateKey {
    return this.#aik
  }

  /** The epoch of the newest root. */
  get epoch(): number {
    return this.#newest().e
  }

  /** Closes the local data of the account's devices: from the oldest root, so that it never changes (PROTOCOL 3). */
  deviceSecret({ srv, acct }: AccountId): Buffer {
    const oldest = this.#roots.reduce((first, root) => (root.e < first.e ? root : first))
    return hkdf(oldest.k, Buffer.alloc(32), ctx('local', srv, acct), 32)
  }

  /** What a device may keep of the roots, oldest epoch first. */
  archiveKeys(): ArchiveKeys[] {
    return this.#roots.map(({ e, k }) => ArchiveKeys.derive(k, e))
  }

  /** After a revocation: what the removed device knows opens nothing written from now on. */
  withNewRoot(): OpenVault {
    const root = { e: this.epoch + 1, k: randomBytes(32) }
    return new OpenVault(this.#aik, [...this.#roots, root], this.#recoveryKey)
  }

  /** With this code instead of the one before. */
  withRecoveryCode(who: AccountId, code: RecoveryCode): OpenVault {
    return new OpenVault(this.#aik, this.#roots, code.slotKey(who))
  }

  /**
   * An old vault served with a new device list, or somebody else's vault, is noticed (PROTOCOL 5.2, 5.3).
   * `aik`: SPKI of the current account key of the list; `ver`: the version of this vault.
   *
   * @throws E_VAULT
   */
  checkAgainst(list: DeviceList, aik: Bytes, ver: number): void {
    if (!equal(this.#aik.publicKey.spki, aik)) refuse()
    if (ver < list.vv || this.epoch !== list.re) {
      fail('E_VAULT', 'The server offers an older vault of this account than it had before.')
    }
  }

  #newest(): Root {
    return this.#roots.reduce((newest, root) => (root.e > newest.e ? root : newest))
  }

  toJSON(): string {
    return `OpenVault(${this.#aik.publicKey.fingerprint()})`
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}
