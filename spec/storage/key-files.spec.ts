import { chmod, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'

import { readKeyFile, writeKeyFile } from '../../lib/storage/key-files.ts'
import { bytes, temporaryFolder } from './helpers.ts'

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}

test('a key file is written whole, private, and read back; a missing one is null', async (t) => {
  const dir = join(await temporaryFolder(t), 'a', 'keys')
  const path = join(dir, 'server.key')
  t.is(await readKeyFile(path), null)
  await writeKeyFile(path, bytes('secret'))
  t.deepEqual(await readKeyFile(path), bytes('secret'))
  t.is(await modeOf(path), 0o600)
  t.is(await modeOf(dir), 0o700)
  await writeKeyFile(path, bytes('other'))
  t.deepEqual(await readKeyFile(path), bytes('other'))
  t.deepEqual(await readdir(dir), ['server.key'])
})

test('a folder or file that others can read is closed to them', async (t) => {
  const dir = join(await temporaryFolder(t), 'keys')
  await mkdir(dir, { mode: 0o755 })
  const path = join(dir, 'k')
  await writeFile(path, 'secret', { mode: 0o644 })
  await chmod(path, 0o644)
  t.deepEqual(await readKeyFile(path), bytes('secret'))
  t.is(await modeOf(path), 0o600)
  await chmod(dir, 0o755)
  await writeKeyFile(path, bytes('secret'))
  t.is(await modeOf(dir), 0o700)
})

test('a file that others can change is refused, with the command that helps', async (t) => {
  const path = join(await temporaryFolder(t), 'k')
  await writeFile(path, 'secret')
  for (const mode of [0o620, 0o602, 0o666]) {
    await chmod(path, mode)
    const error = await t.throwsAsync(readKeyFile(path), { code: 'E_FILE' })
    t.true(error?.message.includes(`chmod 600 ${path}`))
    t.is(await modeOf(path), mode)
  }
})

test('links, folders, pipes and huge files are no keys', async (t) => {
  const dir = await temporaryFolder(t)
  await writeFile(join(dir, 'target'), 'secret', { mode: 0o600 })
  await symlink(join(dir, 'target'), join(dir, 'link'))
  await mkdir(join(dir, 'folder'), { mode: 0o700 })
  await writeFile(join(dir, 'huge'), Buffer.alloc(2 ** 20 + 1), { mode: 0o600 })
  for (const name of ['link', 'folder', 'huge']) {
    await t.throwsAsync(readKeyFile(join(dir, name)), { code: 'E_FILE' })
  }
  await t.throwsAsync(readKeyFile('/dev/null'), { code: 'E_FILE' })
})

test('a write that cannot succeed says so and leaves the old file', async (t) => {
  const dir = await temporaryFolder(t)
  await writeFile(join(dir, 'file'), 'in the way')
  await t.throwsAsync(writeKeyFile(join(dir, 'file', 'k'), bytes('x')), { code: 'E_FILE' })
  await mkdir(join(dir, 'k'))
  await t.throwsAsync(writeKeyFile(join(dir, 'k'), bytes('x')), { code: 'E_FILE' })
  t.deepEqual((await readdir(dir)).sort(), ['file', 'k'])
})
