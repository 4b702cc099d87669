// Names by their beginning, where the operator wants that (PROTOCOL 14.2 `dir.find`).
import { LIMITS } from '../../protocol/limits.ts'
import { isNameBeginning } from '../../protocol/names.ts'
import type { RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'

export const dirFind: RequestHandler<'dir.find'> = async ({ services, device }, { q }) => {
  const { config, clock, finds, accounts } = services
  if (config.directory !== 'yes') refuse('E_STATE')
  if (!isNameBeginning(q)) refuse('E_FORMAT')
  const now = clock.monotonic()
  const wait = finds.of(device.id, now).take(now)
  if (wait > 0) refuse('E_RATE', { after: wait })
  const found = await accounts.find(q, LIMITS.foundNames + 1)
  const users = found.slice(0, LIMITS.foundNames)
  return found.length > users.length ? { users, more: true } : { users }
}
