// Puts a server together: keys, store, files, router, launch keys, relay, port - in an order that lets the slow parts run
// side by side - and takes it apart again. Knows no terminal and no signals.
import { join } from 'node:path'

import { LaunchKeys } from '../../channel/launch-keys.ts'
import { listen, type Listener } from '../../channel/tcp.ts'
import { opaqueReady } from '../../crypto/opaque.ts'
import { RsaPrivateKey } from '../../crypto/rsa.ts'
import { createServer, type Server } from '../../server/server.ts'
import { mailboxLimits } from '../../storage/box-table.ts'
import { openFileStore } from '../../storage/files.ts'
import { type NedbStore, openNedbStore } from '../../storage/nedb/store.ts'
import { createLocalRouter } from '../../storage/router-local.ts'
import { hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { fail } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { networkOf } from '../log-line.ts'
import { refuseMoved } from './backup/marks.ts'
import { claim, ownerOf } from './data-folder.ts'
import { connectionsWithin, descriptorLimit } from './descriptors.ts'
import { loadServerKeys, type ServerKeys } from './identity.ts'
import { noteData, refuseLostData } from './known-data.ts'
import { isGiven, launchPasswordOf } from './launch-password.ts'
import type { LaunchPassword } from './master-key.ts'
import { FILES_FOLDER, migrate, STORE_FOLDER } from './migrate.ts'
import { newServerKeys } from './new-keys.ts'
import { refuseRoot } from './refuse-root.ts'
import type { ServerSettings } from './settings.ts'

export interface StartDeps {
  readonly clock: Clock
  readonly log: Log
  /** The first launch key, if its making has begun already. */
  readonly launchKey?: Promise<RsaPrivateKey>
  /** For the operator's commands on a server that does not run: nothing new is made, nothing listens. */
  readonly isOffline?: boolean
  /** Asked for when the keys are protected; default: where the settings say, or nowhere. */
  readonly launchPassword?: LaunchPassword
  /** Called before the keys of a new server are made: a second or two. */
  onGeneratingKeys?(): void
}

export interface RunningServer {
  readonly srv: Buffer
  readonly port: number
  readonly server: Server
  readonly store: NedbStore
  /** Takes nothing new, answers what it has taken, says goodbye, closes everything. */
  close(): Promise<void>
}

/** @throws E_AUTH E_CONFIG E_CORRUPT E_FILE E_LOCKED E_DISK_FULL E_STORE E_CONNECT with a sentence for the operator; nothing stays open */
export async function startServer(
  settings: ServerSettings,
  deps: StartDeps,
): Promise<RunningServer> {
  const { clock, log } = deps
  await refuseRoot(settings)
  if (deps.isOffline !== true) await refuseMoved(settings.data)
  await refuseLostData(settings)
  const first = deps.launchKey ?? RsaPrivateKey.generate(2048)
  first.catch(() => undefined) // if something else fails first, nobody waits for it
  const closers: (() => Promise<void> | void)[] = []
  // Each step runs whatever became of the one before: a listener that fails to close must not keep the store open.
  const close = async (): Promise<void> => {
    const failures: unknown[] = []
    for (const step of closers.splice(0).reverse()) {
      try {
        await step()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) fail('E_STORE', 'The server did not close properly.', failures[0])
  }
  try {
    const [keys] = await Promise.all([openKeys(settings, deps), opaqueReady()])
    const launching = openLaunchKeys(keys, settings, deps, first)
    launching.catch(() => undefined) // reported where it is awaited
    closers.push(async () => {
      const opened = await launching.catch(() => null)
      opened?.close()
    })
    const store = await openNedbStore({
      dir: join(settings.data, STORE_FOLDER),
      key: keys.storeKey,
      hideNames: true,
      mailbox: mailboxLimits(settings.mailboxQuotaBytes, settings.mailTotalBytes),
      logTotalBytes: settings.historyTotalBytes,
      prepare: () => migrate(settings.data, keys.storeKey, log),
      preload: true, // damage stops the start, not the traffic
      clock,
      log,
      holder: `securechat-server${deps.isOffline === true ? ' (a command)' : ''}, process ${process.pid}`,
    })
    closers.push(() => store.close())
    if (deps.isOffline !== true) await noteData(settings, log)
    const files = await openFileStore({
      dir: join(settings.data, FILES_FOLDER),
      key: keys.storeKey,
      quotaBytes: settings.fileQuotaBytes,
      totalBytes: settings.fileTotalBytes,
      floorBytes: settings.freeBytes,
      clock,
      log,
    })
    closers.push(() => files.close())
    const launchKeys = await launching
    const router = createLocalRouter()
    closers.push(() => router.close())
    const server = createServer({
      store,
      files,
      router,
      identity: { srv: keys.srv, key: keys.sik.publicKey },
      launchKeys,
      opaqueSetup: keys.opaqueSetup,
      config: settings,
      clock,
      log,
      // a network is counted as one where it is shown as one
      ...(settings.logAddresses ? {} : { networkOf }),
    })
    closers.push(() => server.close())
    await server.bans.load()
    if (deps.isOffline === true) return { srv: keys.srv, port: settings.port, server, store, close }
    const listener = await openPort(settings, server, log)
    closers.push(() => listener.close())
    return { srv: keys.srv, port: listener.port, server, store, close }
  } catch (error) {
    await close().catch(() => undefined) // why it did not start matters more
    throw error
  }
}

/** The keys that belong to the data: old ones to old data, and new ones only where there is no data yet. */
async function openKeys(settings: ServerSettings, deps: StartDeps): Promise<ServerKeys> {
  const { keys: dir, data } = settings
  const password = deps.launchPassword ?? launchPasswordOf(settings)
  const asked: number[] = []
  const asking: LaunchPassword = (attempt) => {
    asked.push(attempt)
    return password(attempt)
  }
  const [owner, found] = await Promise.all([ownerOf(data), loadServerKeys(dir, asking)])
  if (deps.isOffline === true && owner === null) {
    fail('E_CONFIG', `There is no server in ${data} yet. Start it once, or name its --data.`)
  }
  if (found === null) {
    if (owner !== null) {
      fail(
        'E_CONFIG',
        `The keys of this server are not in ${dir}, but ${data} holds its accounts. ` +
          'Put the keys back from your backup or name their folder with --keys; nothing was changed.',
      )
    }
    deps.onGeneratingKeys?.()
  } else if (asked.length === 0 && isGiven(settings))
    deps.log.warn('keys.unprotected', { folder: dir })
  const keys = found ?? (await newServerKeys(settings, password))
  const now = owner ?? ((await claim(data, keys.srv)) ? hex(keys.srv) : await ownerOf(data))
  if (now !== hex(keys.srv)) {
    fail(
      'E_CONFIG',
      `The data in ${data} belongs to another server than the keys in ${dir}. ` +
        'Name the folders that belong together with --data and --keys; nothing was changed.',
    )
  }
  return keys
}

function openLaunchKeys(
  keys: ServerKeys,
  settings: ServerSettings,
  { clock, log }: StartDeps,
  first: Promise<RsaPrivateKey>,
): Promise<LaunchKeys> {
  let prepared: Promise<RsaPrivateKey> | null = first
  return LaunchKeys.create({
    sik: keys.sik,
    srv: keys.srv,
    chain: keys.chain,
    clock,
    log,
    lifeMs: settings.launchKeyLifeMs,
    generate: () => {
      const key = prepared ?? RsaPrivateKey.generate(2048)
      prepared = null
      return key
    },
  })
}

function openPort(settings: ServerSettings, server: Server, log: Log): Promise<Listener> {
  const limit = descriptorLimit()
  const maxConnections = connectionsWithin(limit)
  if (limit !== null && maxConnections < settings.maxClients) {
    log.warn('limits.descriptors', { limit, maxConnections, maxClients: settings.maxClients })
  }
  return listen({
    host: settings.host,
    port: settings.port,
    maxConnections,
    onDropped: (remoteAddress) => {
      server.refuse(remoteAddress)
    },
    onConnection: (duplex, remoteAddress) => {
      log.debug('conn.open', { address: remoteAddress })
      server.accept(duplex, remoteAddress)
    },
    onError: (error) => {
      log.error('conn.refused', { cause: error.message })
    },
  })
}
