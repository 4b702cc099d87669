// One person's client folder on this machine: the index, one locked folder per profile, sealed stores inside.
// The only thing here that is readable without a key is the index (servers, names); it is 0600 all the same.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { ClientHome, ProfileFolder } from '../../client/ports.ts'
import { readKeyFile, writeKeyFile } from '../../storage/key-files.ts'
import { privateFolder } from '../../storage/durable.ts'
import { lockFolder } from '../../storage/lock.ts'
import { openNedbStore } from '../../storage/nedb/store.ts'
import type { Store } from '../../storage/ports.ts'
import type { Bytes } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
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

export function createClientHome(folders: HomeFolders, clock: Clock, log: Log): ClientHome {
  const index = join(folders.keys, 'client', 'index')
  const keysOf = (name: string): string => join(folders.keys, 'client', checked(name))
  const dataOf = (name: string): string => join(folders.data, 'client', checked(name))
  return {
    readIndex: () => readKeyFile(index),
    writeIndex: (bytes) => writeKeyFile(index, bytes),
    async openProfile(name) {
      await Promise.all([privateFolder(keysOf(name)), privateFolder(dataOf(name))])
      const lock = await lockFolder(dataOf(name), {
        holder: `securechat, process ${String(process.pid)}`,
      })
      return new Profile(keysOf(name), dataOf(name), lock, clock, log)
    },
    async removeProfile(name) {
      await rm(keysOf(name), { recursive: true, force: true })
      await rm(dataOf(name), { recursive: true, force: true })
    },
  }
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
