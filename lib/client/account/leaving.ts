// This device leaves its account: the list goes on without it, then everything of it is deleted here. What it knew stays
// readable to nobody, so the roots need no new epoch (PROTOCOL 5.4 asks that for devices in other hands).
import { withoutDevice } from '../../identity/device-list-edit.ts'
import { signDeviceList } from '../../identity/device-list.ts'
import { parseUsername } from '../../protocol/names.ts'
import type { ClientDeps } from '../ports.ts'
import { type Endpoint, type LaunchKey, openChannel } from './channel.ts'
import { forgetProfile, profileName } from './home-index.ts'
import { provePassword } from './password-login.ts'
import type { Profile } from './profile.ts'

export interface Leaving {
  readonly deps: ClientDeps
  readonly server: Endpoint & { readonly highestVersion: number }
  readonly profile: Profile
  readonly launchKey: LaunchKey
  readonly user: string
  readonly password: string
}

/** `close` ends the session; it is called once the server knows. @throws E_AUTH for a wrong password: nothing has changed */
export async function removeThisDevice(
  { deps, server, profile, launchKey, user, password }: Leaving,
  close: () => Promise<void>,
): Promise<void> {
  const { srv, acct, dev } = profile.device
  const { wire } = await openChannel(deps, { ...server, srv }, launchKey)
  try {
    const proof = await provePassword(deps, wire, srv, parseUsername(user), password)
    const { verified, list, vault } = proof
    const { vv, re } = verified.list
    const body = withoutDevice(verified, dev, deps.clock.now(), { vv, re })
    const dl = await signDeviceList(vault.aik, body, list.ik, list.ss)
    await wire.request('dl.put', { dl })
  } finally {
    await wire.close()
  }
  await close()
  const name = profileName(acct, dev)
  await forgetProfile(deps.home, name)
  await deps.home.removeProfile(name)
}
