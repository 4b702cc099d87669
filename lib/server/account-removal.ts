// What is left of an account when it goes: its id and its names, reserved for ever, and nothing else (PROTOCOL 14.2).
import { parseDeviceList } from '../identity/device-list-body.ts'
import type { SignedDeviceList } from '../protocol/composites.ts'
import type { Bytes } from '../util/bytes.ts'
import { dropBlobs } from './blobs.ts'
import { dropDeviceData } from './device-lists.ts'
import { historyLog } from './ids.ts'
import type { Services } from './services.ts'

/** Every device the account has or had. */
export function allDevices(list: SignedDeviceList): Bytes[] {
  const { devs, gone } = parseDeviceList(list.b)
  return [...devs.map(({ id }) => id), ...gone.map(([id]) => id)]
}

/** Idempotent. Connections of the account are for the caller to end. */
export async function removeAccount(
  services: Services,
  id: string,
  list: SignedDeviceList,
): Promise<void> {
  const { accounts, directory, logs, histories, transfers, records, signIns } = services
  // history and keys first: an interrupted deletion can be asked for again while the account exists
  for (const dev of allDevices(list)) {
    await logs.drop(historyLog(id, dev))
    await dropDeviceData(services, id, dev)
  }
  await histories.drop(id)
  await dropBlobs(records, id)
  await transfers.files.deleteOwned(id)
  await accounts.delete(id)
  await signIns.forget(id)
  await directory.refresh(id)
}
