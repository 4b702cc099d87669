// The operator's commands on a disk without room: a sentence, exit code 75, nothing half-made, and what was there is as it was.
import { chmod, cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import anyTest from 'ava'

import { OWN_PORT, scratch } from '../helpers/programs.ts'

const BIN = fileURLToPath(new URL('../../bin/securechat-server', import.meta.url))
const FIXTURES = new URL('../fixtures/', import.meta.url)
const test = anyTest.serial

/** No file may grow beyond so many KiB, which looks like a full disk; null: it may. */
function run(
  kilobytes: number | null,
  home: string,
  ...words: string[]
): Promise<{ readonly code: unknown; readonly err: string }> {
  const limit = kilobytes === null ? '' : `ulimit -f ${String(2 * kilobytes)}; `
  const args = ['-c', `${limit}exec "$0" "$@"`, BIN, ...words]
  const env = { PATH: process.env['PATH'], SECURECHAT_HOME: home }
  return new Promise((resolve) => {
    execFile('sh', args, { env }, (error, _out, err) => {
      resolve({ code: error?.code ?? 0, err })
    })
  })
}

async function filesIn(dir: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'LOCK') continue
    const path = join(entry.parentPath, entry.name)
    found.set(path.slice(dir.length), (await readFile(path)).toString('base64'))
  }
  return found
}

const FULL = /^securechat-server: .*disk is (nearly )?full.*\n$/i

test('setup', async (t) => {
  const home = await scratch(t)
  const words = ['setup', '--yes', '--host', '127.0.0.1', '--port', String(OWN_PORT)]
  const { code, err } = await run(0, home, ...words)
  t.is(code, 75, err)
  t.regex(err, FULL)
  t.deepEqual(await filesIn(home), new Map())
})

test('backup and restore', async (t) => {
  const [home, other, out] = [await scratch(t), await scratch(t), await scratch(t)]
  const keys = join(home, 'keys')
  await cp(fileURLToPath(new URL('server-keys', FIXTURES)), keys, { recursive: true })
  for (const name of await readdir(keys)) await chmod(join(keys, name), 0o600)
  await mkdir(join(home, 'data'))
  const from = fileURLToPath(new URL('data-format-1', FIXTURES))
  await cp(from, join(home, 'data', 'server'), { recursive: true })

  const file = join(out, 'backup')
  const full = await run(20, home, 'backup', file)
  t.is(full.code, 75, full.err)
  t.regex(full.err, FULL)
  t.deepEqual(await readdir(out), [])
  const made = await run(null, home, 'backup', file)
  t.is(made.code, 0, made.err)
  const saved = await filesIn(home)
  t.true(saved.delete('/data/server/last-backup.json'))

  const half = await run(8, other, 'restore', file)
  t.is(half.code, 75, half.err)
  t.regex(half.err, FULL)
  t.deepEqual(await filesIn(other), new Map())
  const restored = await run(null, other, 'restore', file)
  t.is(restored.code, 0, restored.err)
  t.deepEqual(await filesIn(other), saved)
})
