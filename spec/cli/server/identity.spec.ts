import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import { loadServerKeys, makeServerKeys } from '../../../lib/cli/server/identity.ts'
import { createKey } from '../../../lib/cli/server/key-format.ts'
import { sha256 } from '../../../lib/crypto/hash.ts'
import { createSetup, opaqueReady } from '../../../lib/crypto/opaque.ts'
import { signSuccession } from '../../../lib/identity/succession.ts'
import { hex } from '../../../lib/util/bytes.ts'
import { rsa3072 } from '../../helpers/keys.ts'

const FILES = ['server.identity', 'server.opaque', 'server.store-key']

async function scratch(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'securechat-keys-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return join(dir, 'keys')
}

/** keys/ of a server whose identity is the fixed key number `index`. */
async function fixedKeys(dir: string, index = 0): Promise<void> {
  await opaqueReady()
  const key = rsa3072(index).exportPkcs8()
  await createKey(join(dir, 'server.identity'), { k: 'server-identity', key, former: [] })
  await createKey(join(dir, 'server.opaque'), { k: 'server-opaque', key: createSetup() })
  await createKey(join(dir, 'server.store-key'), {
    k: 'server-store-key',
    key: Buffer.alloc(32, 5),
  })
}

async function contents(dir: string): Promise<string> {
  return hex(Buffer.concat(await Promise.all(FILES.map((name) => readFile(join(dir, name))))))
}

test('a first start makes three private files, later ones read them and change nothing', async (t) => {
  const dir = await scratch(t)
  t.is(await loadServerKeys(dir), null)
  const made = await makeServerKeys(dir)
  t.deepEqual((await readdir(dir)).sort(), FILES)
  t.is((await stat(dir)).mode & 0o777, 0o700)
  for (const name of FILES) t.is((await stat(join(dir, name))).mode & 0o777, 0o600)
  t.deepEqual(made.srv, sha256(made.sik.publicKey.spki))
  t.is(made.opaqueSetup.length, 128)
  t.is(made.storeKey.length, 32)

  const before = await contents(dir)
  const loaded = await loadServerKeys(dir)
  t.deepEqual(loaded?.srv, made.srv)
  t.deepEqual(loaded?.opaqueSetup, made.opaqueSetup)
  t.deepEqual(loaded?.storeKey, made.storeKey)
  t.deepEqual((await makeServerKeys(dir)).srv, made.srv)
  t.is(await contents(dir), before)
})

test('a folder that others use is neither closed to them nor given keys; one of ours alone is closed', async (t) => {
  const shared = await scratch(t)
  await mkdir(shared)
  await writeFile(join(shared, 'thesis.doc'), '')
  await chmod(shared, 0o755)
  const error = await t.throwsAsync(makeServerKeys(shared), { code: 'E_CONFIG' })
  t.true(error.message.includes('thesis.doc'))
  t.deepEqual(await readdir(shared), ['thesis.doc'])
  t.is((await stat(shared)).mode & 0o777, 0o755)

  const own = await scratch(t)
  await fixedKeys(own)
  await chmod(own, 0o755)
  t.not(await loadServerKeys(own), null)
  t.is((await stat(own)).mode & 0o777, 0o700)
  await writeFile(join(own, 'thesis.doc'), '')
  await chmod(own, 0o755)
  t.not(await loadServerKeys(own), null) // it was so before; doctor shows it
  t.is((await stat(own)).mode & 0o777, 0o755)
  await chmod(own, 0o700)
  await rm(join(own, 'server.opaque'))
  t.not(await makeServerKeys(own), null) // closed already: nobody is shut out
})

test('what is missing is made, what is there stays', async (t) => {
  const dir = await scratch(t)
  await fixedKeys(dir)
  await rm(join(dir, 'server.opaque'))
  const identity = await readFile(join(dir, 'server.identity'))
  t.is(await loadServerKeys(dir), null)
  t.deepEqual((await makeServerKeys(dir)).sik.publicKey.spki, rsa3072(0).publicKey.spki)
  t.deepEqual(await readFile(join(dir, 'server.identity')), identity)
})

test('a succession keeps the origin; one that is not signed is refused', async (t) => {
  const [first, second] = [rsa3072(0), rsa3072(1)]
  const origin = sha256(first.publicKey.spki)
  const next = {
    label: 'server-succ',
    bind: [],
    origin,
    j: 1,
    spki: second.publicKey.spki,
  } as const
  const sig = await signSuccession(first, next)
  const dir = await scratch(t)
  await fixedKeys(dir, 1)
  const path = join(dir, 'server.identity')
  const identity = (former: unknown) => ({
    k: 'server-identity',
    key: second.exportPkcs8(),
    former,
  })
  await rm(path)
  await createKey(path, identity([{ ik: first.publicKey.spki, sig }]))
  const keys = await loadServerKeys(dir)
  t.deepEqual(keys?.srv, origin)
  t.is(keys?.chain.length, 1)
  await rm(path)
  await createKey(path, identity([{ ik: first.publicKey.spki, sig: Buffer.alloc(384) }]))
  await t.throwsAsync(loadServerKeys(dir), { code: 'E_CORRUPT' })
})

test('any damaged byte, a cut, an exchanged or an empty file is refused by name and left as it is', async (t) => {
  const dir = await scratch(t)
  await fixedKeys(dir)
  for (const name of FILES) {
    const path = join(dir, name)
    const good = await readFile(path)
    const step = Math.ceil(good.length / 40)
    const bad = [
      Buffer.alloc(0),
      good.subarray(0, 20),
      good.subarray(0, -1),
      Buffer.concat([good, good]),
    ]
    for (let at = 0; at < good.length; at += step) {
      const copy = Buffer.from(good)
      copy.writeUInt8(copy.readUInt8(at) ^ 1, at)
      bad.push(copy)
    }
    bad.push(await readFile(join(dir, FILES.find((other) => other !== name) ?? '')))
    for (const bytes of bad) {
      await writeFile(path, bytes)
      const error = await t.throwsAsync(loadServerKeys(dir), { code: 'E_CORRUPT' })
      t.true(error.message.includes(path))
      await t.throwsAsync(makeServerKeys(dir), { code: 'E_CORRUPT' })
      t.deepEqual(await readFile(path), Buffer.from(bytes))
    }
    await writeFile(path, good)
  }
  t.not(await loadServerKeys(dir), null)
})

test('keys that others can read are closed to them, keys that others can write are not trusted', async (t) => {
  const dir = await scratch(t)
  await fixedKeys(dir)
  const path = join(dir, 'server.store-key')
  await chmod(path, 0o644)
  t.not(await loadServerKeys(dir), null)
  t.is((await stat(path)).mode & 0o777, 0o600)
  await chmod(path, 0o660)
  await t.throwsAsync(loadServerKeys(dir), { code: 'E_FILE' })
  await rm(path)
  await symlink('/etc/hostname', path)
  await t.throwsAsync(loadServerKeys(dir), { code: 'E_FILE' })
})
