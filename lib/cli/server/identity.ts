// The long-lived keys of a server (PROTOCOL 3): made on its first start, read on every other. keys/README.md explains the
// files. Knows nothing of the data that belongs to them; data-folder.ts decides whether new keys may be made.
import { join } from 'node:path'

import { createSetup, opaqueReady } from '../../crypto/opaque.ts'
import { RsaPrivateKey } from '../../crypto/rsa.ts'
import type { ScryptCost } from '../../crypto/scrypt.ts'
import type { ChainLink } from '../../identity/server-cert.ts'
import { checkSuccession } from '../../identity/succession.ts'
import { b, bRange, exact, list, lit, type Shape } from '../../protocol/shape.ts'
import type { Bytes } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import { createKey, readKey, replaceKey } from './key-format.ts'
import { closeFolder, refuseSharedFolder } from './keys-folder.ts'
import {
  isLocked,
  type LaunchPassword,
  lockable,
  type LockedKey,
  type LockedMaster,
  lockKey,
  lockMaster,
  MASTER,
  newMaster,
  openKey,
  openMaster,
  type PlainMaster,
} from './master-key.ts'

export interface ServerKeys {
  /** H(first identity key): what clients pin. */
  readonly srv: Buffer
  readonly sik: RsaPrivateKey
  /** Former identity keys, oldest first; empty until there is a succession. */
  readonly chain: readonly ChainLink[]
  readonly opaqueSetup: Bytes
  /** What the lines of the store are sealed under. */
  readonly storeKey: Bytes
}

interface IdentityFile {
  readonly k: 'server-identity'
  readonly key: Bytes
  readonly former: readonly ChainLink[]
}
interface OpaqueFile {
  readonly k: 'server-opaque'
  readonly key: Bytes
}

const SIK_BITS = 3072
const IDENTITY: Shape<IdentityFile> = exact({
  k: lit('server-identity'),
  key: bRange(1, 4096),
  former: list(exact({ ik: b(422), sig: b(384) }), 3),
})
const OPAQUE: Shape<OpaqueFile> = exact({ k: lit('server-opaque'), key: b(128) })
const NAMES = {
  identity: 'server.identity',
  opaque: 'server.opaque',
  store: 'server.store-key',
} as const

export const KEY_FILES: readonly string[] = Object.values(NAMES)

interface Found {
  readonly identity: IdentityFile | LockedKey | null
  readonly opaque: OpaqueFile | LockedKey | null
  readonly store: PlainMaster | LockedMaster | null
}
type Whole = { readonly [K in keyof Found]: NonNullable<Found[K]> }

function paths(dir: string): { readonly [K in keyof Found]: string } {
  return {
    identity: join(dir, NAMES.identity),
    opaque: join(dir, NAMES.opaque),
    store: join(dir, NAMES.store),
  }
}

async function read(dir: string): Promise<Found> {
  const path = paths(dir)
  const [identity, opaque, store] = await Promise.all([
    readKey(path.identity, lockable(IDENTITY)),
    readKey(path.opaque, lockable(OPAQUE)),
    readKey(path.store, MASTER),
  ])
  return { identity, opaque, store }
}

function whole({ identity, opaque, store }: Found): Whole | null {
  return identity === null || opaque === null || store === null ? null : { identity, opaque, store }
}

/**
 * Whoever comes second finds the file of whoever was first: what exists is kept. Under a launch password (`protect`: of a server
 * that is new) nothing lies on the disk as it is, not for a moment: the master key goes first, and what is made with it is
 * sealed under it. Resolves to that key, null without a launch password.
 */
