// Login with a key file instead of the password (PROTOCOL 5.3): opens the level acct, nothing more.
import { keyLoginStatement } from '../../identity/login-proof.ts'
import { equal } from '../../util/bytes.ts'
import type { RequestHandler } from '../handler.ts'
import { accountId } from '../ids.ts'
import { refuse } from '../refusal.ts'

export const lkLogin: RequestHandler<'lk.login'> = async (caller, { acct, id, sig }) => {
  const { services } = caller
  const { srv, directory, accounts, dummyKeys } = services
  const entry = await directory.get(accountId(acct))
  const known = entry?.list.lks.find((loginKey) => equal(loginKey.id, id))
  const statement = keyLoginStatement(caller.link.exporter, { srv, acct })
  const valid = await (known?.lk ?? dummyKeys.login).verifyAsync(statement, sig)
  if (entry === null || entry.disabled || known === undefined || !valid) {
    caller.strike()
    return refuse('E_AUTH')
  }
  if (caller.hasDevice && caller.device.id !== entry.id) refuse('E_STATE')
  if (caller.hasAccount && caller.account.id !== entry.id) refuse('E_STATE')
  const stored = (await accounts.get(entry.id)) ?? refuse('E_AUTH')
  // the operator may have disabled it while this waited
  if (stored.account.state !== 'live') refuse('E_AUTH')
  caller.enterAccount({ acct, id: entry.id, passwordAt: null })
  return { dl: stored.account.list, vault: stored.account.vault }
}
