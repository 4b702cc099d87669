// The operator's commands as real processes: on a running server, and on the folder of one that is stopped.
import { readdir, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'

import anyTest from 'ava'

import { signIn, startStage } from '../helpers/cast.ts'
import { Program, scratch, signUp, startClient, startServer } from '../helpers/programs.ts'

// One after the other: each start uses both cores.
const test = anyTest.serial

interface Ended {
  readonly code: number | string
  readonly out: string
  readonly err: string
}

async function operate(home: string, ...words: string[]): Promise<Ended> {
  const program = new Program('securechat-server', words, { SECURECHAT_HOME: home })
  const code = await program.exited
  return { code, out: program.stdout, err: program.stderr }
}

async function json(home: string, ...words: string[]): Promise<unknown> {
  const { code, out, err } = await operate(home, ...words, '--json')
  if (code !== 0) throw new Error(err)
  return JSON.parse(out)
}

test('an invitation lets one account in; a disabled account is out with a reason until it is enabled', async (t) => {
  const [home, people] = [await scratch(t), await scratch(t)]
  const server = await startServer(t, home, ['--registration', 'invite'])
  const socket = await stat(join(home, 'data/server/operator.sock'))
  t.is(socket.mode & 0o777, 0o600)
  const { code } = (await json(home, 'invite', 'create', '--expires', '1h')) as { code: string }

  const alice = await signUp(t, server, people, 'alice', ['--invite', code])
  const mallory = startClient(t, server, join(people, 'mallory'), [
    ...['--register', '--username', 'mallory', '--invite', code],
  ])
  mallory.end()
  t.not(await mallory.exited, 0)
  t.like(await json(home, 'invite', 'list'), [{ uses: 1, used: 1 }])
  t.like(await json(home, 'user', 'list'), [{ name: 'alice', devices: 1, connected: 1 }])
  t.like(await json(home, 'status'), { running: true, accounts: 1, devices: 1 })

  t.is((await operate(home, 'user', 'disable', 'alice')).code, 0)
  await alice.waitFor(/operator of this server has closed this account/)
  alice.end()
  await alice.exited
  const refused = startClient(t, server, join(people, 'alice'), ['--username', 'alice'])
  refused.end()
  t.is(await refused.exited, 77)
  t.is((await operate(home, 'user', 'enable', 'alice')).code, 0)
  const back = startClient(t, server, join(people, 'alice'), ['--username', 'alice'])
  await back.waitFor(/Welcome|Signed in/)
  back.end()
  t.is(await back.exited, 0)

  t.is(await server.program.kill('SIGTERM'), 0)
  t.deepEqual((await readdir(join(home, 'data/server'))).sort(), ['files', 'server.json', 'store'])
  // on the folder of a stopped server
  const status = await operate(home, 'status', '--json')
  t.is(status.code, 69)
  t.like(JSON.parse(status.out), { running: false, accounts: 1 })
  t.is((await operate(home, 'doctor')).code, 1)
  t.is((await operate(home, 'doctor', '--stopped', '--port', '0')).code, 0)
  t.is((await operate(home, 'user', 'delete', 'alice')).code, 2)
  t.is((await operate(home, 'user', 'delete', 'alice', '--yes')).code, 0)
  t.deepEqual(await json(home, 'user', 'list'), [])
  t.is((await operate(home, 'reload')).code, 2)
})

test('one more than the maximum is told so, and a slot frees when somebody leaves', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root, ['--max-clients', '1'])
  const alice = await signIn(t, server, root, 'alice')
  const early = startClient(t, server, join(root, 'bob'), ['--username', 'bob'])
  await early.waitFor(/server is full/)
  early.end()
  t.not(await early.exited, 0)
  alice.end()
  t.is(await alice.exited, 0)
  const bob = await signIn(t, server, root, 'bob')
  bob.end()
  t.is(await bob.exited, 0)
  await server.program.kill('SIGTERM')
})

test('SIGHUP and reload take what they can, name what needs a restart, and drop nobody', async (t) => {
  const root = await scratch(t)
  const home = join(root, 'server')
  const config = join(root, 'config.json')
  await writeFile(config, '{"registration": "open"}')
  const server = await startStage(t, root, ['--config', config])
  const alice = await signIn(t, server, root, 'alice')
  await writeFile(config, '{"registration": "closed", "idleMs": 90000}')
  server.program.child.kill('SIGHUP')
  await server.program.waitFor(/"changed":"registration","waiting":"idleMs"/)
  const late = startClient(t, server, join(root, 'dave'), ['--register', '--username', 'dave'])
  late.end()
  t.is(await late.exited, 77)
  await writeFile(config, '{"registration": "perhaps"}')
  t.is((await operate(home, 'reload')).code, 78)
  await writeFile(config, '{"maxClients": 7}')
  t.like(await json(home, 'reload'), { changed: ['registration', 'maxClients'] })
  t.like(await json(home, 'status'), { maxClients: 7, registration: 'open', connections: 1 })
  alice.end()
  t.is(await alice.exited, 0)
  await server.program.kill('SIGTERM')
})

