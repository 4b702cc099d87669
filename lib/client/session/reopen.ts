// A fresh channel for a device that is logged in already: what every reconnect does.
import { codeOf } from '../../util/errors.ts'
import { type Endpoint, type LaunchKey, openChannel } from '../account/channel.ts'
import { loginDevice } from '../account/device-login.ts'
import type { Profile } from '../account/profile.ts'
import type { ClientDeps } from '../ports.ts'
import type { Wire } from '../wire.ts'

export interface ReopenOptions {
  readonly deps: ClientDeps
  readonly server: Endpoint & { readonly highestVersion: number }
  readonly profile: Profile
  readonly launchKey: LaunchKey
}

/** `listed` hears the number of the own device list; what it throws ends the connection before it is used. */
export async function reopen(
  { deps, server, profile, launchKey }: ReopenOptions,
  listed: (n: number) => void,
): Promise<Wire> {
  const { srv } = profile.device
  const { wire } = await openChannel(deps, { ...server, srv }, launchKey)
  try {
    const { n } = await loginDevice(wire, profile.device, profile.dsk)
    listed(n)
    return wire
  } catch (error) {
    wire.destroy(codeOf(error), 'The login failed.')
    throw error
  }
}
