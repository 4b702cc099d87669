// First half of a password login (PROTOCOL 5.3). Known and unknown names take the same path and get the same bytes.
import { serverLoginStart } from '../../crypto/opaque.ts'
import { LATER, type PendingLogin, type RequestHandler } from '../handler.ts'
import { beginCeremony } from '../puzzle.ts'
import { refuse } from '../refusal.ts'
import { credentialId, recoveryCredentialId } from './reg-start.ts'
import { LIMITS } from '../../protocol/limits.ts'

/**
 * An honest client notices a wrong password by itself and stays silent. After the last attempt a connection has, the
 * silence is its answer; stretching takes slow machines some seconds.
 */
const LAST_ANSWER_MS = 10_000
const LAST_STRIKE = 2

export const loginStart: RequestHandler<'login.start'> = async (caller, request) => {
  const { services, block } = caller
  const { user, ke1 } = request
  if (caller.login !== null) {
    // the previous KE2 was not answered: its password was wrong
    caller.login = null
    caller.strike()
    if (caller.isClosed) return LATER
  }
  const { guesses, clock } = services
  const now = clock.monotonic()
  const wait = guesses.wait(user, block, now)
  if (wait > 0) refuse('E_RATE', { after: wait }, 'guess')
  const bits = guesses.needsPuzzle(user, now) ? LIMITS.guessPuzzleBits : 0
  beginCeremony(caller, bits, request, now)
  guesses.count(user, block, now)
  // whoever typed a password at the last moment shall not be cut off while it is stretched
  caller.patientUntil = now + services.config.anonymousLifeMs

  const stored = await services.accounts.byName(user)
  const account = stored?.account.state === 'live' ? stored.account : null
  const isRecovery = request.rc === true
  const base = account?.cid ?? credentialId(services.opaqueSetup, user)
  const cid = isRecovery ? recoveryCredentialId(services.opaqueSetup, base) : base
  const record = (isRecovery ? account?.recovery : account?.record) ?? null
  const { ke2, state } = serverLoginStart(services.opaqueSetup, cid, record, ke1, services.srv)
  const pending: PendingLogin = { user, id: account === null ? null : (stored?.id ?? null), state }
  caller.login = pending
  if (caller.strikes >= LAST_STRIKE) {
    clock.after(LAST_ANSWER_MS, () => {
      if (caller.login !== pending) return
      caller.login = null
      caller.strike()
    })
  }
  return { ke2 }
}
