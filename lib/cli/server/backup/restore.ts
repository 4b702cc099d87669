// A server out of a backup: the whole file is checked first, then written aside, then given its place at once. Nothing that
// exists is replaced: the data folder must be missing or empty, and keys that are there must be the same.
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { randomBytes } from '../../../crypto/random.ts'
import {
  errnoOf,
  namesIn,
  FILE_MODE,
  isDiskFull,
  privateFolder,
  reasonOf,
  syncFolder,
  writeFully,
} from '../../../storage/durable.ts'
import { type Bytes, concat, equal, hex } from '../../../util/bytes.ts'
import { fail, SecureChatError } from '../../../util/errors.ts'
import { CONFIG_NAME } from '../args.ts'
import { createFile } from '../create-file.ts'
import { sharedFolderInTheWay } from '../keys-folder.ts'
import { damaged, type PartHead, type PartSink } from './archive.ts'
import { type Folders, PART_NAMES } from './contents.ts'
import { readBackup } from './read.ts'
import { fateOfSettings, putSettings, type SettingsFate } from './settings-file.ts'

export interface Restored {
  readonly parts: number
  readonly bytes: number
  readonly keys: string
  readonly data: string
  /** Why it could not be restored into these folders; the backup itself is well. */
  readonly obstacle: string | null
  readonly settings: SettingsFate
  readonly isDone: boolean
}

/** What goes into the folder of keys. */
interface Small {
  readonly keys: ReadonlyMap<string, Bytes>
  readonly config: Bytes | undefined
}

const KEY_BYTES = 64 * 1024
const NEEDED = [
  'keys/server.identity',
  'keys/server.opaque',
  'keys/server.store-key',
  'data/server.json',
  'data/store/store.json',
]

/** @throws E_CORRUPT E_AUTH E_CONFIG E_FILE E_DISK_FULL; nothing is changed then, but for keys and settings that were missing */
export async function restoreBackup(
  folders: Folders,
  file: string,
  { passphrase, isDry }: { readonly passphrase: string; readonly isDry: boolean },
): Promise<Restored> {
  try {
    const keys = new Map<string, Bytes>()
    const heads = await readBackup(createReadStream(file), passphrase, (head) =>
      Promise.resolve(examine(head, keys)),
    )
    const names = new Set(heads.map(({ name }) => name))
    if (names.size !== heads.length) damaged('a part is there twice')
    for (const name of NEEDED) if (!names.has(name)) damaged(`${name} is missing`)
    const config = keys.get(CONFIG_NAME)
    keys.delete(CONFIG_NAME)
    const obstacle =
      (await dataInTheWay(folders.data)) ??
      (await otherKeysInTheWay(folders.keys, keys)) ??
      (await sharedFolderInTheWay(folders.keys))
    if (obstacle !== null && !isDry) fail('E_CONFIG', obstacle)
    const settings = await fateOfSettings(folders.keys, config !== undefined)
    const bytes = heads.reduce((sum, head) => sum + head.bytes, 0)
    if (!isDry) await put(folders, file, passphrase, { keys, config })
    return { parts: heads.length, bytes, ...folders, obstacle, settings, isDone: !isDry }
  } catch (error) {
    if (error instanceof SecureChatError) throw error
    if (isDiskFull(error)) {
      fail('E_DISK_FULL', 'The disk is full: the backup was not restored.', error)
    }
    if (errnoOf(error) === 'ENOENT')
      fail('E_FILE', `There is no backup ${file}, or its place is gone.`, error)
    return fail('E_FILE', `The backup ${file} could not be restored: ${reasonOf(error)}.`, error)
  }
}

function examine({ name, bytes }: PartHead, keys: Map<string, Bytes>): PartSink {
  if (!PART_NAMES.some((pattern) => pattern.test(name))) damaged(`a part has the name ${name}`)
  const isKey = name.startsWith('keys/')
  if (isKey && bytes > KEY_BYTES) damaged(`${name} is too long`)
  const parts: Bytes[] = []
  return {
    write: (chunk) => {
      if (isKey) parts.push(Buffer.from(chunk))
      return Promise.resolve()
    },
    end: () => {
      if (isKey) keys.set(name.slice('keys/'.length), concat(...parts))
      return Promise.resolve()
    },
  }
}

async function dataInTheWay(dir: string): Promise<string | null> {
  const names = await namesIn(dir)
  if (names.length === 0) return null
  return (
    `${dir} is not empty (${names.slice(0, 3).join(', ')}). A restore never replaces anything: ` +
    'name a new folder with --data, or move the old one away.'
  )
}

async function otherKeysInTheWay(
  dir: string,
  keys: ReadonlyMap<string, Bytes>,
): Promise<string | null> {
  for (const [name, bytes] of keys) {
    const there = await readFile(join(dir, name)).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return null
      throw error
    })
    if (there === null || equal(there, bytes)) continue
    return (
      `${join(dir, name)} is another key than the one in the backup. A restore never replaces ` +
      'anything: name a new folder with --keys, or move the old one away.'
    )
  }
  return null
}

async function put(
  { keys: keysDir, data }: Folders,
  file: string,
  passphrase: string,
  { keys, config }: Small,
): Promise<void> {
  const aside = `${data}.restoring-${hex(randomBytes(8))}`
  const current: { sink: FileSink | null } = { sink: null }
  try {
    await privateFolder(aside)
    const folders = new Set([aside])
    await readBackup(createReadStream(file), passphrase, async ({ name }) => {
      if (name.startsWith('keys/')) return examine({ name, bytes: 0 }, new Map())
      if (!PART_NAMES.some((pattern) => pattern.test(name))) damaged(`a part has the name ${name}`)
      const path = join(aside, name.slice('data/'.length))
      await privateFolder(dirname(path))
      folders.add(dirname(path))
      return (current.sink = new FileSink(await open(path, 'wx', FILE_MODE)))
    })
    for (const folder of folders) await syncFolder(folder)
    for (const [name, bytes] of keys) await createFile(join(keysDir, name), bytes)
    if (config !== undefined) await putSettings({ keys: keysDir, data }, config)
    await rmdir(data).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error
    })
    await rename(aside, data)
    await syncFolder(dirname(data))
  } finally {
    await current.sink?.close()
    await rm(aside, { recursive: true, force: true })
  }
}

class FileSink implements PartSink {
  readonly #file: FileHandle
  #at = 0

  constructor(file: FileHandle) {
    this.#file = file
  }

  async write(bytes: Bytes): Promise<void> {
    await writeFully(this.#file, bytes, this.#at)
    this.#at += bytes.length
  }

  async end(): Promise<void> {
    await this.#file.sync()
    await this.close()
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
