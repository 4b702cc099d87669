// Second half of a password change: record and vault in one step, soon after a login with the old password.
import { equal } from '../../util/bytes.ts'
import type { RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'
import { isRepeatedVault } from './vault-put.ts'

const FRESH_LOGIN_MS = 10 * 60_000

export const pwFin: RequestHandler<'pw.fin'> = async (caller, { rec, rrec, vault }) => {
  const { services, account } = caller
  const { passwordAt } = account
  if (!caller.changingPassword || passwordAt === null) refuse('E_STATE')
  if (services.clock.monotonic() - passwordAt >= FRESH_LOGIN_MS) refuse('E_AUTH')
  await services.accounts.change(account.id, (current) => {
    if (!isRepeatedVault(current.vault, vault)) {
      return { ...current, record: rec, vault, recovery: rrec ?? current.recovery }
    }
    return equal(current.record, rec) ? null : refuse('E_CAS', { n: current.vault.ver })
  })
  caller.changingPassword = false
  // whoever is in with the old password is out
  services.accountSessions.endOthers(account.id, caller)
  return {}
}
