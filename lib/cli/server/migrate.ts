// Brings the data folder of an earlier version to the format of this one, while the lock is held and before anything in it is
// used. The note names the new format before the first step: whatever becomes of the steps, an earlier version refuses the
// folder instead of misreading it, and this one goes on at its next start.
import { join } from 'node:path'

import { hideNames } from '../../storage/hide-names.ts'
import type { Bytes } from '../../util/bytes.ts'
import type { Log } from '../../util/log.ts'
import { DATA_FORMAT, formatOf, noteFormat } from './data-folder.ts'

export const STORE_FOLDER = 'store'
export const FILES_FOLDER = 'files'

/** From the format with this number to the next. Each may be cut short anywhere, and then runs again. */
const STEPS: ReadonlyMap<number, (data: string, key: Bytes) => Promise<void>> = new Map([
  [
    1,
    (data, key) =>
      hideNames({ store: join(data, STORE_FOLDER), files: join(data, FILES_FOLDER) }, key),
  ],
])

/** @throws E_CORRUPT E_DISK_FULL E_FILE E_STORE */
export async function migrate(data: string, key: Bytes, log: Log): Promise<void> {
  const from = await formatOf(data)
  if (from === DATA_FORMAT) return
  log.info('data.migrating', { from, to: DATA_FORMAT })
  await noteFormat(data, from)
  for (let format = from; format < DATA_FORMAT; format++) await STEPS.get(format)?.(data, key)
  await noteFormat(data, DATA_FORMAT)
  log.info('data.migrated', { to: DATA_FORMAT })
}
