// The settings file that setup writes, and what a server that exists has in its own.
import { readFileSync } from 'node:fs'

import { utf8 } from '../../util/bytes.ts'
import { parseServerArgs } from '../server/args.ts'
import { createFile } from '../server/create-file.ts'
import { type ServerSettings, SETTINGS } from '../server/settings.ts'

/** Folders and address always, of the rest what is not the default: a later version may have better ones. */
const ALWAYS: readonly string[] = [
  'keys',
  'data',
  'host',
  'port',
  'registration',
  'directory',
  'presence',
  'storage',
]

/** False, and nothing is changed, when it exists. @throws E_DISK_FULL E_FILE */
export function writeConfig(
  path: string,
  settings: ServerSettings,
  defaults: ServerSettings,
): Promise<boolean> {
  return createFile(path, utf8(`${JSON.stringify(chosen(settings, defaults), null, 2)}\n`))
}

/** What of the given settings the file says otherwise, where it is for it to say. @throws E_CONFIG */
export function unlike(path: string, given: ServerSettings, defaults: ServerSettings): string[] {
  const { keys, data } = given
  const { settings } = parseServerArgs(['--config', path, '--keys', keys, '--data', data], {
    ...{ env: {}, cwd: '/', defaults },
    readFile: (name) => readFileSync(name, 'utf8'),
  })
  const [inFile, wanted] = [new Map(Object.entries(settings)), new Map(Object.entries(given))]
  return [...SETTINGS.keys()].filter(
    (name) => !NEVER.includes(name) && inFile.get(name) !== wanted.get(name),
  )
}

const NEVER: readonly string[] = ['systemd', 'launchPasswordFile', 'launchPasswordFd']

function chosen(settings: ServerSettings, defaults: ServerSettings): Record<string, unknown> {
  // a unit hands the password over as a credential, from a file that the server itself cannot read
  const never = settings.systemd === 'yes' ? ['systemd', 'launchPasswordFile'] : ['systemd']
  const usual = new Map<string, unknown>(Object.entries(defaults))
  return Object.fromEntries(
    Object.entries(settings).filter(
      ([name, value]) =>
        !never.includes(name) &&
        (ALWAYS.includes(name) || (value !== null && value !== usual.get(name))),
    ),
  )
}
