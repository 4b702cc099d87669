// The composition in one process: what is opened is closed, also when a later step fails.
import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import { askFolder } from '../../../lib/cli/server/operator/ask.ts'
import { defaultSettings, type ServerSettings } from '../../../lib/cli/server/settings.ts'
import { type RunningServer, startServer } from '../../../lib/cli/server/start.ts'
import { createKey } from '../../../lib/cli/server/key-format.ts'
import { systemClock } from '../../../lib/cli/system-clock.ts'
import { createSetup, opaqueReady } from '../../../lib/crypto/opaque.ts'
import { sha256 } from '../../../lib/crypto/hash.ts'
import { silentLog } from '../../../lib/util/log.ts'
import { rsa2048, rsa3072 } from '../../helpers/keys.ts'
import { memoryWire } from '../../helpers/memory-duplex.ts'

async function setUp(t: { teardown(fn: () => Promise<void>): void }): Promise<ServerSettings> {
  const home = await mkdtemp(join(tmpdir(), 'securechat-start-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  const keys = join(home, 'keys')
  await opaqueReady()
  const key = rsa3072(0).exportPkcs8()
  await createKey(join(keys, 'server.identity'), { k: 'server-identity', key, former: [] })
  await createKey(join(keys, 'server.opaque'), { k: 'server-opaque', key: createSetup() })
  const storeKey = { k: 'server-store-key', key: Buffer.alloc(32, 1) }
  await createKey(join(keys, 'server.store-key'), storeKey)
  const settings = defaultSettings({ keys, data: join(home, 'data') })
  return { ...settings, host: '127.0.0.1', port: 0 }
}

function start(settings: ServerSettings): Promise<RunningServer> {
  const launchKey = Promise.resolve(rsa2048(0))
  return startServer(settings, { clock: systemClock, log: silentLog, launchKey })
}

test('what runs under the keys is their server; after close the same folders start again', async (t) => {
  const settings = await setUp(t)
  for (let round = 0; round < 2; round++) {
    const running = await start(settings)
    t.deepEqual(running.srv, sha256(rsa3072(0).publicKey.spki))
    t.true(running.port > 0)
    t.is(await running.store.health(), 'ok')
    await running.close()
    t.is(await running.store.health(), 'down')
    await t.notThrowsAsync(running.close())
  }
})

test('a start that fails late gives everything back', async (t) => {
  const settings = await setUp(t)
  const first = await start(settings)
  const other = { ...(await setUp(t)), port: first.port }
  await t.throwsAsync(start(other), { code: 'E_CONNECT' })
  await first.close()
  const second = await start(other) // the port and the data of the failed start are free
  await second.close()
})

test('keys whose data are gone begin no empty server; whoever means it says so', async (t) => {
  const settings = await setUp(t)
  const { keys, data } = settings
  const note = join(keys, 'server.data.json')
  await (await start(settings)).close()
  const typo = { ...settings, data: `${data}-2` }
  const other = await t.throwsAsync(start(typo), { code: 'E_CONFIG' })
  for (const word of [data, typo.data, note]) t.true(other.message.includes(word), word)
  await t.throwsAsync(readdir(typo.data), { code: 'ENOENT' })
  const offline = { clock: systemClock, log: silentLog, isOffline: true }
  await t.throwsAsync(startServer(typo, offline), { code: 'E_CONFIG', message: /has had data/ })
  // so does a command of the operator, who would else read that there is no server yet
  const asked = askFolder(typo, { op: 'status', args: {} })
  await t.throwsAsync(asked, { code: 'E_CONFIG', message: /has had data/ })

  await rename(data, typo.data) // with its data it may have another place, and the note follows
  await (await start(typo)).close()
  await rename(join(typo.data, 'store'), join(typo.data, '.aside'))
  await t.throwsAsync(start(typo), { code: 'E_CONFIG', message: /there are none/ })
  await rm(typo.data, { recursive: true })
  await rm(join(keys, 'server.opaque'))
  await t.throwsAsync(start(typo), { code: 'E_CONFIG', message: /there are none/ })
  t.false((await readdir(keys)).includes('server.opaque'))
  await writeFile(note, 'damaged')
  await t.throwsAsync(start(typo), { code: 'E_CONFIG' })
  await rm(note)
  await (await start(typo)).close()
})

test('a launch key that cannot be made stops the start, and frees the data', async (t) => {
  const settings = await setUp(t)
  const launchKey = Promise.reject(new Error('no entropy'))
  const deps = { clock: systemClock, log: silentLog, launchKey }
  await t.throwsAsync(startServer(settings, deps), { message: 'no entropy' })
  const running = await start(settings)
  await running.close()
})

test('a launch password given at the first start protects the keys made there; an unfit one makes none', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'securechat-start-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  const launchPasswordFile = join(home, 'password')
  const settings = {
    ...defaultSettings({ keys: join(home, 'keys'), data: join(home, 'data') }),
    ...{ host: '127.0.0.1', port: 0, launchPasswordFile },
  }
  await writeFile(launchPasswordFile, 'short\n')
  await t.throwsAsync(start(settings), { code: 'E_CONFIG' })
  await t.throwsAsync(readdir(settings.keys), { code: 'ENOENT' })
  await writeFile(launchPasswordFile, 'a launch password\n')
  const first = await start(settings)
  await first.close()
  await t.throwsAsync(start({ ...settings, launchPasswordFile: null }), { code: 'E_AUTH' })
  const second = await start(settings)
  await second.close()
  t.deepEqual(second.srv, first.srv)
})

test('a launch password that protects nothing is warned of', async (t) => {
  const settings = await setUp(t)
  const warned: string[] = []
  const log = { ...silentLog, warn: (event: string) => warned.push(event) }
  const given = { ...settings, launchPasswordFile: join(settings.keys, 'none') }
  const launchKey = Promise.resolve(rsa2048(0))
  const running = await startServer(given, { clock: systemClock, log, launchKey })
  await running.close()
  t.deepEqual(warned, ['keys.unprotected'])
})

for (const logAddresses of [false, true]) {
  test(`whom to ban stands in the log, ${logAddresses ? 'by address' : 'by network'}`, async (t) => {
    const settings = { ...(await setUp(t)), logAddresses }
    const warned: unknown[] = []
    const log = { ...silentLog, warn: (...line: unknown[]) => warned.push(line) }
    const launchKey = Promise.resolve(rsa2048(0))
    const { server, close } = await startServer(settings, { clock: systemClock, log, launchKey })
    await server.bans.add('203.0.113.0/24', 1, 0)
    for (const from of ['203.0.113.7:1', '203.0.113.9:1', '203.0.113.9:2']) {
      server.accept(memoryWire().b, from)
    }
    await close()
    t.deepEqual(
      warned,
      logAddresses
        ? [
            ['refused.banned', { address: '203.0.113.9', count: 2 }],
            ['refused.banned', { address: '203.0.113.7', count: 1 }],
          ]
        : [['refused.banned', { address: '203.0.113.0/24', count: 3 }]],
    )
  })
}
