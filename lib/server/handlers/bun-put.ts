// The inbox keys of this device (PROTOCOL 5.5): verified, stored, and from now on the only ones that heads may name.
import { verifyBundleAsync } from '../../identity/bundle.ts'
import { equal } from '../../util/bytes.ts'
import type { RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'

export const bunPut: RequestHandler<'bun.put'> = async ({ services, device }, { bundle }) => {
  const { directory, clock } = services
  if (!equal(bundle.dev, device.dev)) refuse('E_FORMAT')
  const entry = (await directory.get(device.id)) ?? refuse('E_NO_DEVICE')
  const { n, na } = await verifyBundleAsync(entry.list, bundle, clock.now())
  await directory.putBundle(device.id, bundle, n, na)
  return {}
}
