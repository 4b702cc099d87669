import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import test from 'ava'
import fc from 'fast-check'

import { parseServerArgs, type ServerCommand } from '../../../lib/cli/server/args.ts'
import { printedConfig, serverHelp } from '../../../lib/cli/server/help.ts'
import { defaultSettings, SETTINGS } from '../../../lib/cli/server/settings.ts'
import { variableOf } from '../../../lib/cli/server/sources.ts'
import { codeOf, type ErrorCode } from '../../../lib/util/errors.ts'

const DEFAULTS = defaultSettings({ keys: '/home/op/keys', data: '/home/op/data' })

interface Given {
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
}

function parse(argv: readonly string[], { env = {}, files = {} }: Given = {}): ServerCommand {
  return parseServerArgs(argv, {
    env,
    cwd: '/home/op',
    defaults: DEFAULTS,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error('boom'), { code: 'ENOENT' })
      return text
    },
  })
}

test('no words: everything has a default', (t) => {
  const { run, settings } = parse([])
  t.is(run, 'serve')
  t.is(settings.host, '0.0.0.0')
  t.is(settings.port, 7700)
  t.is(settings.registration, 'open')
  t.is(settings.keys, '/home/op/keys')
  t.is(settings.data, '/home/op/data/server')
})

test('a flag wins over a variable, a variable over the file, the file over the default', (t) => {
  const files = {
    '/etc/sc.json': '{"port": 1003, "maxClients": 3, "host": "c", "logLevel": "warn"}',
  }
  const env = { SECURECHAT_PORT: '1002', SECURECHAT_MAX_CLIENTS: '2', SECURECHAT_HOST: 'b' }
  const { settings } = parse(['--config', '/etc/sc.json', '--port', '1001', '--host=a'], {
    env,
    files,
  })
  t.is(settings.port, 1001)
  t.is(settings.host, 'a')
  t.is(settings.maxClients, 2)
  t.is(settings.logLevel, 'warn')
  t.is(settings.registration, 'open')
})

test('every setting can come from each of the three places', (t) => {
  for (const [name, setting] of SETTINGS) {
    const sample = sampleOf(name)
    const flag =
      setting.placeholder === null ? [`--${setting.flag}`] : [`--${setting.flag}`, sample]
    const files = { '/c.json': JSON.stringify({ [name]: sample }) }
    const wanted = setting.read(sample, '/')
    const value = (command: ServerCommand): unknown =>
      new Map<string, unknown>(Object.entries(command.settings)).get(name)
    t.not(wanted, undefined, name)
    t.deepEqual(value(parse(flag)), wanted, name)
    t.deepEqual(value(parse([], { env: { [variableOf(setting.flag)]: sample } })), wanted, name)
    t.deepEqual(value(parse(['--config', '/c.json'], { files })), wanted, name)
  }
})

/** A value that differs from the default. */
function sampleOf(name: string): string {
  const known: Readonly<Record<string, string>> = {
    host: 'chat.example.org',
    publicHost: '2001:db8::7',
    registration: 'invite',
    email: 'required',
    directory: 'yes',
    presence: 'yes',
    systemd: 'yes',
    storage: 'embedded',
    data: '/srv/data',
    keys: '/srv/keys',
    launchPasswordFile: '/srv/password',
    logLevel: 'debug',
    logAddresses: 'true',
    port: '7801',
    metricsPort: '7802',
  }
  if (known[name] !== undefined) return known[name]
  const setting = SETTINGS.get(name)
  const candidates = ['17', '1000', '5000', '100000', '3000000', '70000000']
  return candidates.find((text) => setting?.read(text, '/') !== undefined) ?? ''
}

test('relative folders start where their word was written', (t) => {
  const files = { '/etc/securechat/c.json': '{"data": "data", "keys": "../keys"}' }
  const { settings } = parse(['--config', '../../etc/securechat/c.json'], { files })
  t.is(settings.data, '/etc/securechat/data')
  t.is(settings.keys, '/etc/keys')
  t.is(parse(['--data', 'd']).settings.data, '/home/op/d')
})

test('SECURECHAT_CONFIG names the file; --config wins; empty variables count as unset', (t) => {
  const files = { '/a.json': '{"port": 1}', '/b.json': '{"port": 2}' }
  const env = { SECURECHAT_CONFIG: '/a.json', SECURECHAT_HOST: '' }
  t.is(parse([], { env, files }).settings.port, 1)
  t.is(parse(['--config', '/b.json'], { env, files }).settings.port, 2)
  t.is(parse([], { env: { SECURECHAT_CONFIG: '' } }).settings.host, '0.0.0.0')
})

test('what setup wrote counts where no other file is named, and a mistake in it is named', (t) => {
  const own = '/home/op/keys/server.config.json'
  const files = { [own]: '{"port": 3}', '/b.json': '{"maxClients": 2}' }
  t.is(parse([], { files }).settings.port, 3)
  t.is(parse(['--config', '/b.json'], { files }).settings.port, 7700)
  t.throws(() => parse([], { files: { [own]: '{' } }), { code: 'E_CONFIG', message: /not JSON/ })
})

