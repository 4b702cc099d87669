// Beside the keys: the data folder that they were last used with. Without this note keys whose data are not there - a disk that
// is not mounted, a mistyped --data - would silently begin an empty server, in which everybody's name is free for others.
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { errnoOf, replaceFile } from '../../storage/durable.ts'
import { utf8 } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { STORE_FOLDER } from './migrate.ts'
import type { ServerSettings } from './settings.ts'

/** Of this machine only: no backup carries it. */
const NOTE = 'server.data.json'

type Folders = Pick<ServerSettings, 'keys' | 'data'>

/** @throws E_CONFIG when these keys have had data, and there are none in the folder */
export async function refuseLostData({ keys, data }: Folders): Promise<void> {
  const known = await knownData(keys)
  if (known === null || (await isThere(join(data, STORE_FOLDER, 'store.json')))) return
  const last = known === '' || known === data ? '' : `, last in ${known}`
  fail(
    'E_CONFIG',
    `The server whose keys are in ${keys} has had data${last}, but in ${data} there are none. Is the disk mounted, and is ` +
      '--data right? Nothing was changed. If the data are lost, restore a backup. Only to begin anew as the same server, ' +
      `without any account and with every name free for anybody, delete ${join(keys, NOTE)} and start again.`,
  )
}

/** Once the store is open. Keys that cannot be written beside are used without a note. */
export async function noteData({ keys, data }: Folders, log: Log): Promise<void> {
  try {
    if ((await knownData(keys)) === data) return
    await replaceFile(join(keys, NOTE), utf8(`${JSON.stringify({ data })}\n`))
  } catch (error) {
    log.warn('keys.data-not-noted', { folder: keys, cause: errnoOf(error) ?? String(error) })
  }
}

/** Empty: nobody can tell which. Null: they never had any. */
async function knownData(keys: string): Promise<string | null> {
  try {
    const note: unknown = JSON.parse(await readFile(join(keys, NOTE), 'utf8'))
    const isWhole = typeof note === 'object' && note !== null && 'data' in note
    return isWhole && typeof note.data === 'string' ? note.data : ''
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '') ? null : ''
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => errnoOf(error) !== 'ENOENT',
  )
}
