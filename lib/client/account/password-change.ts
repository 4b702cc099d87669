// A new password, a new recovery code, or both: one request replaces the records and the vault, and with it every slot
// (PROTOCOL 5.2). Devices go on with their own keys; what they keep sealed does not hang on the password.
import { registrationStart } from '../../crypto/opaque.ts'
import type { RecoveryCode } from '../../envelope/recovery-code.ts'
import { codeOf, SecureChatError } from '../../util/errors.ts'
import type { ClientDeps } from '../ports.ts'
import type { Wire } from '../wire.ts'
import { recoveryRecord } from './enrolment.ts'
import { finishing } from './password-finish.ts'
import type { AccountProof } from './password-login.ts'

/** On a connection whose login opened the vault. `code`: takes the place of the recovery code. @throws E_CAS, E_AUTH */
export async function replacePassword(
  deps: ClientDeps,
  wire: Wire,
  { verified, vault, ver }: AccountProof,
  password: string,
  code?: RecoveryCode,
): Promise<void> {
  const { srv, acct, lks } = verified.list
  const who = { srv, acct }
  const ceremony = registrationStart(password)
  const recovery = code === undefined ? null : registrationStart(code.reveal())
  const { resp, rresp } = await wire.request('pw.start', {
    req: ceremony.message,
    ...(recovery === null ? {} : { rreq: recovery.message }),
  })
  deps.onStep?.('stretching-password')
  const { record, exportKey } = await (deps.finish ?? finishing.password).registration({
    state: ceremony.state,
    answer: resp,
    password,
    srv,
  })
  const next = code === undefined ? vault : vault.withRecoveryCode(who, code)
  const loginKeys = lks.map(({ lk }) => lk)
  try {
    await wire.request('pw.fin', {
      rec: record,
      vault: next.seal(who, ver + 1, { exportKey, loginKeys }),
      ...(code === undefined || recovery === null
        ? {}
        : recoveryRecord(recovery.state, rresp, code, srv)),
    })
  } catch (error) {
    throw explained(error)
  }
}

function explained(error: unknown): unknown {
  const code = codeOf(error)
  if (code === 'E_CLOSED' || code === 'E_TIMEOUT') {
    return new SecureChatError(
      code,
      'The connection broke in the middle of the change: either password may be the right one now. Try the new one first.',
      { cause: error },
    )
  }
  return code === 'E_CAS'
    ? new SecureChatError('E_CAS', 'Another device changed the account just now. Try again.', {
        cause: error,
      })
    : error
}
