// First half of a password change (PROTOCOL 5.2).
import { registrationResponse } from '../../crypto/opaque.ts'
import type { RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'

export const pwStart: RequestHandler<'pw.start'> = async (caller, { req }) => {
  const { services, account } = caller
  const stored = (await services.accounts.get(account.id)) ?? refuse('E_NOT_FOUND')
  const resp = registrationResponse(services.opaqueSetup, stored.account.cid, req)
  caller.changingPassword = true
  return { resp }
}
