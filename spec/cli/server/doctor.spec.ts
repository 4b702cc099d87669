// The doctor on folders in every state: it finds what is wrong, names it, and changes nothing.
import { chmod, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import { markMoved } from '../../../lib/cli/server/backup/marks.ts'
import type { Check } from '../../../lib/cli/server/operator/check.ts'
import { doctor } from '../../../lib/cli/server/operator/doctor.ts'
import { lookAtClock } from '../../../lib/cli/server/operator/look-clock.ts'
import { lookAtOwners } from '../../../lib/cli/server/operator/look-folders.ts'
import { lookAtPort } from '../../../lib/cli/server/operator/look-port.ts'
import { connectionsWithin } from '../../../lib/cli/server/descriptors.ts'
import { changeLaunchPassword } from '../../../lib/cli/server/identity.ts'
import { createKey } from '../../../lib/cli/server/key-format.ts'
import type { LaunchPassword } from '../../../lib/cli/server/master-key.ts'
import { defaultSettings, type ServerSettings } from '../../../lib/cli/server/settings.ts'
import { startServer } from '../../../lib/cli/server/start.ts'
import { systemClock } from '../../../lib/cli/system-clock.ts'
import { createSetup, opaqueReady } from '../../../lib/crypto/opaque.ts'
import { PASSPHRASE_COST } from '../../../lib/crypto/scrypt.ts'
import { lockFolder } from '../../../lib/storage/lock.ts'
import { hex } from '../../../lib/util/bytes.ts'
import { silentLog } from '../../../lib/util/log.ts'
import { rsa2048, rsa3072 } from '../../helpers/keys.ts'

/** Not before the files that these tests write. */
const NOW = Date.now() + 1000

async function settingsIn(t: { teardown(fn: () => Promise<void>): void }): Promise<ServerSettings> {
  const root = await mkdtemp(join(tmpdir(), 'securechat-doctor-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const settings = defaultSettings({ keys: join(root, 'keys'), data: root })
  return { ...settings, host: '127.0.0.1', port: 0, freeBytes: 1, maxClients: 9 }
}

async function installed(t: { teardown(fn: () => Promise<void>): void }): Promise<ServerSettings> {
  const settings = await settingsIn(t)
  await opaqueReady()
  const { keys } = settings
  const key = rsa3072(0).exportPkcs8()
  await createKey(join(keys, 'server.identity'), { k: 'server-identity', key, former: [] })
  await createKey(join(keys, 'server.opaque'), { k: 'server-opaque', key: createSetup() })
  const storeKey = { k: 'server-store-key', key: Buffer.alloc(32, 1) }
  await createKey(join(keys, 'server.store-key'), storeKey)
  const launchKey = Promise.resolve(rsa2048(0))
  await (await startServer(settings, { clock: systemClock, log: silentLog, launchKey })).close()
  return settings
}

interface Found {
  readonly exit: number | undefined
  readonly of: Readonly<Record<string, string>>
  /** What it says, by row. */
  readonly says: Readonly<Record<string, string>>
}

async function verdicts(
  settings: ServerSettings,
  now = NOW,
  words: readonly string[] = ['stopped'],
  person?: LaunchPassword,
): Promise<Found> {
  const options = new Map(words.map((word) => [word, '']))
  const asked = { settings, options, wrong: [], warnings: [], isPlaceKnown: true }
  const { result, exit } = await doctor(asked, now, person)
  const { checks } = result as { readonly checks: readonly Check[] }
  return {
    exit,
    of: Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict])),
    says: Object.fromEntries(checks.map(({ name, text }) => [name, text])),
  }
}

test('an installation in order, that does not run and was never saved', async (t) => {
  const settings = await installed(t)
  const { exit, of } = await verdicts(settings)
  t.is(exit, 0)
  const ok = [
    'keys',
    'modes',
    'owners',
    'disk',
    'lock',
    'config',
    'limits',
    'clock',
    'server',
    'port',
  ]
  t.deepEqual(of, { ...Object.fromEntries(ok.map((name) => [name, 'ok'])), backup: 'warning' })
  // a monitor has to see it
  t.like(await verdicts(settings, NOW, []), { exit: 1, of: { ...of, server: 'bad' } })
})