test('a comma too many in the file: a server that runs is looked at and saved, nothing else is done', async (t) => {
  const home = await scratch(t)
  const server = await startServer(t, home)
  const config = join(home, 'keys', 'server.config.json')
  await writeFile(config, '{"registration": "invite",}', { mode: 0o600 })
  const status = await operate(home, 'status', '--json')
  t.is(status.code, 0)
  t.like(JSON.parse(status.out), { running: true })
  t.regex(status.err, /^securechat-server: The configuration .* is not JSON/)
  t.is((await operate(home, 'user', 'list')).code, 0)
  t.is((await operate(home, 'backup', join(home, 'saved'))).code, 0)
  for (const words of [['ban', '192.0.2.1'], ['reload'], ['move', join(home, 'm'), '--yes']]) {
    t.is((await operate(home, ...words)).code, 78, words.join(' '))
  }
  const other = join(home, 'other.json')
  await writeFile(other, '{,')
  t.is((await operate(home, 'backup', join(home, 'b'), '--config', other)).code, 78) // of which server?
  const lost = await operate(home, 'doctor', '--json', '--config', other)
  t.is(lost.code, 1)
  t.like(JSON.parse(lost.out), { checks: { 0: { name: 'config', verdict: 'bad' }, length: 1 } })
  const doctor = await operate(home, 'doctor', '--json')
  t.is(doctor.code, 1)
  const { checks } = JSON.parse(doctor.out) as { checks: { name: string; verdict: string }[] }
  t.deepEqual(
    checks.filter(({ verdict }) => verdict === 'bad').map(({ name }) => name),
    ['config'],
  )
  t.is(await server.program.kill('SIGTERM'), 0)
  t.is((await operate(home, 'status')).code, 78)
  t.is((await operate(home, 'doctor')).code, 1)
})

test('what kill -9 left of the socket is in nobody\u2019s way; no server, no answer', async (t) => {
  const home = await scratch(t)
  t.is((await operate(home, 'user', 'list')).code, 78)
  const first = await startServer(t, home)
  await first.program.kill('SIGKILL')
  t.true((await readdir(join(home, 'data/server'))).includes('operator.sock'))
  t.deepEqual(await json(home, 'user', 'list'), [])
  const second = await startServer(t, home)
  t.like(await json(home, 'status'), { running: true, pid: second.program.child.pid })
  t.is(await second.program.kill('SIGTERM'), 0)
})

test('commands are words, and wrong ones are named', async (t) => {
  const home = join(await scratch(t), 'none')
  for (const [words, expected] of [
    ['usr list', /no command "usr"\. Did you mean user list\?\n.*--help lists the options\.\n$/],
    ['user', /user is one of user list/],
    ['user show', /Usage: securechat-server user show NAME/],
    ['user list bob', /Usage/],
    ['user list --uses 3', /has no option --uses/],
    ['--uses 3', /--uses belongs to a command/],
    ['invite create --expires never', /--expires takes a span/],
    ['invite create --expires 9999w', /at most a year/],
    ['invite create --uses many', /--uses takes a whole number from 1 to 1000/],
    ['invite create --uses 1001', /--uses takes a whole number from 1 to 1000/],
    ['invite create --uses 0', /--uses takes a whole number from 1 to 1000/],
    ['invite create --uses -1', /--uses takes a whole number from 1 to 1000/],
    ['status --port -1', /--port takes a whole number from 0 to 65535, not "-1"/],
    ['status --port --uses', /--port needs a value/],
    ['backup ', /FILE is empty/],
  ] as const) {
    const { code, err } = await operate(home, ...words.split(' '))
    t.is(code, 2, words)
    t.regex(err, expected, words)
  }
  await t.throwsAsync(stat(home), { code: 'ENOENT' })
})

test('doctor and metrics of a running server', async (t) => {
  const home = await scratch(t)
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const address = taken.address()
  const port = String(typeof address === 'object' ? address?.port : 0)
  const blocked = new Program(
    'securechat-server',
    ['--host', '127.0.0.1', '--port', '0', '--metrics-port', port],
    { SECURECHAT_HOME: home },
  )
  t.is(await blocked.exited, 69)
  await new Promise((resolve) => taken.close(resolve))
  const server = await startServer(t, home, ['--metrics-port', port])
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  t.regex(metrics, /\nsecurechat_connections 0\n/)
  t.is((await fetch(`http://127.0.0.1:${port}/health`)).status, 200)
  const { checks, bad } = (await json(home, 'doctor')) as {
    readonly checks: readonly { readonly name: string; readonly verdict: string }[]
    readonly bad: number
  }
  t.is(bad, 0, JSON.stringify(checks))
  t.is(checks.find(({ name }) => name === 'port')?.verdict, 'ok')
  t.is(await server.program.kill('SIGTERM'), 0)
})
