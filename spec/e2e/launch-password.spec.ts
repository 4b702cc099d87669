// A launch password as an operator meets it: passwd and the start, in real processes, and what a thief of the disk reads.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import anyTest from 'ava'

import { Program, scratch, signUp, startServer } from '../helpers/programs.ts'

const test = anyTest.serial
const LOCAL = ['--host', '127.0.0.1', '--port', '0']

async function run(
  args: readonly string[],
  home: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | string; readonly out: string; readonly err: string }> {
  const program = new Program('securechat-server', args, { SECURECHAT_HOME: home, ...env })
  program.end()
  const code = await program.exited
  return { code, out: program.stdout, err: program.stderr }
}

async function everythingIn(dir: string): Promise<ReadonlyMap<string, Buffer>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return new Map(
    await Promise.all(
      files.map(async (entry) => {
        const path = join(entry.parentPath, entry.name)
        return [path, await readFile(path)] as const
      }),
    ),
  )
}

test('under a launch password: nobody without it starts, and nothing on the disk says who is there', async (t) => {
  const home = await scratch(t)
  const serverHome = join(home, 'server')
  const first = await startServer(t, serverHome)
  await signUp(t, first, home, 'aurelia', ['--name', 'Aurelia Display-Name'])
  const basil = await signUp(t, first, home, 'basilius')
  basil.line('@aurelia a-word-to-look-for')
  basil.end()
  t.is(await basil.exited, 0, basil.all)
  t.is(await first.program.kill('SIGTERM'), 0)

  const masterFile = await readFile(join(serverHome, 'keys', 'server.store-key'))
  const [right, wrong] = [join(home, 'right'), join(home, 'wrong')]
  await writeFile(right, 'a launch password\n')
  await writeFile(wrong, 'another launch password\n')
  t.is((await run(['passwd'], serverHome)).code, 2)
  const set = await run(['passwd', '--new-password-file', right], serverHome)
  t.is(set.code, 0, set.err)
  t.regex(set.out, /^The launch password is set\./)

  const before = await everythingIn(serverHome)
  const refused = await run([...LOCAL, '--launch-password-file', wrong], serverHome)
  t.is(refused.code, 77)
  t.regex(refused.err, /^securechat-server: Wrong launch password\. Nothing was changed\.\n$/)
  const missing = await run(LOCAL, serverHome)
  t.is(missing.code, 77)
  t.regex(missing.err, /protected by a launch password.*--launch-password-file/)
  const notMine = ['passwd', '--launch-password-file', wrong, '--remove']
  t.is((await run(notMine, serverHome)).code, 77)
  t.deepEqual(await everythingIn(serverHome), before)

  const words = [
    'aurelia',
    'basilius',
    'Aurelia',
    'Display-Name',
    'a-word-to-look-for',
    '127.0.0.1',
  ]
  const secrets = [...words.map((word) => Buffer.from(word)), masterFile.subarray(-64, -32)]
  for (const [path, bytes] of before) {
    for (const secret of secrets) {
      for (const form of [secret, secret.toString('hex'), secret.toString('base64').slice(0, -4)]) {
        t.false(form.length > 4 && bytes.includes(form), `${path}: ${secret.toString('latin1')}`)
      }
      t.false(path.slice(serverHome.length).includes(secret.toString('latin1')), path)
    }
  }

  const again = await startServer(t, serverHome, ['--launch-password-file', right])
  t.is(again.uri.split('#')[1], first.uri.split('#')[1])
  t.is(await again.program.kill('SIGTERM'), 0)

  const credentials = join(home, 'credentials')
  const removed = await run(['passwd', '--remove', '--launch-password-file', right], serverHome)
  t.is(removed.code, 0, removed.err)
  t.is((await run(['passwd', '--new-password-file', credentials], serverHome)).code, 66)
  const free = await startServer(t, serverHome)
  t.is(free.uri.split('#')[1], first.uri.split('#')[1])
  t.is(await free.program.kill('SIGTERM'), 0)
})

test('move says what is missing while the server still runs, and ends it only then', async (t) => {
  const home = await scratch(t)
  const serverHome = join(home, 'server')
  const right = join(home, 'right')
  await writeFile(right, 'a launch password\n')
  await (await startServer(t, serverHome)).program.kill('SIGTERM')
  t.is((await run(['passwd', '--new-password-file', right], serverHome)).code, 0)
  const given = ['--launch-password-file', right]
  const { program } = await startServer(t, serverHome, given)

  const file = join(home, 'moved')
  const move = (...words: string[]) => run(['move', ...words, '--yes'], serverHome)
  t.is((await move(file)).code, 77)
  t.is((await move(join(home, 'none', 'moved'), ...given)).code, 66)
  t.is((await move(right, ...given)).code, 66)
  t.is((await move(file, ...given, '--keys', join(home, 'no-keys'))).code, 78)
  const status = await run(['status', '--json'], serverHome)
  t.like(JSON.parse(status.out), { running: true })

  const done = await move(file, ...given)
  t.is(done.code, 0, done.err)
  t.is(await program.exited, 0)
  t.regex((await run(LOCAL, serverHome)).err, /has moved/)
})
