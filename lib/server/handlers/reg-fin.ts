// Second half of a registration: everything is checked, then one transaction makes the account (PROTOCOL 5.2).
import { verifyDeviceListAsync } from '../../identity/device-list.ts'
import { registrationStatement } from '../../identity/login-proof.ts'
import { accountId } from '../ids.ts'
import type { RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'

const FIRST_LIST_BYTES = 3000

export const regFin: RequestHandler<'reg.fin'> = async (caller, request) => {
  const { rec, rrec, vault, dl, pop, email } = request
  const { services } = caller
  const { srv, config, clock } = services
  const { user, cid, invite } = caller.registration ?? refuse('E_STATE')
  if (config.email === 'required' && email === undefined) refuse('E_FORMAT')

  // every key in it costs time, and a first list has one device and perhaps key files
  if (dl.ik.length !== 1 || dl.b.length > FIRST_LIST_BYTES) refuse('E_FORMAT')
  const { list, aik } = await verifyDeviceListAsync(undefined, { srv, user }, dl)
  const { acct } = list
  const statement = registrationStatement(caller.link.exporter, { srv, acct }, user)
  if (!(await aik.verifyAsync(statement, pop))) refuse('E_AUTH')
  if (list.n !== 1 || list.devs.length !== 1) refuse('E_FORMAT')
  if (list.gone.length > 0 || vault.ver !== 1 || list.vv !== vault.ver) refuse('E_FORMAT')

  const now = clock.monotonic()
  const wait = services.registrations.of(caller.block, now).take(now)
  if (wait > 0) refuse('E_RATE', { after: wait }, 'registration')
  if (config.registration === 'invite') {
    // a race for the name must not cost the loser his invitation
    if (await services.accounts.isNameTaken(user)) refuse('E_TAKEN')
    const id = accountId(acct)
    if (invite === undefined || !(await services.invites.redeem(invite, id, clock.now()))) {
      refuse('E_AUTH', {}, 'invitation')
    }
  }
  const result = await services.accounts.create({
    acct,
    user,
    renamed: [],
    cid,
    record: rec,
    recovery: rrec,
    vault,
    list: dl,
    created: clock.now(),
    state: 'live',
    // kept only where the operator said so and the client showed it (PROTOCOL 5.1)
    email: config.email === 'required' ? email : undefined,
  })
  // after a failure of the store the same request may come again
  caller.registration = null
  caller.patientUntil = now + config.anonymousLifeMs
  if (result !== 'created') refuse('E_TAKEN')
  services.log.info('server.registered')
  return {}
}
