// A checkout that was never compiled: it compiles itself once, and what keeps it from that is a sentence with what to do.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import anyTest from 'ava'

import { scratch } from '../helpers/programs.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const test = anyTest.serial

type Teardown = Parameters<typeof scratch>[0]

/** As after a clone. */
async function checkout(t: Teardown, ...linked: readonly string[]): Promise<string> {
  const root = await scratch(t)
  await cp(join(ROOT, 'bin'), join(root, 'bin'), { recursive: true })
  await cp(join(ROOT, 'package.json'), join(root, 'package.json'))
  for (const name of ['lib', ...linked]) await symlink(join(ROOT, name), join(root, name))
  return root
}

/** `kilobytes`: no file may grow beyond, which looks like a full disk. */
function version(
  root: string,
  kilobytes?: number,
): Promise<{ readonly code: unknown; readonly out: string; readonly err: string }> {
  const limit = kilobytes === undefined ? '' : `ulimit -f ${String(2 * kilobytes)}; `
  const args = ['-c', `${limit}exec "$0" --version`, join(root, 'bin', 'securechat')]
  return new Promise((resolve) => {
    execFile('sh', args, { env: { PATH: process.env['PATH'] } }, (error, out, err) => {
      resolve({ code: error?.code ?? 0, out, err })
    })
  })
}

const NAMES = ['bin', 'lib', 'package.json']
const SENTENCE = /^SecureChat cannot start: [^\n]*\n$/

test('two programs started at the same time compile it, and nothing else is left', async (t) => {
  const root = await checkout(t, 'node_modules')
  for (const { code, out, err } of await Promise.all([version(root), version(root)])) {
    t.is(code, 0, err)
    t.regex(out, /^securechat \d/)
    t.is(err, '')
  }
  t.deepEqual((await readdir(root)).sort(), ['bin', 'dist', 'lib', 'node_modules', 'package.json'])
  await rm(join(root, 'node_modules'))
  const { code, err } = await version(root)
  t.is(code, 78)
  t.regex(err, SENTENCE)
  t.regex(err, /npm ci/)
})

test('what compiled it is gone while it runs', async (t) => {
  const root = await checkout(t, 'node_modules')
  const server = spawn(
    join(root, 'bin', 'securechat-server'),
    ['--host', '127.0.0.1', '--port', '0'],
    {
      env: { PATH: process.env['PATH'], SECURECHAT_HOME: await scratch(t) },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  t.teardown(() => server.kill('SIGKILL'))
  await printed(server, 'server.listening')
  const pid = String(server.pid)
  // Only Linux tells.
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  t.is(children, '')
})

test('without the tools that compile', async (t) => {
  const root = await checkout(t)
  const { code, err } = await version(root)
  t.is(code, 78)
  t.regex(err, SENTENCE)
  t.regex(err, /npm ci && npm run build/)
  t.deepEqual((await readdir(root)).sort(), NAMES)
})

test('without room', async (t) => {
  const root = await checkout(t, 'node_modules')
  const { code, err } = await version(root, 16)
  t.is(code, 75)
  t.regex(err, SENTENCE)
  t.regex(err, /disk is full/)
  t.deepEqual((await readdir(root)).sort(), ['bin', 'lib', 'node_modules', 'package.json'])
  t.is((await version(root)).code, 0)
})

function printed(program: ChildProcess, words: string): Promise<void> {
  let text = ''
  return new Promise((resolve, reject) => {
    program.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (text.includes(words)) resolve()
    })
    program.once('exit', () => {
      reject(new Error(text))
    })
  })
}
