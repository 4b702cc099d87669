// Folders on disks that do not behave.
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import { errnoOf, makeFolder, openError } from '../../lib/storage/durable.ts'

test('missing parents are made, private, once or several at a time', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'securechat-spec-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const path = join(root, 'a', 'b', 'c')
  await Promise.all([makeFolder(path), makeFolder(path), makeFolder(join(root, 'a', 'b', 'd'))])
  await makeFolder(path)
  for (const folder of [path, join(root, 'a', 'b', 'd'), join(root, 'a')]) {
    t.is((await stat(folder)).mode & 0o777, 0o700)
  }
})

test('what cannot be a folder is an error, not a wait without end', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'securechat-spec-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  await writeFile(join(root, 'file'), '')
  const errno = (path: string): Promise<string | undefined> =>
    makeFolder(path).then(() => undefined, errnoOf)
  t.is(await errno(join(root, 'file')), 'EEXIST')
  t.is(await errno(join(root, 'file', 'below')), 'ENOTDIR')
  t.not(await errno('/proc/securechat-spec/below'), undefined)
})

test('what the system forbids to open is told from what another try may cure', (t) => {
  const codeFor = (errno: string): string =>
    openError(Object.assign(new Error(errno), { code: errno }), '/a/path').code
  for (const errno of ['EACCES', 'EPERM', 'EROFS']) t.is(codeFor(errno), 'E_FILE')
  t.is(codeFor('EIO'), 'E_STORE')
  t.is(codeFor('ENOSPC'), 'E_DISK_FULL')
})
