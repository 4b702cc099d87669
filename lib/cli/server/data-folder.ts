// Which server a data folder belongs to, noted on its first start. Without the note a lost keys/ would silently become a
// new server over old accounts, and a mistyped --data would be filled and closed to others. It names the format as well, and
// the one that is being left while migrate.ts is at work.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { errnoOf, namesIn, openError, replaceFile } from '../../storage/durable.ts'
import { type Bytes, hex, utf8 } from '../../util/bytes.ts'
import { codeOf, fail } from '../../util/errors.ts'
import { createFile } from './create-file.ts'

/** Of everything below the folder; a change needs a migration. */
export const DATA_FORMAT = 2

const NOTE = 'server.json'

interface Note {
  /** Hex. */
  readonly srv: string
  /** What the data are in, as a whole. */
  readonly format: number
}

/** The hex id of the server whose data this is; null: an empty or missing folder. @throws E_CONFIG E_CORRUPT E_FILE */
export async function ownerOf(dir: string): Promise<string | null> {
  const names = await namesOrWhy(dir)
  if (names.includes(NOTE)) return (await readNote(dir)).srv
  const foreign = names.filter((name) => name !== 'lost+found' && !name.startsWith('.'))
  if (foreign.length === 0) return null
  return fail(
    'E_CONFIG',
    `${dir} holds other files (${foreign.slice(0, 3).join(', ')}) and no data of a SecureChat server. ` +
      'Choose an empty or new folder with --data.',
  )
}

async function namesOrWhy(dir: string): Promise<string[]> {
  try {
    return await namesIn(dir)
  } catch (error) {
    const errno = errnoOf(error)
    const reason = errno === 'ENOTDIR' ? 'it is a file' : (errno ?? String(error))
    return fail(
      'E_FILE',
      `The data folder ${dir} cannot be read: ${reason}. Choose another with --data.`,
      error,
    )
  }
}

/** Of the data in a folder that has an owner. @throws E_CONFIG E_CORRUPT */
export async function formatOf(dir: string): Promise<number> {
  return (await readNote(dir)).format
}

/** Notes that the data are in this format; below DATA_FORMAT: on their way from it. @throws E_DISK_FULL E_STORE */
export async function noteFormat(dir: string, format: number): Promise<void> {
  const { srv } = await readNote(dir)
  try {
    await replaceFile(join(dir, NOTE), encodeNote(srv, format))
  } catch (error) {
    throw openError(error, join(dir, NOTE))
  }
}

function encodeNote(srv: string, from: number): Bytes {
  const note = { format: DATA_FORMAT, ...(from === DATA_FORMAT ? {} : { from }), srv }
  return utf8(`${JSON.stringify(note)}\n`)
}

async function readNote(dir: string): Promise<Note> {
  const text = await readFile(join(dir, NOTE), 'utf8').catch((error: unknown) => {
    throw openError(error, join(dir, NOTE))
  })
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
    const from = 'from' in note ? note.from : format
    const isWhole = isFormat(format) && isFormat(from) && from <= format && typeof srv === 'string'
    return isWhole && /^[0-9a-f]{64}$/.test(srv) ? { srv, format: from } : fail('E_CORRUPT')
  } catch (cause) {
    if (codeOf(cause) === 'E_CONFIG') throw cause
    return fail('E_CORRUPT', `${join(dir, NOTE)} is damaged. Put it back from your backup.`, cause)
  }
}

function isFormat(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= DATA_FORMAT
}

/** Makes the folder if need be. False when somebody else was faster. @throws E_DISK_FULL E_FILE */
export function claim(dir: string, srv: Bytes): Promise<boolean> {
  return createFile(join(dir, NOTE), encodeNote(hex(srv), DATA_FORMAT))
}