async function make(
  dir: string,
  found: Found,
  password: LaunchPassword,
  protect: string | null,
): Promise<Bytes | null> {
  if (whole(found) !== null) return null
  const path = paths(dir)
  if (found.store === null && (isLocked(found.identity) || isLocked(found.opaque))) {
    fail(
      'E_CONFIG',
      `${path.store} is missing, and the other keys beside it cannot be opened without it. ` +
        'Put it back from your backup; nothing was changed.',
    )
  }
  await refuseSharedFolder(dir)
  let master: Bytes | null = null
  if (found.store?.k === 'server-store-key-locked') master = await openMaster(found.store, password)
  else if (found.store === null && protect !== null) {
    const { key } = newMaster()
    if (await createKey(path.store, await lockMaster(key, protect))) master = key
  }
  const create = (
    name: 'identity' | 'opaque',
    value: IdentityFile | OpaqueFile,
  ): Promise<unknown> =>
    createKey(path[name], master === null ? value : lockKey(master, NAMES[name], value))
  if (found.identity === null) {
    const sik = await RsaPrivateKey.generate(SIK_BITS)
    await create('identity', { k: 'server-identity', key: sik.exportPkcs8(), former: [] })
  }
  if (found.opaque === null) {
    await opaqueReady()
    await create('opaque', { k: 'server-opaque', key: createSetup() })
  }
  if (found.store === null && protect === null) await createKey(path.store, newMaster())
  return master
}

function use(files: Whole, dir: string, master: Bytes): ServerKeys {
  const identity = openKey(master, NAMES.identity, IDENTITY, files.identity)
  const opaque = openKey(master, NAMES.opaque, OPAQUE, files.opaque)
  try {
    const sik = RsaPrivateKey.fromPkcs8(identity.key, SIK_BITS)
    const former = identity.former
    const { origin } = checkSuccession(
      'server-succ',
      [],
      [...former.map((link) => link.ik), sik.publicKey.spki],
      former.map((link) => link.sig),
    )
    return { srv: origin, sik, chain: former, opaqueSetup: opaque.key, storeKey: master }
  } catch (cause) {
    return fail('E_CORRUPT', `${paths(dir).identity} does not hold a server identity.`, cause)
  }
}

/**
 * Null when one of the three files is missing. `password` is asked only when they are protected by one.
 *
 * @throws E_AUTH E_CORRUPT E_FILE
 */
export async function loadServerKeys(
  dir: string,
  password: LaunchPassword = noPassword,
): Promise<ServerKeys | null> {
  const files = whole(await read(dir))
  if (files === null) return null
  await closeFolder(dir)
  return use(files, dir, await openMaster(files.store, password))
}

/**
 * As loadServerKeys, after making what is missing: a second or two. Existing files stay as they are. `protect`: the launch
 * password of a server that is new.
 */
export async function makeServerKeys(
  dir: string,
  password: LaunchPassword = noPassword,
  protect: string | null = null,
): Promise<ServerKeys> {
  const master = await make(dir, await read(dir), password, protect)
  const files = whole(await read(dir)) ?? fail('E_FILE', `The keys just made in ${dir} are gone.`)
  return use(files, dir, master ?? (await openMaster(files.store, password)))
}

/** Whether a launch password protects them; null when one of the three files is missing. @throws E_CORRUPT E_FILE */
export async function isProtected(dir: string): Promise<boolean | null> {
  const files = whole(await read(dir))
  return files === null ? null : files.store.k === 'server-store-key-locked'
}

/**
 * Sets, changes or (null) removes the launch password. Every file is replaced whole, and server.store-key last: until then
 * the old password opens all of them, from then on the new one. A removed password leaves the other two sealed under
 * what now lies beside them. 'none': there was none to remove. A running server is not disturbed.
 *
 * @throws E_AUTH E_CONFIG E_CORRUPT E_FILE E_DISK_FULL
 */
export async function changeLaunchPassword(
  dir: string,
  current: LaunchPassword,
  next: () => Promise<string | null>,
  cost?: ScryptCost,
): Promise<'set' | 'removed' | 'none'> {
  const path = paths(dir)
  const files = whole(await read(dir))
  if (files === null) {
    fail('E_CONFIG', `There are no keys of a server in ${dir} yet. Start it once, or name --keys.`)
  }
  const { storeKey } = use(files, dir, await openMaster(files.store, current))
  const password = await next()
  if (password === null) {
    if (files.store.k === 'server-store-key') return 'none'
    await replaceKey(path.store, { k: 'server-store-key', key: storeKey })
    return 'removed'
  }
  const store = await lockMaster(storeKey, password, cost)
  for (const name of ['identity', 'opaque'] as const) {
    const file = files[name]
    if (!isLocked(file)) await replaceKey(path[name], lockKey(storeKey, NAMES[name], file))
  }
  await replaceKey(path.store, store)
  return 'set'
}

const noPassword: LaunchPassword = () => Promise.resolve(null)
