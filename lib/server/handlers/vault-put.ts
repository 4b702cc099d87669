// A new vault, by compare-and-swap on its version (PROTOCOL 5.2).
import { encode } from '../../protocol/cbor.ts'
import type { Vault } from '../../protocol/composites.ts'
import { equal } from '../../util/bytes.ts'
import type { RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'

export function sameVault(a: Vault, b: Vault): boolean {
  return equal(encode(a), encode(b))
}

/** True: nothing to do, the request was repeated. @throws E_CAS (n: the current version) unless it is the next one */
export function isRepeatedVault(current: Vault, next: Vault): boolean {
  if (next.ver === current.ver + 1) return false
  if (next.ver === current.ver && sameVault(current, next)) return true
  return refuse('E_CAS', { n: current.ver })
}

export const vaultPut: RequestHandler<'vault.put'> = async ({ services, account }, { vault }) => {
  await services.accounts.change(account.id, (current) =>
    isRepeatedVault(current.vault, vault) ? null : { ...current, vault },
  )
  return {}
}
