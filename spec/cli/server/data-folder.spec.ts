import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import { claim, DATA_FORMAT, ownerOf } from '../../../lib/cli/server/data-folder.ts'

async function scratch(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'securechat-data-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const SRV = Buffer.alloc(32, 0xab)

test('a folder belongs to whoever claims it first, for ever', async (t) => {
  const dir = join(await scratch(t), 'new', 'data')
  t.is(await ownerOf(dir), null)
  t.true(await claim(dir, SRV))
  t.false(await claim(dir, Buffer.alloc(32, 0xcd)))
  t.is(await ownerOf(dir), 'ab'.repeat(32))
  t.deepEqual(await readdir(dir), ['server.json'])
  t.is((await stat(dir)).mode & 0o777, 0o700)
  t.is((await stat(join(dir, 'server.json'))).mode & 0o777, 0o600)
})

test('of several claims at once exactly one holds', async (t) => {
  const dir = await scratch(t)
  const claims = await Promise.all([1, 2, 3, 4, 5].map((n) => claim(dir, Buffer.alloc(32, n))))
  t.is(claims.filter(Boolean).length, 1)
  t.is(await ownerOf(dir), `0${String(claims.indexOf(true) + 1)}`.repeat(32))
  t.deepEqual(await readdir(dir), ['server.json'])
})

test('an empty folder of a fresh disk may be used, one with foreign files is left alone', async (t) => {
  const dir = await scratch(t)
  await mkdir(join(dir, 'lost+found'))
  await writeFile(join(dir, '.keep'), '')
  t.is(await ownerOf(dir), null)
  await writeFile(join(dir, 'thesis.doc'), 'x')
  await chmod(dir, 0o755)
  const error = await t.throwsAsync(ownerOf(dir), { code: 'E_CONFIG' })
  t.true(error.message.includes('thesis.doc'))
  t.is((await stat(dir)).mode & 0o777, 0o755)
})

test('a note of a newer program, a damaged note and a file instead of a folder are refused', async (t) => {
  const dir = await scratch(t)
  const note = (text: string): Promise<void> => writeFile(join(dir, 'server.json'), text)
  const srv = 'ab'.repeat(32)
  await note(JSON.stringify({ format: DATA_FORMAT + 1, srv }))
  await t.throwsAsync(ownerOf(dir), { code: 'E_CONFIG' })
  const damaged = [
    '',
    '{}',
    '[]',
    'null',
    '{"format":1',
    JSON.stringify({ format: 1, srv: 'AB' }),
    JSON.stringify({ format: '1', srv }),
    JSON.stringify({ format: 0, srv }),
  ]
  for (const text of damaged) {
    await note(text)
    await t.throwsAsync(ownerOf(dir), { code: 'E_CORRUPT' }, text)
  }
  await t.throwsAsync(ownerOf(join(dir, 'server.json')), { code: 'E_FILE' })
  await t.throwsAsync(claim(join(dir, 'server.json', 'x'), SRV), { code: 'E_FILE' })
})
