// First half of a registration (PROTOCOL 5.2): is the name free, may this client have one, and the OPAQUE answer.
import { ctx } from '../../crypto/ctx.ts'
import { hkdf } from '../../crypto/hash.ts'
import { registrationResponse } from '../../crypto/opaque.ts'
import { LIMITS } from '../../protocol/limits.ts'
import type { Username } from '../../protocol/names.ts'
import { type Bytes, NO_BYTES, utf8 } from '../../util/bytes.ts'
import type { RequestHandler } from '../handler.ts'
import { beginCeremony } from '../puzzle.ts'
import { refuse } from '../refusal.ts'

const CID_BYTES = 32

/** The OPAQUE credential identifier that a name gets, or would get: it never leaves the server (PROTOCOL 5.2). */
export function credentialId(setup: Bytes, user: Username): Buffer {
  return hkdf(setup, NO_BYTES, ctx('cid', utf8(user)), CID_BYTES)
}

/** That of the recovery code of the same account: another OPRF key, so that neither record says anything about the other. */
export function recoveryCredentialId(setup: Bytes, cid: Bytes): Buffer {
  return hkdf(setup, NO_BYTES, ctx('cid', cid, utf8('rc')), CID_BYTES)
}

/** The answers to the one or two requests of a registration or a password change. @throws E_AUTH for a malformed one */
export function registrationAnswers(
  setup: Bytes,
  cid: Bytes,
  { req, rreq }: { readonly req: Bytes; readonly rreq?: Bytes | undefined },
): { readonly resp: Buffer; readonly rresp?: Buffer } {
  const resp = registrationResponse(setup, cid, req)
  if (rreq === undefined) return { resp }
  return { resp, rresp: registrationResponse(setup, recoveryCredentialId(setup, cid), rreq) }
}

export const regStart: RequestHandler<'reg.start'> = async (caller, request) => {
  const { user, inv } = request
  const { services } = caller
  const { config, clock } = services
  if (config.registration === 'closed') refuse('E_STATE')
  const now = clock.monotonic()
  const wait = services.registrationAttempts.of(caller.block, now).take(now)
  if (wait > 0) refuse('E_RATE', { after: wait }, 'registration')
  beginCeremony(caller, config.registrationPuzzleBits, request, now)
  if (config.registration === 'invite') {
    if (inv === undefined || !(await services.invites.isValid(inv, clock.now()))) {
      refuse('E_AUTH', {}, 'invitation')
    }
  }
  if (await services.accounts.isNameTaken(user)) refuse('E_TAKEN')
  const cid = credentialId(services.opaqueSetup, user)
  const answers = registrationAnswers(services.opaqueSetup, cid, request)
  caller.registration = { user, cid, invite: inv }
  // a person is writing down the recovery code
  caller.patientUntil = now + LIMITS.registrationMs
  return answers
}
