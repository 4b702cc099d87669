// First half of a password change (PROTOCOL 5.2).
import type { RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'
import { registrationAnswers } from './reg-start.ts'

export const pwStart: RequestHandler<'pw.start'> = async (caller, request) => {
  const { services, account } = caller
  const stored = (await services.accounts.get(account.id)) ?? refuse('E_NOT_FOUND')
  const answers = registrationAnswers(services.opaqueSetup, stored.account.cid, request)
  caller.changingPassword = true
  return answers
}
