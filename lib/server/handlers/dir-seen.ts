// Who of some accounts is online and lets it be known (PROTOCOL 14.2 `dir.seen`). Who sees is seen.
import type { RequestHandler } from '../handler.ts'
import { accountId } from '../ids.ts'
import { refuse } from '../refusal.ts'

export const dirSeen: RequestHandler<'dir.seen'> = ({ services, device }, { accts }) => {
  const { config, clock, shown, sightings } = services
  if (config.presence !== 'yes' || !shown.has(device.id)) refuse('E_STATE')
  const now = clock.monotonic()
  const wait = sightings.of(device.id, now).take(now)
  if (wait > 0) refuse('E_RATE', { after: wait })
  return { on: accts.filter((acct) => shown.has(accountId(acct))) }
}
