// bin/securechat-server as an operator meets it: first start, restart, and every way in which it can refuse to start.
import { execFile } from 'node:child_process'
import { chown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { spawn as spawnTerminal } from '@lydell/node-pty'
import anyTest from 'ava'

import { Program, scratch, startServer } from '../helpers/programs.ts'

const BIN = fileURLToPath(new URL('../../bin/securechat-server', import.meta.url))
// One after the other: each start uses both cores.
const test = anyTest.serial

const OTHER = 65_533
const LOCAL = ['--host', '127.0.0.1', '--port', '0']

/** Runs to its end; for starts that are refused. */
async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | string; readonly out: string; readonly err: string }> {
  const program = new Program('securechat-server', args, env)
  const code = await program.exited
  return { code, out: program.stdout, err: program.stderr }
}

test('a first start makes its keys, a restart keeps the identity, SIGTERM ends in order', async (t) => {
  const home = await scratch(t)
  const first = await startServer(t, home)
  t.regex(first.program.stdout, /keys\.generating/)
  t.regex(first.uri, /^securechat:\/\/127\.0\.0\.1:\d+\/#[a-z2-7]{52}$/)
  t.deepEqual((await readdir(join(home, 'keys'))).sort(), [
    'server.data.json',
    'server.identity',
    'server.opaque',
    'server.store-key',
  ])
  for (const folder of ['keys', 'data/server', 'data/server/store', 'data/server/files']) {
    t.is((await stat(join(home, folder))).mode & 0o777, 0o700, folder)
  }
  first.program.child.kill('SIGHUP')
  await first.program.waitFor(/server\.hangup/)
  t.is(await first.program.kill('SIGTERM'), 0)
  t.regex(first.program.stdout, /stop\.done/)
  t.is(first.program.stderr, '')
  for (const line of first.program.stdout.trimEnd().split('\n')) {
    t.notThrows(() => JSON.parse(line) as unknown, line)
  }

  const second = await startServer(t, home)
  t.is(second.uri.split('#')[1], first.uri.split('#')[1])
  t.notRegex(second.program.stdout, /keys\.generating/)
  t.is(await second.program.kill('SIGINT'), 0)
})

test('a second server on the same data is refused and told who has it', async (t) => {
  const home = await scratch(t)
  const { program } = await startServer(t, home)
  const { code, err } = await run(LOCAL, { SECURECHAT_HOME: home })
  t.is(code, 75)
  t.true(err.includes(`process ${String(program.child.pid)}`), err)
  t.is(await program.kill('SIGKILL'), 'SIGKILL')
  const after = await startServer(t, home) // the kernel dropped the lock
  t.is(await after.program.kill('SIGTERM'), 0)
})

test('a port that is in use, and an address that is not ours', async (t) => {
  const home = await scratch(t)
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => other.close())
  const address = other.address()
  const port = String(typeof address === 'object' ? (address?.port ?? 0) : 0)
  const env = { SECURECHAT_HOME: home }
  const inUse = await run(['--host', '127.0.0.1', '--port', port], env)
  t.is(inUse.code, 69)
  t.true(inUse.err.includes(port), inUse.err)
  const notOurs = await run(['--host', '203.0.113.77', '--port', '0'], env)
  t.is(notOurs.code, 69) // a unit tries again: at boot the address may come later
  t.regex(notOurs.err, /^securechat-server: .*203\.0\.113\.77/)
  const again = await startServer(t, home) // neither left a lock or a half-made folder behind
  t.is(await again.program.kill('SIGTERM'), 0)
})

test('wrong words and wrong configurations change nothing', async (t) => {
  const home = join(await scratch(t), 'home')
  const env = { SECURECHAT_HOME: home }
  const config = `${home}.json`
  t.is((await run(['--prot', '1'], env)).code, 2)
  t.is((await run(LOCAL, { ...env, SECURECHAT_MAX_CLIENTS: 'many' })).code, 78)
  t.is((await run(['--config', config], env)).code, 78)
  const shown = await run(['--print-config'], { ...env, SECURECHAT_REGISTRATON: 'closed' })
  t.is(shown.code, 0)
  t.regex(shown.err, /^securechat-server: SECURECHAT_REGISTRATON counts for nothing: did you mean/)
  await writeFile(config, '{"maxClients": 0}')
  const wrong = await run(['--config', config], env)
  t.is(wrong.code, 78)
  t.regex(wrong.err, /^securechat-server: "maxClients" in .* takes a whole number from 1 to/)
  await t.throwsAsync(stat(home), { code: 'ENOENT' })
})

test('help, version and the settings in force are printed without starting', async (t) => {
  const home = join(await scratch(t), 'home')
  const env = { SECURECHAT_HOME: home }
  t.regex((await run(['--help'], env)).out, /--max-clients N/)
  t.regex((await run(['--version'], env)).out, /^securechat-server \d+\.\d+\.\d+\n$/)
  const { code, out } = await run(['--print-config', '--max-clients', '7'], env)
  t.is(code, 0)
  t.like(JSON.parse(out), { maxClients: 7, keys: join(home, 'keys') })
  await t.throwsAsync(stat(home), { code: 'ENOENT' })
})