test('keys that are lost or damaged, folders that are open, a disk too full, a clock never set', async (t) => {
  const settings = await installed(t)
  const { keys, data } = settings
  t.is((await verdicts({ ...settings, freeBytes: Number.MAX_SAFE_INTEGER })).of['disk'], 'bad')
  t.is((await verdicts(settings, 0)).of['clock'], 'bad')
  await chmod(join(keys, 'server.opaque'), 0o644)
  t.like(await verdicts(settings), { exit: 1, of: { modes: 'bad' } })
  t.is((await verdicts(settings)).of['modes'], 'ok') // opening closed it
  await chmod(data, 0o755)
  const open = await verdicts(settings)
  t.is(open.of['modes'], 'bad')
  t.true(open.says['modes']?.endsWith(`: chmod go= ${data}`), open.says['modes'])
  await chmod(data, 0o700)
  await writeFile(join(keys, 'server.identity'), 'x')
  t.like((await verdicts(settings)).of, { keys: 'bad', server: 'bad' })
  await rm(join(keys, 'server.identity'))
  await rm(join(data, 'store', 'LOCK'))
  const lost = await verdicts(settings)
  await t.throwsAsync(stat(join(data, 'store', 'LOCK')), { code: 'ENOENT' }) // nothing is made
  t.like(lost.of, { keys: 'bad', server: 'bad' })
  t.regex(lost.says['keys'] ?? '', /: server\.identity\. Put back/)
})

test('what belongs to another user is named with the command that gives it back', async (t) => {
  const settings = await installed(t)
  const { keys, data } = settings
  const pid = process.pid
  t.is((await lookAtOwners(settings, pid)).verdict, 'ok')
  const alien = join(data, 'store', 'records', 'left by root.db')
  if (process.getuid?.() !== 0) {
    t.pass('only root can give files away')
    return
  }
  await writeFile(alien, '')
  await chown(alien, 4711, 4711)
  const found = await lookAtOwners(settings, pid)
  t.is(found.verdict, 'bad')
  t.true(found.text.includes(alien), found.text)
  t.true(found.text.endsWith(`chown -R 0 ${data}`), found.text)
  await chown(data, 4711, 4711) // without a process its folder says whose the data are
  t.true((await lookAtOwners(settings, null)).text.includes(`chown -R 4711 ${keys} `))
  t.is((await verdicts(settings)).of['owners'], 'bad')
})

test('a launch password that others may read', async (t) => {
  const settings = await installed(t)
  const launchPasswordFile = join(settings.data, '.pass word')
  for (const [mode, verdict] of [
    [0o600, 'ok'],
    [0o640, 'ok'], // of root, for the group of the server
    [0o660, 'bad'],
    [0o644, 'bad'],
  ] as const) {
    await writeFile(launchPasswordFile, 'a launch password\n')
    await chmod(launchPasswordFile, mode)
    const { of, says } = await verdicts({ ...settings, launchPasswordFile })
    t.is(of['modes'], verdict, mode.toString(8))
    if (verdict === 'bad') t.regex(says['modes'] ?? '', /: chmod g-wx,o= '\/.*\/\.pass word'$/)
  }
})

test('a server that moved away', async (t) => {
  const settings = await installed(t)
  await markMoved(settings.data, '/backups/moved', Date.UTC(2026, 10, 5))
  const { exit, of, says } = await verdicts(settings, NOW, [])
  t.is(exit, 1)
  t.is(of['server'], 'bad')
  t.regex(says['server'] ?? '', /^moved away on 2026-11-05 00:00 UTC, into \/backups\/moved: /)
  t.like(await verdicts(settings), { exit: 0, of: { server: 'warning' } })
})

test('ports that a stopped server would not get', async (t) => {
  const settings = await installed(t)
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const address = other.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const taken = await verdicts({ ...settings, port }, NOW, [])
  t.is(taken.of['port'], 'bad')
  t.regex(taken.says['port'] ?? '', /is in use/)
  t.is((await verdicts({ ...settings, port })).of['port'], 'warning') // it should not run, another may
  t.is((await verdicts({ ...settings, metricsPort: port }, NOW, [])).of['metrics'], 'bad')
  await new Promise((resolve) => other.close(resolve))
  const same = await verdicts({ ...settings, port, metricsPort: port })
  t.like(same, { exit: 1, of: { config: 'bad' } })
})

test('a backup that is old, and settings that do not fit together', async (t) => {
  const settings = await installed(t)
  const at = NOW - 2 * 86_400_000
  await writeFile(join(settings.data, 'last-backup.json'), JSON.stringify({ at }))
  t.is((await verdicts(settings)).of['backup'], 'ok')
  t.is((await verdicts(settings, NOW + 10 * 86_400_000)).of['backup'], 'warning')
  await writeFile(join(settings.data, 'last-backup.json'), 'nonsense')
  t.is((await verdicts(settings)).of['backup'], 'warning')
  t.is((await verdicts({ ...settings, newRecipientsPerDay: 5 })).of['config'], 'warning')
  t.is((await verdicts({ ...settings, fileQuotaBytes: 5 })).of['config'], 'warning')
  t.is((await verdicts({ ...settings, historyTotalBytes: 5 })).of['config'], 'warning')
})

