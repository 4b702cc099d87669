// The folder of the keys is for its owner only. Closing one that others use would shut them out of their own files, so such a
// folder gets no keys.
import { chmod, stat } from 'node:fs/promises'

import { errnoOf, FOLDER_MODE, namesIn } from '../../storage/durable.ts'
import { fail } from '../../util/errors.ts'

/** Of this program, of a checkout, of the file system. */
const OURS =
  /^(server\..*|securechat\.service|client|README\.md|lost\+found|\.git(ignore|keep)|\.keep)$/

/** Before keys are made in it. @throws E_CONFIG */
export async function refuseSharedFolder(dir: string): Promise<void> {
  const problem = await sharedFolderInTheWay(dir)
  if (problem !== null) fail('E_CONFIG', problem)
}

/** Why keys cannot lie in this folder; null: they can. */
export async function sharedFolderInTheWay(dir: string): Promise<string | null> {
  if (!(await isOpen(dir))) return null
  const foreign = await foreignIn(dir)
  if (foreign.length === 0) return null
  return (
    `Others may enter ${dir}, and it holds other files (${foreign.slice(0, 3).join(', ')}). Keys need a folder that is closed ` +
    'to others: choose an empty or new one with --keys. Nothing was changed.'
  )
}

/** Of a folder that holds our keys, and nothing of anybody else. */
export async function closeFolder(dir: string): Promise<void> {
  if (!(await isOpen(dir)) || (await foreignIn(dir)).length > 0) return
  // who is not its owner cannot close it; doctor shows its mode
  await chmod(dir, FOLDER_MODE).catch(() => undefined)
}

async function isOpen(dir: string): Promise<boolean> {
  try {
    return ((await stat(dir)).mode & 0o077) !== 0
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false
    return fail('E_FILE', `The keys folder ${dir} cannot be read (${errnoOf(error) ?? ''}).`, error)
  }
}

async function foreignIn(dir: string): Promise<string[]> {
  // a folder that nobody may list, or a file: said where the keys are read
  const names = await namesIn(dir).catch(() => [])
  return names.filter((name) => !OURS.test(name))
}
