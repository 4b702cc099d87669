// Root may write everywhere, and what it makes is root's: after one command of root's on the folders of another user, the
// server of that user could not open its own store any more.
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

import { errnoOf } from '../../storage/durable.ts'
import { fail } from '../../util/errors.ts'
import type { Folders } from './backup/contents.ts'

const ROOT = 0

/** For whatever writes into these folders, whether they are there or to be made. @throws E_FILE; nothing was changed then */
export async function refuseRoot(
  { keys, data }: Folders,
  self: number | undefined = process.getuid?.(),
): Promise<void> {
  if (self !== ROOT) return
  for (const folder of [data, keys]) {
    const { path, uid } = await nearest(folder)
    if (uid === ROOT) continue
    const name = await nameOf(uid)
    fail(
      'E_FILE',
      `${path} belongs to ${name ?? `user ${uid}`}, who could not open what root leaves there. Nothing was changed: ` +
        `run this as that user, with sudo -u ${name ?? `'#${uid}'`} or runuser -u ${name ?? 'NAME'}.`,
    )
  }
}

/** The folder, or the one that it would be made in. */
async function nearest(path: string): Promise<{ readonly path: string; readonly uid: number }> {
  try {
    return { path, uid: (await stat(path)).uid }
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) return { path, uid: ROOT }
    return nearest(dirname(path))
  }
}

/** Null for users of a directory service, and where there is no such file. */
async function nameOf(uid: number): Promise<string | null> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const row = text.split('\n').find((line) => line.split(':')[2] === String(uid))
  return row?.split(':')[0] ?? null
}
