// What belongs into a backup of a server, in this order: its keys and settings, its note, the moment of records and mailboxes, then what
// only grows (logs) or is complete by itself (files). Whatever is appended meanwhile is there or not, never half: logs cut
// a tail that their head does not vouch for, and of a file the list of chunks is read before the chunks.
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join, relative } from 'node:path'

import { errnoOf, namesIn, readFully } from '../../../storage/durable.ts'
import type { FrozenFile } from '../../../storage/nedb/freeze.ts'
import type { Bytes } from '../../../util/bytes.ts'
import type { Part } from './archive.ts'

const READ = constants.O_RDONLY | constants.O_NOFOLLOW
const CHUNK_BYTES = 256 * 1024
/** Read into memory first, so that what changes in place is of one moment. */
const SMALL_BYTES = 512 * 1024

const KEYS = 'keys'
const DATA = 'data'
const STORE = 'data/store'
const LOGS = 'data/store/logs'
const FILES = 'data/files'

/** Every name that a backup may hold: a restore writes nothing else. */
export const PART_NAMES: readonly RegExp[] = [
  /^keys\/server\.[a-z][a-z-]{0,40}$/,
  /^keys\/server\.config\.json$/,
  /^data\/server\.json$/,
  /^data\/store\/(store\.json|sequence)$/,
  /^data\/store\/(records|mail)\/[a-z0-9][a-z0-9-]{0,40}\.db$/,
  /^data\/store\/logs\/[0-9a-f]{32}(\.chunks)?$/,
  /^data\/files\/[0-9a-f]{32}\.(have|data)$/,
]

export interface Folders {
  readonly keys: string
  readonly data: string
}

/** `frozen` are for the caller to close. */
export async function* partsOf(
  folders: Folders,
  frozen: readonly FrozenFile[],
): AsyncGenerator<Part> {
  const pathOf = (name: string): string =>
    name.startsWith(`${KEYS}/`)
      ? join(folders.keys, name.slice(KEYS.length + 1))
      : join(folders.data, name.slice(DATA.length + 1))
  yield* each(await partsIn(folders.keys, KEYS), pathOf)
  yield* each(['data/server.json', `${STORE}/store.json`], pathOf)
  for (const { path, file, bytes } of frozen) {
    const name = `${DATA}/${relative(folders.data, path)}`
    yield { name, bytes, read: () => readHandle(file, bytes) }
  }
  // after them: the numbers it reserves are above all that they hold
  yield* each([`${STORE}/sequence`], pathOf)
  yield* each(await partsIn(join(folders.data, 'store', 'logs'), LOGS), pathOf)
  const files = await partsIn(join(folders.data, 'files'), FILES)
  const lists = files.filter((name) => name.endsWith('.have'))
  for (const name of lists) {
    yield* each([name], pathOf)
    yield* each([name.replace(/have$/, 'data')], pathOf)
  }
}

/** What is gone meanwhile is left out. */
async function* each(
  names: readonly string[],
  pathOf: (name: string) => string,
): AsyncGenerator<Part> {
  for (const name of names) {
    let file: FileHandle
    try {
      file = await open(pathOf(name), READ)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') continue
      throw error
    }
    try {
      // the beginning first: a log's head must not be newer than the length that counts
      const start = await readFully(file, SMALL_BYTES, 0)
      const bytes = Math.max(start.length, (await file.stat()).size)
      const end = start.length < SMALL_BYTES ? start.length : bytes
      yield { name, bytes: end, read: () => readHandle(file, end, start) }
    } finally {
      await file.close()
    }
  }
}

async function* readHandle(
  file: FileHandle,
  bytes: number,
  start: Bytes = new Uint8Array(),
): AsyncGenerator<Bytes> {
  if (start.length > 0) yield start
  for (let at = start.length; at < bytes;) {
    const chunk = await readFully(file, Math.min(CHUNK_BYTES, bytes - at), at)
    if (chunk.length === 0) return
    at += chunk.length
    yield chunk
  }
}

/** Names of parts in a folder, sorted; a folder that is missing is empty. */
async function partsIn(dir: string, prefix: string): Promise<string[]> {
  return (await namesIn(dir))
    .map((name) => `${prefix}/${name}`)
    .filter((name) => PART_NAMES.some((pattern) => pattern.test(name)))
    .sort()
}
