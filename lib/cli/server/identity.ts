// The long-lived keys of a server (PROTOCOL 3): made on its first start, read on every other. keys/README.md explains the
// files. Knows nothing of the data that belongs to them; data-folder.ts decides whether new keys may be made.
import { join } from 'node:path'

import { createSetup, opaqueReady } from '../../crypto/opaque.ts'
import { randomBytes } from '../../crypto/random.ts'
import { RsaPrivateKey } from '../../crypto/rsa.ts'
import type { ChainLink } from '../../identity/server-cert.ts'
import { checkSuccession } from '../../identity/succession.ts'
import { b, bRange, exact, list, lit, type Shape } from '../../protocol/shape.ts'
import type { Bytes } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import { createKey, readKey } from './key-format.ts'

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
interface SecretFile<K> {
  readonly k: K
  readonly key: Bytes
}

const SIK_BITS = 3072
const STORE_KEY_BYTES = 32
const IDENTITY: Shape<IdentityFile> = exact({
  k: lit('server-identity'),
  key: bRange(1, 4096),
  former: list(exact({ ik: b(422), sig: b(384) }), 3),
})
const OPAQUE: Shape<SecretFile<'server-opaque'>> = exact({ k: lit('server-opaque'), key: b(128) })
const STORE: Shape<SecretFile<'server-store-key'>> = exact({
  k: lit('server-store-key'),
  key: b(STORE_KEY_BYTES),
})

interface Found {
  readonly identity: IdentityFile | null
  readonly opaque: SecretFile<'server-opaque'> | null
  readonly store: SecretFile<'server-store-key'> | null
}

function paths(dir: string): { readonly [K in keyof Found]: string } {
  return {
    identity: join(dir, 'server.identity'),
    opaque: join(dir, 'server.opaque'),
    store: join(dir, 'server.store-key'),
  }
}

async function read(dir: string): Promise<Found> {
  const path = paths(dir)
  const [identity, opaque, store] = await Promise.all([
    readKey(path.identity, IDENTITY),
    readKey(path.opaque, OPAQUE),
    readKey(path.store, STORE),
  ])
  return { identity, opaque, store }
}

/** Whoever comes second finds the file of whoever was first: what exists is kept. */
async function make(dir: string, found: Found): Promise<void> {
  const path = paths(dir)
  if (found.identity === null) {
    const sik = await RsaPrivateKey.generate(SIK_BITS)
    await createKey(path.identity, { k: 'server-identity', key: sik.exportPkcs8(), former: [] })
  }
  if (found.opaque === null) {
    await opaqueReady()
    await createKey(path.opaque, { k: 'server-opaque', key: createSetup() })
  }
  if (found.store === null) {
    await createKey(path.store, { k: 'server-store-key', key: randomBytes(STORE_KEY_BYTES) })
  }
}

function use({ identity, opaque, store }: Found, dir: string): ServerKeys | null {
  if (identity === null || opaque === null || store === null) return null
  try {
    const sik = RsaPrivateKey.fromPkcs8(identity.key, SIK_BITS)
    const former = identity.former
    const { origin } = checkSuccession(
      'server-succ',
      [],
      [...former.map((link) => link.ik), sik.publicKey.spki],
      former.map((link) => link.sig),
    )
    return { srv: origin, sik, chain: former, opaqueSetup: opaque.key, storeKey: store.key }
  } catch (cause) {
    return fail('E_CORRUPT', `${paths(dir).identity} does not hold a server identity.`, cause)
  }
}

/** Null when one of the three files is missing. @throws E_CORRUPT E_FILE */
export async function loadServerKeys(dir: string): Promise<ServerKeys | null> {
  return use(await read(dir), dir)
}

/** As loadServerKeys, after making what is missing: a second or two. Existing files stay as they are. */
export async function makeServerKeys(dir: string): Promise<ServerKeys> {
  await make(dir, await read(dir))
  return (await loadServerKeys(dir)) ?? fail('E_FILE', `The keys just made in ${dir} are gone.`)
}
