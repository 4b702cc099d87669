// Whether others may see that this device is connected (PROTOCOL 14.2 `dir.show`): until it says otherwise or leaves.
import type { RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'

export const dirShow: RequestHandler<'dir.show'> = (caller, { on }) => {
  const { services, device } = caller
  if (services.config.presence !== 'yes') refuse('E_STATE')
  services.shown.set(device.id, caller, on === true)
  return {}
}
