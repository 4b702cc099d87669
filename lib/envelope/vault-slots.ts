// The ways to open a vault: each slot holds the one key of its body (PROTOCOL 5.2). What is inside is not known here.
import { open, seal } from '../crypto/aead.ts'
import { ctx } from '../crypto/ctx.ts'
import { hkdf } from '../crypto/hash.ts'
import type { RsaPrivateKey, RsaPublicKey } from '../crypto/rsa.ts'
import type { AccountId } from '../identity/conversation.ts'
import { loginKeyId } from '../identity/device-list-body.ts'
import type { Vault, VaultSlot } from '../protocol/composites.ts'
import { type Bytes, equal, u32, utf8 } from '../util/bytes.ts'
import type { RecoveryCode } from './recovery-code.ts'

export interface SlotKeys {
  /** 64 bytes of OPAQUE that only this password gives. */
  readonly exportKey: Bytes
  readonly recoveryKey?: Bytes | undefined
  readonly loginKeys?: readonly RsaPublicKey[]
}

export type VaultOpener =
  | { readonly by: 'password'; readonly exportKey: Bytes }
  | { readonly by: 'recovery-code'; readonly code: RecoveryCode }
  | { readonly by: 'login-key'; readonly key: RsaPrivateKey }

const Z32 = Buffer.alloc(32)

/** The key of the slot `pw`. */
export function passwordSlotKey(exportKey: Bytes, { srv, acct }: AccountId): Buffer {
  return hkdf(exportKey, Z32, ctx('vault', srv, acct), 32)
}

function context({ srv, acct }: AccountId, ver: number, t: 'pw' | 'rc'): Buffer {
  return ctx('slot', srv, acct, u32(ver), utf8(t))
}

export function sealSlots(who: AccountId, ver: number, vdk: Bytes, keys: SlotKeys): VaultSlot[] {
  const password = passwordSlotKey(keys.exportKey, who)
  const slots: VaultSlot[] = [{ t: 'pw', d: seal(password, context(who, ver, 'pw'), vdk) }]
  if (keys.recoveryKey !== undefined) {
    slots.push({ t: 'rc', d: seal(keys.recoveryKey, context(who, ver, 'rc'), vdk) })
  }
  for (const lk of keys.loginKeys ?? []) {
    slots.push({ t: 'lk', id: loginKeyId(lk), d: lk.wrap(vdk) })
  }
  return slots
}

function slot({ slots }: Vault, t: 'pw' | 'rc' | 'lk', id?: Bytes): VaultSlot | undefined {
  return slots.find(
    (s) => s.t === t && (id === undefined || (s.id !== undefined && equal(s.id, id))),
  )
}

/**
 * VDK, or null when this way does not lead to one. A wrong login key gives a random VDK (implicit rejection), which the
 * body then refuses.
 */
export function openSlots(who: AccountId, vault: Vault, opener: VaultOpener): Buffer | null {
  switch (opener.by) {
    case 'password': {
      const found = slot(vault, 'pw')
      const key = passwordSlotKey(opener.exportKey, who)
      return found ? open(key, context(who, vault.ver, 'pw'), found.d) : null
    }
    case 'recovery-code': {
      const found = slot(vault, 'rc')
      const key = opener.code.slotKey(who)
      return found ? open(key, context(who, vault.ver, 'rc'), found.d) : null
    }
    case 'login-key': {
      const found = slot(vault, 'lk', loginKeyId(opener.key.publicKey))
      return found ? opener.key.unwrap(found.d) : null
    }
  }
}
