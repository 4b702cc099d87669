// Deletes an account and all that is stored of it; only its id and names stay reserved (PROTOCOL 14.2).
import { RsaPublicKey } from '../../crypto/rsa.ts'
import { deletionStatement } from '../../identity/login-proof.ts'
import { fail } from '../../util/errors.ts'
import { allDevices, removeAccount } from '../account-removal.ts'
import { disconnectDevice } from '../device-lists.ts'
import { LATER, type RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'

export const acctDel: RequestHandler<'acct.del'> = async (caller, { r, sig }) => {
  const { services, account } = caller
  const { srv, accounts } = services
  const stored = (await accounts.get(account.id)) ?? refuse('E_NOT_FOUND')
  const { acct, list } = stored.account
  const aik = RsaPublicKey.fromSpki(list.ik.at(-1) ?? fail('E_CORRUPT'), 3072)
  const statement = deletionStatement(caller.link.exporter, { srv, acct })
  if (!(await aik.verifyAsync(statement, sig))) refuse('E_AUTH')

  await removeAccount(services, account.id, list)
  services.accountSessions.endOthers(account.id, caller)
  services.log.info('server.account-deleted')
  // the answer goes first: this connection is one of those that end
  caller.succeed(r)
  for (const dev of allDevices(list)) disconnectDevice(services, account.id, dev)
  void caller.bye()
  return LATER
}
