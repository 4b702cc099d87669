// securechat-server setup: unattended, with questions on a terminal, and every way in which it changes nothing.
import { chmod, chown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { spawn as spawnTerminal } from '@lydell/node-pty'
import anyTest from 'ava'

import { OWN_PORT, Program, scratch } from '../helpers/programs.ts'

const BIN = fileURLToPath(new URL('../../bin/securechat-server', import.meta.url))
const test = anyTest.serial
const UNPRIVILEGED = '/proc/sys/net/ipv4/ip_unprivileged_port_start'
const LOW_PORT = 443
const NOBODY = 65_534
const LOCAL = ['--host', '127.0.0.1', '--port', String(OWN_PORT)]

async function run(
  args: readonly string[],
  home: string,
  prefix: readonly string[] = [],
): Promise<{ readonly code: number | string; readonly out: string; readonly err: string }> {
  const program = new Program('securechat-server', args, { SECURECHAT_HOME: home }, prefix)
  program.end()
  const code = await program.exited
  return { code, out: program.stdout, err: program.stderr }
}

test('unattended: a trial, keys, a config file that the next start reads; a second run changes nothing', async (t) => {
  const home = await scratch(t)
  const password = join(home, 'password')
  await writeFile(password, 'a launch password\n')
  const words = ['setup', '--yes', ...LOCAL, '--registration', 'invite', '--presence', 'yes']
  const done = await run([...words, '--new-password-file', password], home)
  t.is(done.code, 0, done.err)
  t.regex(done.out, /It works; everything of the trial is gone\.\n/)
  const [invite = ''] = /securechat:\/\/127\.0\.0\.1:\d+\/#[a-z2-7]+/.exec(done.out) ?? []
  t.not(invite, '')
  const config = join(home, 'keys', 'server.config.json')
  t.true(done.out.includes(`Then invite somebody: ${BIN} invite create --config ${config}\n`))
  t.is((await stat(config)).mode & 0o777, 0o600)
  t.like(JSON.parse(await readFile(config, 'utf8')), { registration: 'invite', presence: 'yes' })
  t.deepEqual(await readdir(join(home, 'data')), [])

  const again = await run(['setup', '--yes'], home)
  t.is(again.code, 78)
  t.regex(again.err, /already\. Nothing was changed/)
  const shown = await run(['--print-config'], home)
  t.like(JSON.parse(shown.out), { registration: 'invite', host: '127.0.0.1', port: OWN_PORT })
  t.is((await run([], home)).code, 77) // the password is in force

  const server = new Program('securechat-server', ['--launch-password-file', password], {
    SECURECHAT_HOME: home,
  })
  t.teardown(() => server.kill())
  const [, id] = await server.waitFor(/securechat:\/\/127\.0\.0\.1:\d+\/#([a-z2-7]+)/)
  t.is(id, invite.split('#')[1])
  t.is(await server.kill('SIGTERM'), 0)
})

test('a server that exists gets its unit and nothing else', async (t) => {
  const home = await scratch(t)
  t.is((await run(['setup', '--yes', ...LOCAL, '--registration', 'invite'], home)).code, 0)
  const keys = join(home, 'keys')
  const [before, config] = [await contents(keys), join(keys, 'server.config.json')]
  t.regex((await run(['setup', '--yes'], home)).err, /setup --systemd yes/)
  const other = await run(['setup', '--systemd', 'yes', '--registration', 'open'], home)
  t.is(other.code, 78)
  t.regex(other.err, /says otherwise: registration\./)
  t.deepEqual(await contents(keys), before)
  // as after a restore, into folders that are not the usual ones
  const elsewhere = await scratch(t)
  const folders = ['--keys', keys, '--data', join(home, 'data', 'server')]
  const done = await run(['setup', '--systemd', 'yes', ...folders], elsewhere)
  t.is(done.code, 0, done.err)
  const after = await contents(keys)
  t.true(after.get('securechat.service')?.includes(`--config ${config}\n`))
  after.delete('securechat.service')
  t.deepEqual(after, before)
  await rm(config)
  t.is((await run(['setup', '--systemd', 'yes', '--registration', 'closed'], home)).code, 0)
  t.like(JSON.parse(await readFile(config, 'utf8')), { registration: 'closed' })
})

async function contents(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder)
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'latin1')
  return new Map(await Promise.all(names.map(async (name) => [name, await read(name)] as const)))
}

