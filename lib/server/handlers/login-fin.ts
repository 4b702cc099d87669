// Second half of a password login: KE3 proves the password, then the channel gets new keys from the session key, so that
// a relay in the middle is left outside (PROTOCOL 4.4).
import { serverLoginFinish } from '../../crypto/opaque.ts'
import { type Caller, LATER, type PendingLogin, type RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'
import type { Bytes } from '../../util/bytes.ts'

export const loginFin: RequestHandler<'login.fin'> = async (
  caller,
  { r, ke3 },
): Promise<typeof LATER> => {
  const { services } = caller
  const pending = caller.login ?? refuse('E_STATE')
  caller.login = null
  const sessionKey = finish(caller, pending, ke3)
  if (sessionKey === null || pending.id === null) {
    caller.strike()
    void caller.bye('E_AUTH')
    return LATER
  }
  // nothing more may be opened under the old keys
  caller.hold()
  try {
    const stored = (await services.accounts.get(pending.id)) ?? refuse('E_AUTH')
    // the operator may have disabled it since login.start
    if (stored.account.state !== 'live') return refuse('E_AUTH')
    const { acct, list, vault } = stored.account
    services.guesses.forgive(pending.user, caller.block)
    caller.link.rebind(sessionKey)
    caller.enterAccount({ acct, id: stored.id, passwordAt: services.clock.monotonic() })
    caller.succeed(r, { dl: list, vault })
    return LATER
  } finally {
    caller.release()
  }
}

/** Null for an invalid KE3. */
function finish(caller: Caller, pending: PendingLogin, ke3: Bytes): Buffer | null {
  try {
    return serverLoginFinish(pending.state, ke3, caller.services.srv)
  } catch {
    return null
  }
}
