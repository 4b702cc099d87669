// Which server a data folder belongs to, noted on its first start. Without the note a lost keys/ would silently become a
// new server over old accounts, and a mistyped --data would be filled and closed to others.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { errnoOf } from '../../storage/durable.ts'
import { type Bytes, hex, utf8 } from '../../util/bytes.ts'
import { codeOf, fail } from '../../util/errors.ts'
import { createFile } from './create-file.ts'

/** Of everything below the folder; a change needs a migration. */
export const DATA_FORMAT = 1

const NOTE = 'server.json'

/** The hex id of the server whose data this is; null: an empty or missing folder. @throws E_CONFIG E_CORRUPT E_FILE */
export async function ownerOf(dir: string): Promise<string | null> {
  const names = await namesIn(dir)
  if (names.includes(NOTE)) return parseNote(dir, await readFile(join(dir, NOTE), 'utf8'))
  const foreign = names.filter((name) => name !== 'lost+found' && !name.startsWith('.'))
  if (foreign.length === 0) return null
  return fail(
    'E_CONFIG',
    `${dir} holds other files (${foreign.slice(0, 3).join(', ')}) and no data of a SecureChat server. ` +
      'Choose an empty or new folder with --data.',
  )
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT') return []
    const reason = errno === 'ENOTDIR' ? 'it is a file' : (errno ?? String(error))
    return fail(
      'E_FILE',
      `The data folder ${dir} cannot be read: ${reason}. Choose another with --data.`,
      error,
    )
  }
}

function parseNote(dir: string, text: string): string {
  try {
    const note: unknown = JSON.parse(text)
    if (typeof note !== 'object' || note === null || !('format' in note) || !('srv' in note)) {
      return fail('E_CORRUPT')
    }
    const { format, srv } = note
    if (typeof format === 'number' && format > DATA_FORMAT) {
      fail(
        'E_CONFIG',
        `The data in ${dir} was written by a newer SecureChat (data format ${format}; this ` +
          `program knows ${DATA_FORMAT}). Nothing was changed: start the newer version again.`,
      )
    }
    const isWhole = format === DATA_FORMAT && typeof srv === 'string' && /^[0-9a-f]{64}$/.test(srv)
    return isWhole ? srv : fail('E_CORRUPT')
  } catch (cause) {
    if (codeOf(cause) === 'E_CONFIG') throw cause
    return fail('E_CORRUPT', `${join(dir, NOTE)} is damaged. Put it back from your backup.`, cause)
  }
}

/** Makes the folder if need be. False when somebody else was faster. @throws E_DISK_FULL E_FILE */
export function claim(dir: string, srv: Bytes): Promise<boolean> {
  const note = { format: DATA_FORMAT, srv: hex(srv) }
  return createFile(join(dir, NOTE), utf8(`${JSON.stringify(note)}\n`))
}
