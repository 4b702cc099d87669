// One moment of several collections: their writers pause, the files are opened and measured, the writers go on. What is
// appended later lies behind the measured end, and a compaction puts a new file in place of the one that is held open.
import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'

import { errnoOf } from '../durable.ts'

/** A collection that can pause. */
export interface Pausable {
  readonly path: string
  /** Resolves when nothing is being written any more; what is asked for meanwhile waits for `resume`. */
  pause(): Promise<void>
  resume(): void
}

export interface FrozenFile {
  readonly path: string
  readonly file: FileHandle
  readonly bytes: number
}

const READ = constants.O_RDONLY | constants.O_NOFOLLOW

/** The caller closes the files. Collections that have no file yet are left out. */
export async function freeze(collections: readonly Pausable[]): Promise<FrozenFile[]> {
  const opened: FrozenFile[] = []
  try {
    // all pause before the first is looked at
    await Promise.all(collections.map((collection) => collection.pause()))
    for (const { path } of collections) {
      try {
        const file = await open(path, READ)
        opened.push({ path, file, bytes: (await stat(path)).size })
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error
      }
    }
    return opened
  } catch (error) {
    await Promise.all(opened.map(({ file }) => file.close()))
    throw error
  } finally {
    for (const collection of collections) collection.resume()
  }
}
