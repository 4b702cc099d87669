// The person leaves on purpose: this device stays one of the account and asks for the password next time, or is removed from it.
import { removeThisDevice } from '../account/leaving.ts'
import type { Core } from './core.ts'
import type { ReopenOptions } from './reopen.ts'

export async function logOut(
  core: Core,
  { deps, server, profile, launchKey }: ReopenOptions,
  removeDevice: { readonly password: string } | undefined,
  close: () => Promise<void>,
): Promise<void> {
  if (removeDevice === undefined) {
    await core.own.signOut()
    await close()
    return
  }
  const { user } = core.me.pin
  const leaving = { deps, server, profile, launchKey, user, ...removeDevice }
  await core.own.leave(() => removeThisDevice(leaving, close))
}
