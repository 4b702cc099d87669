// The embedded Store: NeDB files for records and mailboxes, plain files for logs, in one locked folder. Files are opened at
// their first use (or all at once with `preload`), so an empty or small store is ready within a few milliseconds.
//
//   store.json      format, number of mailbox files, and a sealed word that tells a wrong key
//   LOCK            lock.ts
//   sequence        sequence.ts
//   records/*.db    records.ts, one per kind
//   mail/*.db       mailboxes.ts, spread by box
//   logs/*          log-files.ts, one per log
//
// With `hideNames`, names in mail/ and logs/ are those of hidden-names.ts.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { Bytes } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { AtRest } from '../at-rest.ts'
import type { MailboxLimits } from '../box-table.ts'
import { DiskSpace } from '../disk-space.ts'
import { HiddenNames } from '../hidden-names.ts'
import { openError, privateFolder } from '../durable.ts'
import { LogFiles } from '../log-files.ts'
import { type FolderLock, lockFolder } from '../lock.ts'
import type { Store } from '../ports.ts'
import { CommitTimes } from './commit-times.ts'
import type { CollectionOptions } from './collection.ts'
import { openDescription } from './description.ts'
import { freeze, type FrozenFile } from './freeze.ts'
import { plainLines, sealedLines } from './lines.ts'
import { MailShard } from './mail-shard.ts'
import { NedbMailboxes } from './mailboxes.ts'
import { NedbRecords } from './records.ts'
import { Sequence } from './sequence.ts'

export interface NedbStoreOptions {
  readonly dir: string
  readonly clock: Clock
  readonly log: Log
  /** 32 bytes: everything is sealed with AES-256-GCM. Absent: readable to whoever can read the files. */
  readonly key?: Bytes
  /** With a key: nobody without it can tell whose mail or which log a file holds. Fixed for a folder. Default false. */
  readonly hideNames?: boolean
  readonly mailbox?: Partial<MailboxLimits>
  /** Files the mailboxes are spread over, 1 to 256. Fixed when the store is created. Default 16. */
  readonly shards?: number
  /** Bytes of the bodies of one log. Default 1 GiB. */
  readonly logBytes?: number
  /** Bytes of all logs together. Default 0: as much as the disk takes. */
  readonly logTotalBytes?: number
  /** Below this much free disk nothing new is accepted. Default 32 MiB; 0: until a write fails. */
  readonly floorBytes?: number
  /** Longest wait of a mail for an absent receiver before it is written, 0 to 5. Default 2. */
  readonly absentMs?: number
  /** Longest wait of a mail for a connected receiver before it is written, 20 to 50. Default 30. */
  readonly connectedMs?: number
  /** Opens everything that exists at once, so damage stops the start and not the traffic. Default false. */
  readonly preload?: boolean
  /** Called when the lock is held and the key is known to fit, before anything else is read: the place for migrations. */
  readonly prepare?: () => Promise<void>
  /** Who we are, for the message to a second process. */
  readonly holder?: string
}

export interface NedbStore extends Store {
  /**
   * The files of records and mailboxes as they are at one moment, for a backup; the caller closes them. With `preload` they
   * are all there is. Writers wait for milliseconds.
   */
  freeze(): Promise<FrozenFile[]>
  readonly commits: CommitTimes
}

const DEFAULT_FLOOR_BYTES = 32 * 2 ** 20
const RECORDS = 'records'
const MAIL = 'mail'
const SUFFIX = '.db'

async function kindsIn(dir: string): Promise<string[]> {
  const names = await readdir(dir)
  return names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length))
}

/**
 * Rejects with E_LOCKED (another process has the folder), E_CONFIG (wrong key or format), E_CORRUPT (damage), E_DISK_FULL.
 */
export async function openNedbStore(options: NedbStoreOptions): Promise<NedbStore> {
  const { dir, clock, holder } = options
  try {
    await Promise.all(
      [dir, join(dir, RECORDS), join(dir, MAIL)].map((folder) => privateFolder(folder)),
    )
  } catch (error) {
    throw openError(error, dir)
  }
  const space = new DiskSpace(dir, options.floorBytes ?? DEFAULT_FLOOR_BYTES, clock)
  // nothing of the store is read before the lock is ours: another process might be changing it
  const [lock] = await Promise.all([
    lockFolder(dir, holder === undefined ? {} : { holder }).catch((error: unknown) => {
      throw openError(error, dir)
    }),
    space.refresh(),
  ])
  try {
    return await openParts(options, space, lock)
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function openParts(
  options: NedbStoreOptions,
  space: DiskSpace,
  lock: FolderLock,
): Promise<NedbStore> {
  const { dir, clock, log, key } = options
  const [{ shards }, sequence] = await Promise.all([
    openDescription(dir, key ?? null, options.shards),
    Sequence.open(join(dir, 'sequence'), clock),
  ])
  await options.prepare?.()
  const commits = new CommitTimes(clock)
  const names = key !== undefined && options.hideNames === true ? new HiddenNames(key) : null
  const collectionIn = (folder: string, part: string, file = part): CollectionOptions => {
    const name = `${folder}-${part}`
    return {
      path: join(dir, folder, `${file}${SUFFIX}`),
      name,
      lines: key === undefined ? plainLines : sealedLines(key, name),
      log,
      commits,
    }
  }
  const records = new NedbRecords(space, (kind) => collectionIn(RECORDS, kind))
  const mail = new NedbMailboxes({
    limits: options.mailbox ?? {},
    shards,
    absentMs: options.absentMs ?? 2,
    connectedMs: options.connectedMs ?? 30,
    clock,
    space,
    sequence,
    openShard: (index) => {
      const shard = String(index).padStart(2, '0')
      return MailShard.open(collectionIn(MAIL, shard, names?.of(MAIL, shard)))
    },
  })
  const logs = new LogFiles({
    dir: join(dir, 'logs'),
    logBytes: options.logBytes ?? 2 ** 30,
    totalBytes: options.logTotalBytes ?? 0,
    cipher: key === undefined ? null : new AtRest(key, 'logs'),
    names,
    space,
    log,
  })
  const closeParts = async (): Promise<void> => {
    await Promise.all([records.close(), mail.close(), logs.close()])
  }
  const closeAll = async (): Promise<void> => {
    await closeParts()
    await lock.release()
  }
  if (options.preload === true) {
    try {
      const kinds = await kindsIn(join(dir, RECORDS))
      await Promise.all([...kinds.map((kind) => records.preload(kind)), mail.openAll()])
    } catch (error) {
      // the others are still being opened, and the lock must outlast that
      await closeParts()
      throw error
    }
  }
  let closing: Promise<void> | null = null
  return {
    records,
    mail,
    logs,
    commits,
    freeze: () => freeze([...records.files(), ...mail.files()]),
    health: async () => {
      // when a request asked last, there may not have been the room that there is now
      if (space.isLow) await space.refresh()
      const isDown = closing !== null || records.hasFailed || mail.hasFailed || logs.hasFailed
      return isDown ? 'down' : space.isLow ? 'readonly' : 'ok'
    },
    close: () => (closing ??= closeAll()),
  }
}
