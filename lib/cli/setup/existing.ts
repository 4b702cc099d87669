// setup where a server is already: its keys, data and settings are left alone. All that it may be given is a systemd unit - after
// a restore, a move of the program or a new Node.js, for instance.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { fail } from '../../util/errors.ts'
import { CONFIG_NAME } from '../server/args.ts'
import { ownerOf } from '../server/data-folder.ts'
import { isProtected } from '../server/identity.ts'
import { refuseSharedFolder } from '../server/keys-folder.ts'
import type { ServerSettings } from '../server/settings.ts'
import { unlike, writeConfig } from './config-file.ts'
import { UNIT_NAME } from './unit.ts'
import { unitSteps, writeUnit } from './write-unit.ts'

/** Of a set-up, in the folder of keys. */
export const MADE_FILES: readonly string[] = [
  'server.identity',
  'server.opaque',
  'server.store-key',
  CONFIG_NAME,
  UNIT_NAME,
]

/** The folder in which a server is; null: none. @throws E_CONFIG for folders with other files, E_CORRUPT E_FILE */
export async function existingIn({
  keys,
  data,
}: Pick<ServerSettings, 'keys' | 'data'>): Promise<string | null> {
  if (MADE_FILES.some((name) => existsSync(join(keys, name)))) return keys
  await refuseSharedFolder(keys)
  return (await ownerOf(data)) === null ? null : data
}

export function existsText(folder: string): string {
  return (
    `There is a SecureChat server in ${folder} already. Nothing was changed. ` +
    'Start it without "setup", or name other folders with --keys and --data. ' +
    'For a systemd unit of this server: setup --systemd yes'
  )
}

/** `config`: the settings file in use, if one was read. @throws E_CONFIG E_CORRUPT E_DISK_FULL E_FILE E_STORE */
export async function unitOfExisting(
  settings: ServerSettings,
  defaults: ServerSettings,
  config: string | null,
): Promise<void> {
  const { keys } = settings
  const hasLaunchPassword = await isProtected(keys)
  if (hasLaunchPassword === null) {
    fail('E_CONFIG', `${keys} does not hold all three keys of a server. Nothing was changed.`)
  }
  const path = config ?? join(keys, CONFIG_NAME)
  const isNew = !existsSync(path)
  const others = isNew ? [] : unlike(path, settings, defaults)
  if (others.length > 0) {
    fail(
      'E_CONFIG',
      `${path} has the settings of this server, and says otherwise: ${others.join(', ')}. ` +
        'Change them there, and name them nowhere else. Nothing was changed.',
    )
  }
  const plan = { settings, config: path, hasLaunchPassword, path: join(keys, UNIT_NAME) }
  if (isNew) await writeConfig(path, settings, defaults)
  await writeUnit(plan)
  const rows = [
    'The server that is here already gets a systemd unit; its keys and data stay as they are.',
    `Settings  ${path}  (${isNew ? 'new' : 'as they were'})`,
    `Unit      ${plan.path}`,
    ...unitSteps(plan),
  ]
  process.stdout.write(`${rows.join('\n')}\n`)
}