test('keys under a launch password: well without it, opened with it, bad with a wrong one', async (t) => {
  const settings = await installed(t)
  const none = () => Promise.resolve(null)
  const cheap = { ...PASSPHRASE_COST, N: 2 ** 15 }
  await changeLaunchPassword(settings.keys, none, () => Promise.resolve('a launch password'), cheap)
  t.like(await verdicts(settings), { exit: 0, of: { keys: 'ok', server: 'warning', lock: 'ok' } })
  const held = await lockFolder(join(settings.data, 'store'))
  t.like(await verdicts(settings), { exit: 1, of: { lock: 'bad' } }) // nobody answers, somebody is there
  await held.release()
  const launchPasswordFile = join(settings.data, '.password')
  const given = { ...settings, launchPasswordFile }
  await writeFile(launchPasswordFile, 'a launch password\n', { mode: 0o600 })
  t.like(await verdicts(given), { exit: 0, of: { keys: 'ok', server: 'ok' } })
  await writeFile(launchPasswordFile, 'another launch password\n')
  t.like(await verdicts(given), { exit: 1, of: { keys: 'bad', server: 'bad' } })

  // at the prompt
  const asked: number[] = []
  const person =
    (...answers: readonly string[]): LaunchPassword =>
    (attempt) => {
      asked.push(attempt)
      return Promise.resolve(answers[attempt] ?? null)
    }
  const typed = await verdicts(settings, NOW, ['stopped'], person('no', 'a launch password'))
  t.like(typed, { exit: 0, of: { keys: 'ok', server: 'ok' } })
  t.regex(typed.says['keys'] ?? '', /^whole/)
  t.deepEqual(asked, [0, 1]) // once for keys and data
  const wrong = await verdicts(settings, NOW, ['stopped'], person('no', 'nor this', 'nor that'))
  t.like(wrong, { exit: 1, of: { keys: 'bad', server: 'bad' } })
})

test('descriptors for fewer clients than there may be', async (t) => {
  const settings = await installed(t)
  t.is((await verdicts({ ...settings, maxClients: 1e9 })).of['limits'], 'warning')
  t.true(connectionsWithin(null) > 1e9)
  t.is(connectionsWithin(65_536), 65_024)
  t.is(connectionsWithin(256), 128)
  t.is(connectionsWithin(1), 1)
})

test('where nothing is, nothing is made', async (t) => {
  const settings = await settingsIn(t)
  const data = join(settings.data, 'none')
  t.like(await verdicts({ ...settings, data }), {
    exit: 1,
    of: { keys: 'bad', server: 'bad', disk: 'bad' },
  })
  await t.throwsAsync(stat(data), { code: 'ENOENT' })
})

test('a clock that stands before what was written already, or in no possible year', async (t) => {
  const { data } = await installed(t)
  const written = (await stat(join(data, 'store'))).mtimeMs
  for (const now of [0, Date.UTC(2025, 5), Date.UTC(2101, 0), written - 3_600_000]) {
    const { verdict, text } = await lookAtClock(data, now)
    t.is(verdict, 'bad', text)
  }
  t.not((await lookAtClock(data, written + 1)).verdict, 'bad')
  t.not((await lookAtClock(join(data, 'nothing here'), written)).verdict, 'bad')
})

test('the port: this server, another one, something else, nothing at all', async (t) => {
  const settings = await installed(t)
  const launchKey = Promise.resolve(rsa2048(0))
  const running = await startServer(settings, { clock: systemClock, log: silentLog, launchKey })
  t.teardown(() => running.close())
  const { port } = running
  const place = { host: '0.0.0.0', port, publicHost: null, srv: hex(running.srv) }
  t.like(await lookAtPort(place), {
    verdict: 'ok',
    text: `127.0.0.1:${String(port)} is this server`,
  })
  t.like(await lookAtPort({ ...place, publicHost: '127.0.0.1' }), { verdict: 'ok' })
  const unknown = await lookAtPort({ ...place, publicHost: 'no-such-name.invalid' })
  t.is(unknown.verdict, 'warning')
  t.regex(
    unknown.text,
    /^127\.0\.0\.1:\d+ is this server, but no-such-name\.invalid:\d+ is not reached/,
  )
  const { bans } = running.server
  await bans.add('127.0.0.1', 1, 0)
  const banned = await lookAtPort({ ...place, publicHost: '127.0.0.1' })
  t.like(banned, { verdict: 'bad' })
  t.regex(banned.text, /the address of this machine is banned/)
  await bans.remove('127.0.0.1')
  const other = await lookAtPort({ ...place, srv: 'ab'.repeat(32) })
  t.like(other, { verdict: 'bad', text: `127.0.0.1:${String(port)} is another server` })

  const mute = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
  const address = mute.address()
  const at = typeof address === 'object' ? (address?.port ?? 0) : 0
  t.like(await lookAtPort({ ...place, port: at }), { verdict: 'bad' })
  await new Promise((resolve) => mute.close(resolve))
  const gone = await lookAtPort({ ...place, port: at })
  t.is(gone.verdict, 'bad')
  t.regex(gone.text, /is not reached/)
})