test('a port below 1024: with a unit, which gives it to the server', async (t) => {
  const lowest = Number(await readFile(UNPRIVILEGED, 'utf8').catch(() => '0'))
  if (lowest <= LOW_PORT) {
    t.log('here everybody may have every port')
    t.pass()
    return
  }
  const home = await scratch(t)
  const isRoot = process.getuid?.() === 0
  if (isRoot) await chown(home, NOBODY, NOBODY)
  const as = isRoot ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : []
  const words = ['setup', '--yes', '--host', '127.0.0.1', '--port', String(LOW_PORT)]
  const alone = await run(words, home, as)
  t.is(alone.code, 69)
  t.regex(alone.err, /--systemd yes/)
  const done = await run([...words, '--systemd', 'yes'], home, as)
  t.is(done.code, 0, done.err)
  t.regex(done.out, /Only the unit gives port 443/)
  t.regex(done.out, /Invite {4}securechat:\/\/127\.0\.0\.1:443\//)
  t.notRegex(done.out, /Start it:/)
  const unit = await readFile(join(home, 'keys', 'securechat.service'), 'utf8')
  t.regex(unit, /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m)
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} in the trial leaves nothing`, async (t) => {
    const home = join(await scratch(t), 'new', 'home')
    const program = new Program('securechat-server', ['setup', '--yes', ...LOCAL], {
      SECURECHAT_HOME: home,
    })
    await program.waitFor(/Trying it out/)
    await folderBelow(join(home, 'data'))
    t.is(await program.kill(signal), 130)
    await t.throwsAsync(stat(join(home, '..')), { code: 'ENOENT' })
  })
}

/** Resolves when something is in it. */
async function folderBelow(path: string): Promise<void> {
  while ((await readdir(path).catch(() => [])).length === 0) await setTimeout(10)
}

test('bad answers, a used port, a folder that cannot be: a sentence, and nothing was made', async (t) => {
  const home = join(await scratch(t), 'home')
  const keys = join(home, 'keys')
  t.is((await run(['setup'], home)).code, 2)
  t.is((await run(['setup', '--yes', '--remove'], home)).code, 2)
  const word = await run(['setup', '--yes', 'status'], home)
  t.is(word.code, 2)
  t.regex(word.err, /takes no command: "status"/)
  t.is((await run(['passwd', 'status'], home)).code, 2)
  t.regex((await run(['setup', '--version'], home)).out, /^securechat-server \d/)
  const shown = await run(['setup', '--print-config', '--port', '7801'], home)
  t.like(JSON.parse(shown.out), { port: 7801 })
  t.is((await run(['setup', '--yes', '--port', 'x'], home)).code, 2)
  t.is((await run(['setup', '--yes', '--systemd', 'perhaps'], home)).code, 2)
  t.is((await run(['setup', '--yes', '--new-password-file', join(home, 'none')], home)).code, 66)
  await t.throwsAsync(stat(home), { code: 'ENOENT' })

  await mkdir(home)
  const file = join(home, 'file')
  await writeFile(file, 'short')
  t.is((await run(['setup', '--yes', '--new-password-file', file], home)).code, 78)
  t.is((await run(['setup', '--yes', ...LOCAL, '--data', join(file, 'a', 'b')], home)).code, 66)

  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => other.close())
  const address = other.address()
  const port = String(typeof address === 'object' ? (address?.port ?? 0) : 0)
  const busy = await run(['setup', '--yes', ...LOCAL, '--metrics-port', port], home)
  t.is(busy.code, 69)
  t.regex(busy.err, /metrics port/)
  t.is((await run(['setup', '--yes', '--port', '0'], home)).code, 78)
  await chmod(home, 0o755)
  const shared = await run(['setup', '--yes', ...LOCAL, '--keys', home], home)
  t.is(shared.code, 78)
  t.regex(shared.err, /holds other files \(.*file\)/)
  t.is((await stat(home)).mode & 0o777, 0o755)
  t.is((await run(['setup', '--yes', ...LOCAL, '--metrics-port', LOCAL[3] ?? ''], home)).code, 78)
  const used = await run(['setup', '--yes', '--host', '127.0.0.1', '--port', port], home)
  t.is(used.code, 69)
  t.true(used.err.includes(port), used.err)
  await t.throwsAsync(stat(keys), { code: 'ENOENT' })
  t.deepEqual(await readdir(home), ['file'])
})

test('on a terminal: questions with defaults; Ctrl-C at any of them leaves nothing', async (t) => {
  const home = await scratch(t)
  // Enter takes the default; y: a launch password, typed twice
  const answers: readonly (readonly [RegExp, string])[] = [
    [/Folder for everything/, '\r'],
    [/Protect the keys/, 'y\r'],
    [/Launch password:/, 'a launch password\r'],
    [/The same again:/, 'a launch password\r'],
    [/Address to listen on/, '\r'],
    [/Port:/, '\r'],
    [/for the invite/, '\r'],
    [/Who may make an account/, '\r'],
    [/search names/, 'y\r'],
    [/see each other online/, '\r'],
    [/What keeps the data/, '\r'],
    [/Clients at the same time/, '\r'],
    [/Files that wait, of one account/, '\r'],
    [/Files that wait, of all accounts/, '100 GiB\r'],
    [/Messages that wait, for one device/, '\r'],
    [/Messages that wait, for all devices/, '\r'],
    [/Sealed history, of one account/, '\r'],
    [/Sealed history, of all accounts/, '\r'],
    [/Write a systemd unit/, 'y\r'],
  ]
  const play = (stopAt: number): Promise<{ readonly code: number; readonly screen: string }> =>
    new Promise((resolve) => {
      const pty = spawnTerminal(process.execPath, [BIN, 'setup', ...LOCAL], {
        cols: 100,
        rows: 40,
        cwd: home,
        env: { PATH: process.env['PATH'], SECURECHAT_HOME: home, TERM: 'xterm', LANG: 'C.UTF-8' },
      })
      let [screen, from, step] = ['', 0, 0]
      pty.onData((text) => {
        screen += text
        const [pattern, answer] = answers[step] ?? []
        if (pattern?.test(screen.slice(from)) !== true) return
        from = screen.length
        pty.write(step === stopAt ? '\u0003' : (answer ?? ''))
        step += 1
      })
      pty.onExit(({ exitCode }) => {
        resolve({ code: exitCode, screen })
      })
    })
  for (const stopAt of [3, answers.length - 1]) {
    const { code, screen } = await play(stopAt)
    t.is(code, 130, screen)
    t.deepEqual(await readdir(home), [])
  }
  const { code, screen } = await play(-1)
  t.is(code, 0, screen)
  t.regex(screen, /Invite {4}securechat:\/\/127\.0\.0\.1:/)
  t.true(screen.includes('\u2588'))
  const config = await readFile(join(home, 'keys', 'server.config.json'), 'utf8')
  const fileTotalBytes = 100 * 2 ** 30
  t.like(JSON.parse(config), {
    ...{ directory: 'yes', presence: 'no', storage: 'embedded', fileTotalBytes },
  })
  const unit = await readFile(join(home, 'keys', 'securechat.service'), 'utf8')
  t.true(unit.includes(`${BIN} --config ${join(home, 'keys', 'server.config.json')}\n`), unit)
  t.regex(unit, /^LoadCredential=launch-password:\/etc\//m)
  t.false(screen.includes('a launch password'))
  t.is((await run([], home)).code, 77)
})