test('a command of the operator gets what the rest says, and what is wrong', (t) => {
  const files = {
    '/c.json': '{"prot": 1, "maxClients": 0, "idleMs": [], "data": "d", "host": "h"}',
  }
  const given = { files, env: { SECURECHAT_PORT: 'x' } }
  t.throws(() => parse(['--config', '/c.json'], given), { code: 'E_CONFIG' })
  t.throws(() => parse(['--config', '/c.json', '--print-config'], given), { code: 'E_CONFIG' })
  t.throws(() => parse(['status', '--port', 'x'], given), { code: 'E_USAGE' })
  const { run, settings, wrong, isPlaceKnown } = parse(['status', '--config', '/c.json'], given)
  t.is(run, 'operate')
  t.true(isPlaceKnown)
  t.like(settings, { data: '/d', host: 'h', port: 7700, maxClients: DEFAULTS.maxClients })
  t.is(wrong.length, 4)
  for (const name of ['prot', 'idleMs', 'SECURECHAT_PORT', 'maxClients']) {
    t.true(
      wrong.some(({ code, message }) => code === 'E_CONFIG' && message.includes(name)),
      name,
    )
  }
  t.deepEqual(parse(['status']).wrong, [])
})

test('whose folder it is, is not known from a named file that cannot be read', (t) => {
  const files = { '/c.json': '{"data": "d",}', '/home/op/keys/server.config.json': '{,' }
  const known = (argv: readonly string[], env = {}): boolean => {
    const { wrong, isPlaceKnown } = parse(argv, { files, env })
    t.is(wrong.length, 1, argv.join(' '))
    return isPlaceKnown
  }
  t.false(known(['status', '--config', '/c.json']))
  t.false(known(['status', '--config', '/none.json']))
  t.false(known(['status'], { SECURECHAT_CONFIG: '/c.json' }))
  t.true(known(['status', '--config', '/c.json', '--data', 'd']))
  t.true(known(['status', '--config', '/c.json'], { SECURECHAT_DATA: 'd' }))
  t.true(known(['status']))
})

test('a mistyped variable is named; those of the client are not meant', (t) => {
  const { settings, warnings } = parse([], {
    env: { SECURECHAT_REGISTRATON: 'closed', SECURECHAT_CONFGI: 'x', securechat_port: '1' },
  })
  t.is(settings.registration, 'open')
  t.deepEqual(warnings, [
    'SECURECHAT_REGISTRATON counts for nothing: did you mean SECURECHAT_REGISTRATION?',
    'SECURECHAT_CONFGI counts for nothing: did you mean SECURECHAT_CONFIG?',
    'securechat_port counts for nothing: did you mean SECURECHAT_PORT?',
  ])
  const sources = readdirSync('lib/cli', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join('lib/cli', name), 'utf8'))
  const names = sources.flatMap((text) => text.match(/SECURECHAT_[A-Z_]*[A-Z]/g) ?? [])
  t.true(names.includes('SECURECHAT_DOWNLOAD_DIR'))
  const env = Object.fromEntries(names.map((name) => [name, '']))
  t.deepEqual(parse([], { env }).warnings, [])
})

test('--debug is a log level; a level named on the same line wins', (t) => {
  t.is(parse(['--debug']).settings.logLevel, 'debug')
  t.is(parse(['--debug', '--log-level', 'error']).settings.logLevel, 'error')
  t.is(parse(['--debug'], { env: { SECURECHAT_LOG_LEVEL: 'warn' } }).settings.logLevel, 'debug')
})

test('help and version need nothing else to be right', (t) => {
  t.is(parse(['-h', '--config', '/none.json']).run, 'help')
  t.is(parse(['-V'], { env: { SECURECHAT_PORT: 'x' } }).run, 'version')
  t.is(parse(['help']).run, 'help')
  t.is(parse(['version']).run, 'version')
  const help = serverHelp(DEFAULTS)
  for (const { flag } of SETTINGS.values()) t.true(help.includes(`--${flag}`), flag)
  // DEFAULTS holds no long path
  for (const line of help.split('\n')) t.true(line.length <= 82, line)
})

test('what --print-config prints is a config file that gives the same settings', (t) => {
  const { run, settings } = parse(['--print-config', '--port', '7', '--public-host', 'x.example'])
  t.is(run, 'print-config')
  const files = { '/c.json': printedConfig(settings) }
  t.deepEqual(parse(['--config', '/c.json'], { files }).settings, settings)
  const again = { '/d.json': printedConfig(DEFAULTS) }
  t.deepEqual(parse(['--config', '/d.json'], { files: again }).settings, DEFAULTS)
})

const refuses = test.macro({
  title: (provided) => `refuses ${provided ?? ''}`,
  exec: (t, code: ErrorCode, says: string, argv: readonly string[], given: Given = {}) => {
    const error = t.throws(() => parse(argv, given), { code })
    t.true(error.message.includes(says), error.message)
  },
})