test('lost, exchanged and damaged keys stop the start and are left as they are', async (t) => {
  const [home, other] = [await scratch(t), await scratch(t)]
  const [mine, foreign] = await Promise.all([startServer(t, home), startServer(t, other)])
  await Promise.all([mine.program.kill('SIGTERM'), foreign.program.kill('SIGTERM')])
  const env = { SECURECHAT_HOME: home }

  const lost = await run([...LOCAL, '--keys', join(home, 'none')], env)
  t.is(lost.code, 78)
  t.true(lost.err.includes(join(home, 'none')), lost.err)
  await t.throwsAsync(stat(join(home, 'none')), { code: 'ENOENT' })

  const exchanged = await run([...LOCAL, '--keys', join(other, 'keys')], env)
  t.is(exchanged.code, 78)

  const path = join(home, 'keys', 'server.identity')
  const damaged = Buffer.from(await readFile(path))
  damaged.writeUInt8(damaged.readUInt8(500) ^ 4, 500)
  await writeFile(path, damaged)
  const refused = await run(LOCAL, env)
  t.is(refused.code, 65)
  t.true(refused.err.includes(path), refused.err)
  t.deepEqual(await readFile(path), damaged)
})

test('folders that cannot be made or are not ours', async (t) => {
  const home = await scratch(t)
  const file = join(home, 'file')
  await writeFile(file, '')
  t.is((await run([...LOCAL, '--keys', join(file, 'keys')], { SECURECHAT_HOME: home })).code, 66)
  t.is((await run([...LOCAL, '--data', file], { SECURECHAT_HOME: home })).code, 66)
  const photos = join(home, 'photos')
  await mkdir(photos)
  await writeFile(join(photos, 'cat.jpg'), '')
  const { code, err } = await run([...LOCAL, '--data', photos], { SECURECHAT_HOME: home })
  t.is(code, 78)
  t.true(err.includes('cat.jpg'), err)
  t.deepEqual(await readdir(photos), ['cat.jpg'])
})

const asRoot = process.getuid?.() === 0 ? test : test.skip

asRoot(
  'what root has left in a store is a sentence for its user, and no start is tried again',
  async (t) => {
    const home = await scratch(t)
    const first = await startServer(t, home)
    t.is(await first.program.kill('SIGTERM'), 0)
    const data = join(home, 'data', 'server')
    const everything = [
      home,
      ...(await readdir(home, { recursive: true })).map((n) => join(home, n)),
    ]
    for (const path of everything) await chown(path, OTHER, OTHER)
    const asOther = ['setpriv', `--reuid=${OTHER}`, '--clear-groups']
    const env = { SECURECHAT_HOME: home }
    for (const name of ['server.json', 'store/LOCK', 'store/sequence', 'store/store.json']) {
      await chown(join(data, name), 0, 0)
      const program = new Program('securechat-server', ['user', 'list'], env, asOther)
      t.is(await program.exited, 66, name)
      t.regex(program.stderr, /cannot be opened \(EACCES\)/)
      await chown(join(data, name), OTHER, OTHER)
    }
    const program = new Program('securechat-server', ['user', 'list'], env, asOther)
    t.is(await program.exited, 0, program.stderr)
  },
)

test('a full disk is a sentence, and a start after it has room works', async (t) => {
  const home = await scratch(t)
  const env = { PATH: process.env['PATH'] ?? '', SECURECHAT_HOME: home }
  // no file may grow: what a full disk looks like without one
  const words = ['-c', 'ulimit -f 0; exec "$0" "$@"', process.execPath, BIN, ...LOCAL]
  const { code, err } = await new Promise<{ code: unknown; err: string }>((resolve) => {
    execFile('sh', words, { env }, (error, _out, stderr) => {
      resolve({ code: error?.code, err: stderr })
    })
  })
  t.is(code, 75)
  t.regex(err, /^securechat-server: The disk is full: .*\n$/)
  const { program } = await startServer(t, home)
  t.is(await program.kill('SIGTERM'), 0)
})

test('a log that nobody reads any more does not end the server', async (t) => {
  const { program } = await startServer(t, await scratch(t), ['--debug'])
  program.child.stdout?.destroy()
  for (let i = 0; i < 3; i++) program.child.kill('SIGHUP')
  program.child.kill('SIGTERM')
  t.is(await program.exited, 0)
  t.is(program.stderr, '')
})

const terminal = anyTest.macro(async (t, cols: number, rows: number, wantsCode: boolean) => {
  const home = await scratch(t)
  const pty = spawnTerminal(process.execPath, [BIN, ...LOCAL], {
    cols,
    rows,
    cwd: home,
    env: { PATH: process.env['PATH'], SECURECHAT_HOME: home, TERM: 'xterm', LANG: 'C.UTF-8' },
  })
  let screen = ''
  const exited = new Promise<number>((resolve) => {
    pty.onExit(({ exitCode }) => {
      resolve(exitCode)
    })
  })
  await new Promise<void>((resolve) => {
    pty.onData((text) => {
      screen += text
      if (screen.includes('Ctrl-C stops')) resolve()
    })
    void exited.then(() => {
      resolve()
    })
  })
  pty.write('\u0003')
  t.is(await exited, 0, screen)
  t.regex(screen, /Generating the identity/)
  t.regex(screen, /Identity {4}(?:[a-z2-7]{4} ){7}[a-z2-7]{4}/)
  t.regex(screen, /Invite {6}securechat:\/\/127\.0\.0\.1:\d+\/#/)
  t.is(screen.includes('\u2588'), wantsCode)
  t.regex(screen, /\d\d:\d\d:\d\d info {2}stop {3}done/)
})

test('on a terminal: the steps, a banner with a code to scan, Ctrl-C', terminal, 100, 40, true)
test('on a small terminal: no code', terminal, 59, 40, false)

test('the data folder of a server holds nothing readable but its own name', async (t) => {
  const home = await scratch(t)
  const { program } = await startServer(t, home)
  t.is(await program.kill('SIGTERM'), 0)
  const data = join(home, 'data', 'server')
  t.deepEqual((await readdir(data)).sort(), ['files', 'server.json', 'store'])
  await rm(join(data, 'server.json'))
  const { code } = await run(LOCAL, { SECURECHAT_HOME: home })
  t.is(code, 78) // whose data this is can no longer be told
})
