// The keys that a server makes at its first start. A launch password that is given there protects them from the beginning: a
// container that was never set up by hand would else run for years with a password that nothing asks for.
import { fail } from '../../util/errors.ts'
import { changeLaunchPassword, makeServerKeys, type ServerKeys } from './identity.ts'
import { isGiven, launchPasswordOf, launchPasswordProblem } from './launch-password.ts'
import type { LaunchPassword } from './master-key.ts'
import type { ServerSettings } from './settings.ts'

/** `password` opens what is left of older keys, where it is not given. @throws E_AUTH E_CONFIG E_CORRUPT E_FILE E_DISK_FULL */
export async function newServerKeys(
  settings: ServerSettings,
  password: LaunchPassword,
): Promise<ServerKeys> {
  if (!isGiven(settings)) return makeServerKeys(settings.keys, password)
  const given = (await launchPasswordOf(settings)(0)) ?? ''
  const problem = launchPasswordProblem(given)
  if (problem !== null) fail('E_CONFIG', `${problem} No keys were made.`)
  const known: LaunchPassword = (attempt) => Promise.resolve(attempt === 0 ? given : null)
  const keys = await makeServerKeys(settings.keys, known, given)
  // what is left of older keys as well
  await changeLaunchPassword(settings.keys, known, () => Promise.resolve(given))
  return keys
}
