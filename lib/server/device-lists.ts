// What follows from a new device list of an account: who must hear of it, what of removed devices is dropped (PROTOCOL 5.4).
import type { DeviceList } from '../identity/device-list-body.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Username } from '../protocol/names.ts'
import type { Bytes } from '../util/bytes.ts'
import type { Account } from './account-record.ts'
import { boxOf } from './ids.ts'
import { refuse } from './refusal.ts'
import type { Services } from './services.ts'

const MONTH_MS = 30 * 24 * 60 * 60_000

/** The account under the name its new list carries. @throws E_RATE after two renamings in 30 days (PROTOCOL 5.1) */
export function underName(account: Account, user: Username, now: number): Account {
  if (account.user === user) return account
  const recent = account.renamed.filter((at) => now - at < MONTH_MS)
  const [oldest] = recent
  if (oldest !== undefined && recent.length >= LIMITS.renamesPerMonth) {
    refuse('E_RATE', { after: oldest + MONTH_MS - now })
  }
  return { ...account, user, renamed: [...recent, now] }
}

/** Mail and keys of a device that left. */
export async function dropDeviceData(services: Services, id: string, dev: Bytes): Promise<void> {
  await services.directory.dropBundle(id, dev)
  await services.mail.drop(boxOf(id, dev))
}

/** Its connection, wherever it is. */
export function disconnectDevice(services: Services, id: string, dev: Bytes): void {
  const box = boxOf(id, dev)
  services.streams.forgetDevice(box)
  services.presence.remove(box)
}

/** Own devices hear that their list changed. */
export function announceList(services: Services, id: string, list: DeviceList): void {
  for (const { id: dev } of list.devs) {
    services.presence.send(boxOf(id, dev), { t: 'dl.new', acct: list.acct, n: list.n })
  }
}
