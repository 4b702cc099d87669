// One backup into one new private file: written aside, read again whole with every checksum compared, and only then given
// its name, which is never that of a file that exists.
import { constants, createReadStream } from 'node:fs'
import { access, type FileHandle, link, open, rm, stat } from 'node:fs/promises'
import { dirname, relative } from 'node:path'

import { randomBytes } from '../../../crypto/random.ts'
import {
  errnoOf,
  FILE_MODE,
  isDiskFull,
  reasonOf,
  replaceFile,
  syncFolder,
  writeFully,
} from '../../../storage/durable.ts'
import type { FrozenFile } from '../../../storage/nedb/freeze.ts'
import { type Bytes, hex, utf8 } from '../../../util/bytes.ts'
import { fail, SecureChatError } from '../../../util/errors.ts'
import { encodeArchive, type PartHead } from './archive.ts'
import { type Folders, partsOf } from './contents.ts'
import { backupAtPath } from './marks.ts'
import { readBackup } from './read.ts'
import { sealStream } from './sealed.ts'
import { SETTINGS_PART } from './settings-file.ts'

export interface Written {
  readonly file: string
  readonly bytes: number
  readonly parts: number
  readonly sealed: boolean
  /** Whether a settings file lay beside the keys. */
  readonly settings: boolean
}

export interface BackupOrder {
  /** Absolute. */
  readonly file: string
  /** Empty: not sealed. */
  readonly passphrase: string
  /** ms since 1970 */
  readonly now: number
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** @throws E_FILE E_DISK_FULL E_STORE; no file is left then */
export async function writeBackup(
  folders: Folders,
  freeze: () => Promise<FrozenFile[]>,
  { file, passphrase, now }: BackupOrder,
): Promise<Written> {
  await refusePlace(folders, file)
  const temporary = `${file}.${hex(randomBytes(8))}.tmp`
  const frozen = await freeze()
  try {
    const plain = encodeArchive(partsOf(folders, frozen))
    await pour(temporary, passphrase === '' ? plain : sealStream(passphrase, plain))
    const heads = await verified(temporary, passphrase)
    const { size } = await stat(temporary)
    await link(temporary, file)
    await syncFolder(dirname(file))
    await replaceFile(backupAtPath(folders.data), utf8(`${JSON.stringify({ at: now })}\n`))
    return {
      ...{ file, bytes: size, parts: heads.length, sealed: passphrase !== '' },
      settings: heads.some(({ name }) => name === SETTINGS_PART),
    }
  } catch (error) {
    if (error instanceof SecureChatError) throw error
    if (errnoOf(error) === 'EEXIST') taken(file)
    if (isDiskFull(error)) {
      fail('E_DISK_FULL', `The disk is full: the backup ${file} was not written.`, error)
    }
    return fail('E_FILE', `The backup ${file} could not be written: ${reasonOf(error)}.`, error)
  } finally {
    await Promise.all(frozen.map((each) => each.file.close()))
    await rm(temporary, { force: true })
  }
}

/** What can be said against a place before anything is written. @throws E_FILE */
export async function refusePlace(folders: Folders, file: string): Promise<void> {
  refuseWithin(folders, file)
  if (await exists(file)) taken(file)
  const folder = dirname(file)
  try {
    await access(`${folder}/.`, constants.W_OK) // a file is no folder
  } catch (error) {
    fail('E_FILE', `No backup can be written into ${folder}: ${reasonOf(error)}.`, error)
  }
}

async function pour(path: string, source: AsyncIterable<Bytes>): Promise<void> {
  const file: FileHandle = await open(path, CREATE, FILE_MODE)
  try {
    let at = 0
    for await (const chunk of source) {
      await writeFully(file, chunk, at)
      at += chunk.length
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

function verified(path: string, passphrase: string): Promise<PartHead[]> {
  const sink = { write: () => Promise.resolve(), end: () => Promise.resolve() }
  return readBackup(createReadStream(path), passphrase, () => Promise.resolve(sink))
}

function refuseWithin({ keys, data }: Folders, file: string): void {
  for (const folder of [keys, data]) {
    const path = relative(folder, file)
    if (path.startsWith('..') || path.startsWith('/')) continue
    fail('E_FILE', `A backup does not belong into ${folder}, which it is a backup of.`)
  }
}

function taken(file: string): never {
  return fail('E_FILE', `${file} exists. A backup never replaces a file: choose another name.`)
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
