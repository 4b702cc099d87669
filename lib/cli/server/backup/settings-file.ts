// The settings file of a server in its backup: the one beside the keys. It names folders of the machine that it comes from; in
// its new place it names those that the restore has filled, or a start there would look for the old ones.
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { errnoOf } from '../../../storage/durable.ts'
import { type Bytes, utf8 } from '../../../util/bytes.ts'
import { CONFIG_NAME } from '../args.ts'
import { createFile } from '../create-file.ts'
import type { Folders } from './contents.ts'

export const SETTINGS_PART = `keys/${CONFIG_NAME}`

/** restored: from the backup. kept: one was there. none: there is none, neither here nor there. */
export type SettingsFate = 'restored' | 'kept' | 'none'

export async function fateOfSettings(keys: string, inBackup: boolean): Promise<SettingsFate> {
  const isThere = await readFile(join(keys, CONFIG_NAME)).then(
    () => true,
    (error: unknown) => errnoOf(error) !== 'ENOENT',
  )
  if (isThere) return 'kept'
  return inBackup ? 'restored' : 'none'
}

/** Never replaces one. @throws E_DISK_FULL E_FILE */
export async function putSettings(folders: Folders, bytes: Bytes): Promise<void> {
  await createFile(join(folders.keys, CONFIG_NAME), settledIn(folders, bytes))
}

/** What is no object of JSON stays as it is: the start says what is wrong with it. */
function settledIn({ keys, data }: Folders, bytes: Bytes): Bytes {
  let settings: Record<string, unknown>
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return bytes
    settings = { ...parsed }
  } catch {
    return bytes
  }
  const names = (name: string, folder: string): boolean => {
    const value = settings[name]
    return typeof value === 'string' && resolve(keys, value) === folder
  }
  if (names('keys', keys) && names('data', data)) return bytes
  return utf8(`${JSON.stringify({ ...settings, keys, data }, null, 2)}\n`)
}
