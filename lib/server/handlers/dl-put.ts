// A new device list: devices come and go, the name changes, the account key is succeeded (PROTOCOL 5.4). Compare-and-swap
// on n, with the vault if one comes along. Keys are imported once for each list: that is the dear part.
import { sha256 } from '../../crypto/hash.ts'
import { firstPin } from '../../identity/continuity.ts'
import type { DeviceList } from '../../identity/device-list-body.ts'
import { verifyDeviceListAsync } from '../../identity/device-list.ts'
import type { SignedDeviceList } from '../../protocol/composites.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import { codeOf, fail } from '../../util/errors.ts'
import type { Account } from '../account-record.ts'
import { announceList, disconnectDevice, dropDeviceData, underName } from '../device-lists.ts'
import { LATER, type RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'
import { isRepeatedVault } from './vault-put.ts'

export const dlPut: RequestHandler<'dl.put'> = async (caller, { r, dl, vault }) => {
  const { services, account } = caller
  const { srv, accounts, directory, clock, listChanges } = services
  const now = clock.monotonic()
  const wait = listChanges.of(account.id, now).take(now)
  if (wait > 0) refuse('E_RATE', { after: wait })
  const stored: { list: DeviceList | null } = { list: null }
  await accounts.change(account.id, async (current) => {
    const before = directory.parsed(account.id, current.list)
    const isRepeated = equal(current.list.b, dl.b)
    stored.list = isRepeated ? before : await verifyNext(srv, current, before, dl)
    if (isRepeated) return null
    const renamed = underName({ ...current, list: dl }, stored.list.user, clock.now())
    if (vault === undefined || isRepeatedVault(current.vault, vault)) return renamed
    return { ...renamed, vault }
  })
  const list = stored.list ?? fail('E_INTERNAL')
  await directory.refresh(account.id, { next: { signed: dl, list } })
  if (vault !== undefined) services.accountSessions.endOthers(account.id, caller)
  // all of them each time: a repeated request finishes what an interrupted one has begun
  for (const [dev] of list.gone) await dropDeviceData(services, account.id, dev)
  // the answer goes first: the device that asks may be the one that leaves
  caller.succeed(r)
  for (const [dev] of list.gone) disconnectDevice(services, account.id, dev)
  announceList(services, account.id, list)
  return LATER
}

/** @throws E_CAS (n: the current number) when the list does not follow the current one; E_FORMAT for a lost device */
async function verifyNext(
  srv: Bytes,
  current: Account,
  before: DeviceList,
  dl: SignedDeviceList,
): Promise<DeviceList> {
  const pin = firstPin({ list: before, h: sha256(current.list.b), ik: current.list.ik })
  const { list } = await verifyDeviceListAsync(pin, { srv, acct: current.acct }, dl).catch(
    (error: unknown) => {
      const code = codeOf(error)
      if (code !== 'E_ROLLBACK' && code !== 'E_FORK' && code !== 'E_GAP') throw error
      return refuse('E_CAS', { n: before.n })
    },
  )
  for (const { id } of before.devs) {
    const known = [...list.devs.map((d) => d.id), ...list.gone.map(([dev]) => dev)]
    if (!known.some((dev) => equal(dev, id))) refuse('E_FORMAT')
  }
  return list
}
