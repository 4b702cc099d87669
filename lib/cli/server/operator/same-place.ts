// Whether the command and the running server mean the same folder by the same path. A server with a /tmp of its own (PrivateTmp
// in its unit, a container) would write a backup where its operator never finds it, and call that well done.
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'

import { errnoOf } from '../../../storage/durable.ts'
import { fail } from '../../../util/errors.ts'

/** What tells the folder of this file from every other on the machine. @throws E_FILE */
export async function placeOf(file: string): Promise<string> {
  const folder = dirname(file)
  try {
    const { dev, ino } = await stat(folder, { bigint: true })
    return `${dev}:${ino}`
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT') fail('E_FILE', `There is no folder ${folder}.`, error)
    return fail('E_FILE', `${folder} cannot be looked at (${errno ?? String(error)}).`, error)
  }
}

/** In the server; `place` is what the command found. @throws E_FILE */
export async function refuseOtherPlace(file: string, place: string): Promise<void> {
  const own = await placeOf(file).catch(() => null)
  if (own === place) return
  fail(
    'E_FILE',
    `The running server sees another ${dirname(file)} than you (PrivateTmp in its unit, or a container), so you would ` +
      'not find the backup there. Nothing was written: choose a folder that both see, outside of /tmp and /var/tmp.',
  )
}
