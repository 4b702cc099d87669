// What backup, restore and move say of the settings: a server without those it had may be open to everybody.
import { join } from 'node:path'

import { programWord } from '../../program-word.ts'
import { shellWord } from '../../shell-word.ts'
import { CONFIG_NAME } from '../args.ts'
import type { Restored } from '../backup/restore.ts'
import type { Written } from '../backup/write.ts'
import type { ServerSettings } from '../settings.ts'

export function settingsInBackup(
  { settings }: Written,
  { keys }: Pick<ServerSettings, 'keys'>,
): string {
  const path = join(keys, CONFIG_NAME)
  return settings
    ? `The settings in ${path} are in it; variables, options and the unit are not.`
    : `No settings are in it, as there is no ${path}: keep yours, wherever they are.`
}

/** Of a restore that was made, or would be. */
export function settingsAfter(restored: Restored, settings: ServerSettings): string[] {
  const { keys, isDone } = restored
  const path = join(keys, CONFIG_NAME)
  switch (restored.settings) {
    case 'restored':
      return [`The settings of the backup ${isDone ? 'are' : 'would be'} in ${path}.`]
    case 'kept':
      return [`The settings in ${path} were there already, and stay.`]
    case 'none':
      return [
        'NO SETTINGS are in this backup. Started like this command, the server listens on ' +
          `${settings.host}:${settings.port}, and its registration is ${settings.registration}.`,
        `If it had others, put them into ${path} before the start.`,
      ]
  }
}

export function startWords({ keys, data, settings }: Restored): string[] {
  const program = programWord('securechat-server')
  const options =
    settings === 'none'
      ? ` --keys ${shellWord(keys)} --data ${shellWord(data)}`
      : ` --config ${shellWord(join(keys, CONFIG_NAME))}`
  return [
    `Start it: ${program}${options}`,
    `Or with the machine: ${program} setup --systemd yes${options} writes its unit.`,
  ]
}
