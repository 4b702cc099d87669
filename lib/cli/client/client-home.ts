// One person's client folder on this machine: the index, one locked folder per profile, sealed stores inside.
// The only thing here that is readable without a key is the index (servers, names); it is 0600 all the same.
import { lstat, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

import type { ClientHome, ProfileFolder } from '../../client/ports.ts'
import { readKeyFile, writeKeyFile } from '../../storage/key-files.ts'
import { errnoOf, isDiskFull, privateFolder } from '../../storage/durable.ts'
import { type FolderLock, lockFolder } from '../../storage/lock.ts'
import { openNedbStore } from '../../storage/nedb/store.ts'
import type { Store } from '../../storage/ports.ts'
import type { Bytes } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { codeOf, fail, SecureChatError } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'

export interface HomeFolders {
  /** Device keys: `keys/` of the home. */
  readonly keys: string
  /** Sealed data: `data/` of the home. */
  readonly data: string
}

const NAME = /^[a-z0-9][a-z0-9-]{0,99}$/

function checked(name: string): string {
  if (!NAME.test(name)) throw new TypeError('a profile or key file name is [a-z0-9-]+')
  return name
}

/** A home that cannot be used is told as that, with the way out. @throws E_FILE E_LOCKED E_DISK_FULL */
async function inHome<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const errno = errnoOf(error)
    if (error instanceof SecureChatError || errno === undefined) throw error
    if (isDiskFull(error)) {
      fail('E_DISK_FULL', `The disk is full: could not use ${path}. Free some space first.`, error)
    }
    const why = REASONS[errno] ?? errno
    return fail('E_FILE', `Cannot use ${path}: ${why}. SECURECHAT_HOME names another home.`, error)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EROFS: 'the file system is read-only',
  ENOENT: 'it cannot be made there',
  EACCES: 'it belongs to somebody else',
  EPERM: 'it belongs to somebody else',
  ENOTDIR: 'a file is in the way',
  EEXIST: 'a file is in the way',
}

export function createClientHome(folders: HomeFolders, clock: Clock, log: Log): ClientHome {
  const index = join(folders.keys, 'client', 'index')
  const indexTurns = new Turns()
  const keysOf = (name: string): string => join(folders.keys, 'client', checked(name))
  const dataOf = (name: string): string => join(folders.data, 'client', checked(name))
  return {
    readIndex: () => readKeyFile(index),
    changeIndex: (change) =>
      indexTurns.run(async () => {
        const folder = join(folders.keys, 'client')
        const lock = await inHome(folder, async () => {
          await privateFolder(folder)
          return lockPatiently(folder)
        })
        try {
          await writeKeyFile(index, change(await readKeyFile(index)))
        } finally {
          await lock.release()
        }
      }),
    async openProfile(name) {
      const lock = await inHome(dataOf(name), async () => {
        await Promise.all([privateFolder(keysOf(name)), privateFolder(dataOf(name))])
        return lockFolder(dataOf(name), { holder: `securechat, process ${String(process.pid)}` })
      })
      return new Profile(keysOf(name), dataOf(name), lock, clock, log)
    },
    async removeProfile(name) {
      await rm(keysOf(name), { recursive: true, force: true })
      await rm(dataOf(name), { recursive: true, force: true })
    },
    async setAside(name) {
      for (let i = 1; ; i++) {
        const aside = `${name}-aside-${String(i)}`
        if ((await exists(keysOf(aside))) || (await exists(dataOf(aside)))) continue
        // the keys first: without them the data is closed, and nothing of it is found by the old name
        await renameIfThere(keysOf(name), keysOf(aside))
        await renameIfThere(dataOf(name), dataOf(aside))
        return dataOf(aside)
      }
    },
  }
}

const LOCK_TRIES = 50
const LOCK_RETRY_MS = 100

/** Another client holds it for milliseconds. */
async function lockPatiently(folder: string): Promise<FolderLock> {
  for (let tries = 1; ; tries++) {
    try {
      return await lockFolder(folder, { holder: `securechat, process ${String(process.pid)}` })
    } catch (error) {
      if (codeOf(error) !== 'E_LOCKED' || tries === LOCK_TRIES) throw error
      await setTimeout(LOCK_RETRY_MS)
    }
  }
}

/** One after the other within this process. */
class Turns {
  #last: Promise<void> = Promise.resolve()

  run(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  if (await exists(from)) await rename(from, to)
}

class Profile implements ProfileFolder {
  readonly #keys: string
  readonly #data: string
  readonly #lock: { release(): Promise<void> }
  readonly #clock: Clock
  readonly #log: Log

  constructor(
    keys: string,
    data: string,
    lock: { release(): Promise<void> },
    clock: Clock,
    log: Log,
  ) {
    this.#keys = keys
    this.#data = data
    this.#lock = lock
    this.#clock = clock
    this.#log = log
  }

  readKeyFile(name: string): Promise<Bytes | null> {
    return readKeyFile(join(this.#keys, checked(name)))
  }

  writeKeyFile(name: string, bytes: Bytes): Promise<void> {
    return writeKeyFile(join(this.#keys, checked(name)), bytes)
  }

  removeKeyFile(name: string): Promise<void> {
    return rm(join(this.#keys, checked(name)), { force: true })
  }

  openStore(key: Bytes): Promise<Store> {
    return openNedbStore({
      dir: join(this.#data, 'store'),
      key,
      clock: this.#clock,
      log: this.#log,
    })
  }

  close(): Promise<void> {
    return this.#lock.release()
  }
}
