// A document is whole under its name or not there at all, and nothing that was there is harmed.
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test, { type ExecutionContext } from 'ava'

import { writeNewFile } from '../../lib/cli/new-file.ts'

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'securechat-export-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function* parts(...texts: readonly string[]): AsyncGenerator<string> {
  for (const text of texts) yield await Promise.resolve(text)
}

test('written privately, under the full path, however long it is', async (t) => {
  const path = join(await folder(t), 'chat.md')
  const long = 'ä'.repeat(100_000)
  t.is(await writeNewFile(path, parts('# chat\n', long, '\n', long), { replace: false }), path)
  t.is(await readFile(path, 'utf8'), `# chat\n${long}\n${long}`)
  t.is((await stat(path)).mode & 0o777, 0o600)
})

test('an existing file is replaced only when asked to', async (t) => {
  const dir = await folder(t)
  const path = join(dir, 'chat.md')
  await writeFile(path, 'mine')
  await t.throwsAsync(writeNewFile(path, parts('new'), { replace: false }), { code: 'E_FILE' })
  t.is(await readFile(path, 'utf8'), 'mine')
  await writeNewFile(path, parts('new'), { replace: true })
  t.is(await readFile(path, 'utf8'), 'new')
  t.deepEqual(await readdir(dir), ['chat.md'])
})

test('a file that appears meanwhile is not replaced', async (t) => {
  const dir = await folder(t)
  const path = join(dir, 'chat.md')
  async function* slow(): AsyncGenerator<string> {
    await writeFile(path, 'theirs')
    yield 'mine'
  }
  await t.throwsAsync(writeNewFile(path, slow(), { replace: false }), { code: 'E_FILE' })
  t.is(await readFile(path, 'utf8'), 'theirs')
  t.deepEqual(await readdir(dir), ['chat.md'])
})

test('a failure in the middle leaves nothing behind, and the old file alone', async (t) => {
  const dir = await folder(t)
  const path = join(dir, 'chat.md')
  await writeFile(path, 'old')
  async function* broken(): AsyncGenerator<string> {
    yield await Promise.resolve('half')
    throw new TypeError('the store broke')
  }
  await t.throwsAsync(writeNewFile(path, broken(), { replace: true }), { instanceOf: TypeError })
  t.is(await readFile(path, 'utf8'), 'old')
  t.deepEqual(await readdir(dir), ['chat.md'])
})

test('a folder, a missing folder, a link, a name that is too long', async (t) => {
  const dir = await folder(t)
  await mkdir(join(dir, 'sub'))
  await writeFile(join(dir, 'target'), 'mine')
  await symlink(join(dir, 'target'), join(dir, 'link'))
  for (const replace of [false, true]) {
    for (const name of ['sub', 'none/chat.md', 'link', 'x'.repeat(300)]) {
      const write = writeNewFile(join(dir, name), parts('x'), { replace })
      await t.throwsAsync(write, { code: 'E_FILE' }, name)
    }
  }
  t.is(await readFile(join(dir, 'target'), 'utf8'), 'mine')
  t.deepEqual((await readdir(dir)).sort(), ['link', 'sub', 'target'])
})