test('an unknown option', refuses, 'E_USAGE', 'Did you mean --port?', ['--prot', '1'])
test('an unknown short option', refuses, 'E_USAGE', '-x', ['-x'])
test('a command that does not exist', refuses, 'E_USAGE', 'sertup', ['sertup'])
test('a word after --', refuses, 'E_USAGE', 'word', ['--', 'word'])
test('a missing value at the end', refuses, 'E_USAGE', '--port PORT', ['--port'])
test('a missing value before an option', refuses, 'E_USAGE', '--host HOST', ['--host', '--debug'])
test('an empty value', refuses, 'E_USAGE', 'a host name', ['--host='])
test('a value for a switch', refuses, 'E_USAGE', 'takes no value', ['--debug=yes'])
test('a port out of range', refuses, 'E_USAGE', '0 to 65535', ['--port', '65536'])
test('a port with a sign', refuses, 'E_USAGE', '0 to 65535', ['--port=-1'])
test('a port in words', refuses, 'E_USAGE', '"7700x"', ['--port', '7700x'])
test('a policy that does not exist', refuses, 'E_USAGE', 'open, invite or closed', [
  '--registration',
  'all',
])
for (const host of [
  'a b',
  'chat.example.org:7700',
  '7700',
  'a..b-',
  '1.2.3',
  '256.1.1.1',
  '1::2::3',
  '[::1',
  'a/b',
  'x%',
]) {
  test(`the host ${host}`, refuses, 'E_USAGE', 'a host name', ['--host', host])
  test(`the public host ${host}`, refuses, 'E_USAGE', 'a host name', ['--public-host', host])
}
for (const host of ['::', '0.0.0.0', '[::]', 'fe80::1%eth0']) {
  test(`the public host ${host}`, refuses, 'E_USAGE', 'without a port', ['--public-host', host])
  test(`one may listen on ${host}`, (t) => {
    t.is(parse(['--host', host]).settings.host, host.replace(/[[\]]/g, ''))
  })
}
test('names and addresses that people have', (t) => {
  for (const host of [
    'localhost',
    'chat.example.org',
    'xn--bcher-kva.example.',
    'my_pi.lan',
    '1.2.3.4',
    '2001:db8::7',
    '3com.example',
  ]) {
    t.is(parse(['--public-host', host]).settings.publicHost, host)
  }
})
test('a host with a blank', refuses, 'E_USAGE', 'a host name', ['--host', 'a b'])
test('no clients at all', refuses, 'E_USAGE', 'max-clients', ['--max-clients', '0'])
test('a wrong variable', refuses, 'E_CONFIG', 'SECURECHAT_PORT', [], {
  env: { SECURECHAT_PORT: 'x' },
})
test(
  'a wrong variable that a flag overrides',
  refuses,
  'E_CONFIG',
  'SECURECHAT_PORT',
  ['--port', '1'],
  { env: { SECURECHAT_PORT: 'x' } },
)
test('a config file that is not there', refuses, 'E_CONFIG', 'no such file', ['--config', 'c.json'])

const file = (text: string): Given => ({ files: { '/c': text } })
const CONFIG = ['--config', '/c']
test('a config file that is not JSON', refuses, 'E_CONFIG', 'not JSON', CONFIG, file('{port: 1}'))
test('a config file that is a list', refuses, 'E_CONFIG', 'one JSON object', CONFIG, file('[]'))
test(
  'an unknown key',
  refuses,
  'E_CONFIG',
  'Did you mean maxClients?',
  CONFIG,
  file('{"maxClient": 1}'),
)
test('a key of Object', refuses, 'E_CONFIG', 'constructor', CONFIG, file('{"constructor": 1}'))
test('a key __proto__', refuses, 'E_CONFIG', '__proto__', CONFIG, file('{"__proto__": 1}'))
test('a list as value', refuses, 'E_CONFIG', '"port" in /c', CONFIG, file('{"port": [1]}'))
test('a fraction', refuses, 'E_CONFIG', '"port" in /c', CONFIG, file('{"port": 1.5}'))

test('whatever is typed, the answer is settings or a coded error', (t) => {
  const words = [...SETTINGS.values()].flatMap(({ flag }) => [`--${flag}`, `--${flag}=`])
  const word = fc.oneof(
    fc.constantFrom(...words),
    fc.string(),
    fc.constantFrom('--', '-', '1', '--config'),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
      try {
        parse(argv)
      } catch (error) {
        t.true(['E_USAGE', 'E_CONFIG'].includes(codeOf(error)), String(error))
      }
    }),
    { numRuns: process.env['SLOW'] === undefined ? 300 : 20_000 },
  )
  fc.assert(
    fc.property(fc.json(), (text) => {
      try {
        parse(['--config', '/c'], file(text))
      } catch (error) {
        t.is(codeOf(error), 'E_CONFIG')
      }
    }),
    { numRuns: process.env['SLOW'] === undefined ? 300 : 20_000 },
  )
})
