import type { RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'

/** The sealed account keys (PROTOCOL 5.2); opaque to the server. */
export const vaultGet: RequestHandler<'vault.get'> = async ({ services, account }) => {
  const stored = (await services.accounts.get(account.id)) ?? refuse('E_NOT_FOUND')
  return { vault: stored.account.vault }
}
