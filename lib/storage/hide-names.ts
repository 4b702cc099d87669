// From data format 1 to 2: what could be computed from an id in the name of a file, and the owner beside a stored file, are no
// longer to be read. A step that was cut short is done again from the start and finds what is left to do.
import { rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { Bytes } from '../util/bytes.ts'
import { errnoOf, namesIn, replaceFile, syncFolder, writeError } from './durable.ts'
import { encodeState, plainSidecars, sealedSidecars } from './file-sidecar.ts'
import { HiddenNames, LOG_SUFFIX } from './hidden-names.ts'
import { readSidecar } from './stored-file.ts'

export interface OldFolders {
  /** Of the store; its lock is held, and nothing in it is in use yet. */
  readonly store: string
  readonly files: string
}

/** @throws E_DISK_FULL E_FILE E_STORE */
export async function hideNames(folders: OldFolders, key: Bytes): Promise<void> {
  const names = new HiddenNames(key)
  try {
    await renameIn(join(folders.store, 'logs'), /^([0-9a-f]{32})$/, (name) => {
      return names.of('logs', name) + LOG_SUFFIX
    })
    await renameIn(join(folders.store, 'mail'), /^(\d\d\d?)\.db$/, (shard) => {
      return `${names.of('mail', shard)}.db`
    })
    await sealSidecars(folders.files, key)
  } catch (error) {
    throw writeError(error, 'the data in their new format')
  }
}

async function renameIn(dir: string, old: RegExp, to: (part: string) => string): Promise<void> {
  let count = 0
  for (const name of await namesIn(dir)) {
    const part = old.exec(name)?.[1]
    if (part === undefined) continue
    await rename(join(dir, name), join(dir, to(part)))
    count++
  }
  if (count > 0) await syncFolder(dir)
}

/** Each file: the new sidecar whole, then the data under the new name, then the old sidecar away. */
async function sealSidecars(dir: string, key: Bytes): Promise<void> {
  const sealed = sealedSidecars(key)
  let count = 0
  for (const file of await namesIn(dir)) {
    const fid = /^([0-9a-f]{32})\.have$/.exec(file)?.[1]
    if (fid === undefined) continue
    const old = join(dir, file)
    const sidecar = await readSidecar({ name: fid, sidecar: old }, plainSidecars)
    if (sidecar === null) continue // done already, or not whole: the store knows what to do
    const name = sealed.nameOf(fid)
    const bytes = sealed.encode(sidecar.head)
    const whole = sealed.decode(name, bytes)
    if (whole === null) throw new TypeError('a file that could not be read again')
    bytes.set(encodeState(sidecar.bytes, sidecar.have), whole.stateAt)
    await replaceFile(join(dir, `${name}.have`), bytes)
    await renameIfThere(join(dir, `${fid}.data`), join(dir, `${name}.data`))
    await rm(old, { force: true })
    count++
  }
  if (count > 0) await syncFolder(dir)
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await stat(from)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return
    throw error
  }
  await rename(from, to)
}
