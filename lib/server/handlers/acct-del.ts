// Deletes an account and all that is stored of it; only its id and names stay reserved (PROTOCOL 14.2).
import { RsaPublicKey } from '../../crypto/rsa.ts'
import { parseDeviceList } from '../../identity/device-list-body.ts'
import { deletionStatement } from '../../identity/login-proof.ts'
import { fail } from '../../util/errors.ts'
import { dropBlobs } from '../blobs.ts'
import { disconnectDevice, dropDeviceData } from '../device-lists.ts'
import { LATER, type RequestHandler } from '../handler.ts'
import { historyLog } from '../ids.ts'
import { refuse } from '../refusal.ts'

export const acctDel: RequestHandler<'acct.del'> = async (caller, { r, sig }) => {
  const { services, account } = caller
  const { srv, accounts, directory, logs, histories, transfers, records } = services
  const stored = (await accounts.get(account.id)) ?? refuse('E_NOT_FOUND')
  const { acct, list } = stored.account
  const aik = RsaPublicKey.fromSpki(list.ik.at(-1) ?? fail('E_CORRUPT'), 3072)
  const statement = deletionStatement(caller.link.exporter, { srv, acct })
  if (!(await aik.verifyAsync(statement, sig))) refuse('E_AUTH')

  const { devs, gone } = parseDeviceList(list.b)
  const all = [...devs.map(({ id }) => id), ...gone.map(([id]) => id)]
  // history and keys first: an interrupted deletion can be asked for again while the account exists
  for (const dev of all) {
    await logs.drop(historyLog(account.id, dev))
    await dropDeviceData(services, account.id, dev)
  }
  await histories.drop(account.id)
  await dropBlobs(records, account.id)
  await transfers.files.deleteOwned(account.id)
  await accounts.delete(account.id)
  await directory.refresh(account.id)
  services.accountSessions.endOthers(account.id, caller)
  services.log.info('server.account-deleted')
  // the answer goes first: this connection is one of those that end
  caller.succeed(r)
  for (const dev of all) disconnectDevice(services, account.id, dev)
  void caller.bye()
  return LATER
}
