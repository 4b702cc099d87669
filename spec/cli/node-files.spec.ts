import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import { createNodeFiles } from '../../lib/cli/node-files.ts'
import { bundled } from '../helpers/bundled.ts'

async function setUp(t: { teardown(fn: () => Promise<void>): void }) {
  const dir = await mkdtemp(join(tmpdir(), 'securechat-files-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const downloads = join(dir, 'downloads')
  return { dir, downloads, files: createNodeFiles(downloads) }
}

test('a download is created once, written, read back, resumed and named without replacing', async (t) => {
  const { downloads, files } = await setUp(t)
  const part = await files.openDownload('doc.pdf.part', 'create')
  t.is(await files.openDownload('doc.pdf.part', 'create'), null)
  await part?.write(2, Buffer.from('cd'))
  await part?.write(0, Buffer.from('ab'))
  await part?.sync()
  await part?.close()
  const again = await files.openDownload('doc.pdf.part', 'resume')
  t.is(again?.size, 4)
  t.deepEqual(Buffer.from((await again?.read(0, 99)) ?? []), Buffer.from('abcd'))
  await again?.close()
  await writeFile(join(downloads, 'doc.pdf'), 'mine')
  t.is(await files.renameDownload('doc.pdf.part', 'doc.pdf'), null)
  t.is(await files.renameDownload('doc.pdf.part', 'doc (1).pdf'), join(downloads, 'doc (1).pdf'))
  t.is(await readFile(join(downloads, 'doc.pdf'), 'utf8'), 'mine')
  t.is(await files.openDownload('doc.pdf.part', 'resume'), null)
  t.is((await stat(join(downloads, 'doc (1).pdf'))).mode & 0o777, 0o600)
  t.true(((await files.freeBytes()) ?? 0) > 0)
})

test('no name leaves the folder, and no link is followed', async (t) => {
  const { dir, downloads, files } = await setUp(t)
  for (const name of ['../x', '/etc/passwd', 'a/b', '.', '..', '', 'a\0b']) {
    await t.throwsAsync(async () => files.openDownload(name, 'create'), { code: 'E_FILE' }, name)
  }
  await files.openDownload('first', 'create').then((f) => f?.close())
  await symlink(join(dir, 'elsewhere'), join(downloads, 'link'))
  t.is(await files.openDownload('link', 'create'), null)
  await t.throwsAsync(files.openDownload('link', 'resume'), { code: 'E_FILE' })
})

test('what cannot be sent is a sentence', async (t) => {
  const { dir, files } = await setUp(t)
  execFileSync('mkfifo', [join(dir, 'pipe')])
  for (const path of [join(dir, 'none'), dir, join(dir, 'pipe'), '/dev/null']) {
    const error = await t.throwsAsync(files.openRead(path), { code: 'E_FILE' })
    t.true(error.message.includes(path))
  }
  await writeFile(join(dir, 'f'), 'hello')
  const reader = await files.openRead(join(dir, 'f'))
  t.is(reader.size, 5)
  t.deepEqual(Buffer.from(await reader.read(3, 10)), Buffer.from('lo'))
  await reader.close()
})

test('a disk without room says so', async (t) => {
  const { dir } = await setUp(t)
  // A limit on the size of files stands for a full disk: the same errno family, no root needed.
  const program = bundled(new URL('programs/download.ts', import.meta.url))
  const script = `ulimit -f 100; exec "$0" "$@"`
  const out = execFileSync('bash', ['-c', script, process.execPath, program, dir], {
    encoding: 'utf8',
  })
  t.regex(out, /^E_DISK_FULL .*Free some space/)
})
