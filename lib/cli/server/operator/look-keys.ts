// The keys of a server: all there, opened by the password of this moment, and those of the data.
import { access } from 'node:fs/promises'
import { join } from 'node:path'

import { hex } from '../../../util/bytes.ts'
import { codeOf } from '../../../util/errors.ts'
import { ownerOf } from '../data-folder.ts'
import { KEY_FILES, loadServerKeys } from '../identity.ts'
import type { LaunchPassword } from '../master-key.ts'
import type { ServerSettings } from '../settings.ts'
import { type Check, check } from './check.ts'

export interface Asking {
  readonly password: LaunchPassword
  /** Whether anybody gave one so far, by whatever way. */
  readonly wasGiven: () => boolean
}

export async function lookAtKeys(
  { keys: dir, data }: Pick<ServerSettings, 'keys' | 'data'>,
  { password, wasGiven }: Asking,
): Promise<Check> {
  try {
    const [found, owner] = await Promise.all([loadServerKeys(dir, password), ownerOf(data)])
    if (found === null) return check('keys', 'bad', await missing(dir))
    if (owner !== null && owner !== hex(found.srv)) {
      return check('keys', 'bad', `those in ${dir} belong to another server than ${data}`)
    }
    return check('keys', 'ok', `whole, and those of ${data}`)
  } catch (error) {
    if (codeOf(error) === 'E_AUTH' && !wasGiven()) {
      return check('keys', 'ok', 'sealed by a launch password, which was not given to look inside')
    }
    return check('keys', 'bad', error instanceof Error ? error.message : String(error))
  }
}

async function missing(dir: string): Promise<string> {
  const there = await Promise.all(
    KEY_FILES.map((name) =>
      access(join(dir, name)).then(
        () => true,
        () => false,
      ),
    ),
  )
  const names = KEY_FILES.filter((_, k) => there[k] !== true)
  return names.length === KEY_FILES.length
    ? `none in ${dir}`
    : `not in ${dir}: ${names.join(', ')}. Put back what is missing from your backup`
}
