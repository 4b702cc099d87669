// The doctor on folders in every state: it finds what is wrong, names it, and changes nothing.
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import type { Check } from '../../../lib/cli/server/operator/check.ts'
import { doctor } from '../../../lib/cli/server/operator/doctor.ts'
import { lookAtClock } from '../../../lib/cli/server/operator/look-clock.ts'
import { lookAtPort } from '../../../lib/cli/server/operator/look-port.ts'
import { connectionsWithin } from '../../../lib/cli/server/descriptors.ts'
import { changeLaunchPassword } from '../../../lib/cli/server/identity.ts'
import { createKey } from '../../../lib/cli/server/key-format.ts'
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

async function verdicts(
  settings: ServerSettings,
  now = NOW,
): Promise<{ readonly exit: number | undefined; readonly of: Readonly<Record<string, string>> }> {
  const { result, exit } = await doctor(settings, now)
  const { checks } = result as { readonly checks: readonly Check[] }
  return { exit, of: Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict])) }
}

test('an installation in order, that does not run and was never saved', async (t) => {
  const { exit, of } = await verdicts(await installed(t))
  t.is(exit, 0)
  const rest = { keys: 'ok', modes: 'ok', disk: 'ok', lock: 'ok', config: 'ok', limits: 'ok' }
  t.deepEqual(
    { ...of, clock: 'ok' },
    { ...rest, clock: 'ok', server: 'warning', port: 'warning', backup: 'warning' },
  )
})

test('keys that are lost or damaged, folders that are open, a disk too full, a clock never set', async (t) => {
  const settings = await installed(t)
  const { keys, data } = settings
  t.is((await verdicts({ ...settings, freeBytes: Number.MAX_SAFE_INTEGER })).of['disk'], 'bad')
  t.is((await verdicts(settings, 0)).of['clock'], 'bad')
  await chmod(join(keys, 'server.opaque'), 0o644)
  t.like(await verdicts(settings), { exit: 1, of: { modes: 'bad' } })
  await chmod(join(keys, 'server.opaque'), 0o600)
  await chmod(data, 0o755)
  t.is((await verdicts(settings)).of['modes'], 'bad')
  await chmod(data, 0o700)
  await writeFile(join(keys, 'server.identity'), 'x')
  t.like((await verdicts(settings)).of, { keys: 'bad', server: 'bad' })
  await rm(join(keys, 'server.identity'))
  t.like((await verdicts(settings)).of, { keys: 'bad', server: 'bad' })
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
  await writeFile(launchPasswordFile, 'a launch password\n')
  t.like(await verdicts(given), { exit: 0, of: { keys: 'ok', server: 'warning' } })
  await writeFile(launchPasswordFile, 'another launch password\n')
  t.like(await verdicts(given), { exit: 1, of: { keys: 'bad', server: 'bad' } })
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
