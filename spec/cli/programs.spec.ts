// The small common parts of both programs: folders, exit codes, time.
import { readFileSync } from 'node:fs'

import test from 'ava'

import { EXIT, EXIT_MEANINGS, exitCodeOf } from '../../lib/cli/exit-codes.ts'
import { homeOf, type System } from '../../lib/cli/home.ts'
import { nearest } from '../../lib/cli/nearest.ts'
import { systemClock } from '../../lib/cli/system-clock.ts'
import { programVersion } from '../../lib/cli/version.ts'
import { SecureChatError } from '../../lib/util/errors.ts'

const BASE: System = {
  env: {},
  platform: 'linux',
  homeDir: '/home/a',
  cwd: '/tmp/x',
  checkout: null,
}

test('folders: SECURECHAT_HOME, else the checkout, else what the platform uses', (t) => {
  const keys = (system: Partial<System>): string => homeOf({ ...BASE, ...system }).keys
  t.is(keys({ env: { SECURECHAT_HOME: '/h' }, checkout: '/src' }), '/h/keys')
  t.is(keys({ env: { SECURECHAT_HOME: 'h' } }), '/tmp/x/h/keys')
  t.is(keys({ env: { SECURECHAT_HOME: '' }, checkout: '/src' }), '/src/keys')
  t.is(keys({}), '/home/a/.local/share/securechat/keys')
  t.is(keys({ env: { XDG_DATA_HOME: '/xdg' } }), '/xdg/securechat/keys')
  t.is(keys({ platform: 'darwin' }), '/home/a/Library/Application Support/SecureChat/keys')
  t.true(keys({ platform: 'win32', env: { LOCALAPPDATA: 'C:\\L' } }).startsWith('C:\\L'))
  t.is(homeOf({ ...BASE, checkout: '/src' }).data, '/src/data')
})

test('exit codes are public: these numbers do not change', (t) => {
  t.deepEqual(EXIT, {
    ok: 0,
    failure: 1,
    usage: 2,
    data: 65,
    file: 66,
    unknown: 67,
    unavailable: 69,
    temporary: 75,
    denied: 77,
    config: 78,
    interrupted: 130,
  })
  t.deepEqual(Object.keys(EXIT_MEANINGS), Object.keys(EXIT))
})

test('every failure has its exit code, and what nobody expected is 1', (t) => {
  t.is(exitCodeOf(new SecureChatError('E_LOCKED')), 75)
  t.is(exitCodeOf(new SecureChatError('E_SERVER_IDENTITY')), 77)
  t.is(exitCodeOf(new SecureChatError('E_CORRUPT')), 65)
  t.is(exitCodeOf(new SecureChatError('E_TOO_BIG')), 65)
  t.is(exitCodeOf(new SecureChatError('E_CONFIG')), 78)
  t.is(exitCodeOf(new SecureChatError('E_INTERNAL')), 1)
  t.is(exitCodeOf(new TypeError('x')), 1)
  t.is(exitCodeOf(undefined), 1)
})

test('the version is the one of package.json', (t) => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  t.true(text.includes(`"version": "${programVersion()}"`))
})

test('a delay beyond 31 bits does not fire at once, and a cancelled one not at all', async (t) => {
  const fired: string[] = []
  const month = systemClock.after(31 * 24 * 3_600_000, () => fired.push('month'))
  systemClock.after(0, () => fired.push('cancelled')).cancel()
  await new Promise<void>((resolve) => {
    systemClock.after(5, resolve)
    setTimeout(() => undefined, 50) // its own timers do not keep a process alive
  })
  month.cancel()
  t.deepEqual(fired, [])
  t.true(Math.abs(systemClock.now() - Date.now()) < 1000)
})

test('did you mean: two typing mistakes at most', (t) => {
  t.is(nearest('prot', ['host', 'port']), 'port')
  t.is(nearest('MaxClient', ['maxClients']), 'maxClients')
  t.is(nearest('xyzzy', ['host', 'port']), undefined)
})
