// Data of every format there ever was open for ever, with everything in them; data of the future are refused untouched. A new
// format leaves the folder of the old one here, and adds its own.
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import test from 'ava'

import { DATA_FORMAT, formatOf, noteFormat } from '../../../lib/cli/server/data-folder.ts'
import { loadServerKeys } from '../../../lib/cli/server/identity.ts'
import { defaultSettings, type ServerSettings } from '../../../lib/cli/server/settings.ts'
import { startServer } from '../../../lib/cli/server/start.ts'
import { systemClock } from '../../../lib/cli/system-clock.ts'
import { openFileStore } from '../../../lib/storage/files.ts'
import { HiddenNames } from '../../../lib/storage/hidden-names.ts'
import { silentLog } from '../../../lib/util/log.ts'
import { rsa2048 } from '../../helpers/keys.ts'

const FIXTURES = new URL('../../fixtures/', import.meta.url)
const FORMATS = Array.from({ length: DATA_FORMAT }, (_, i) => i + 1)
/** A file of alice's that waits for bob. */
const FID = '465ebed37c00ee07f03a09a4bd0740b1'

/** What a server left when it was stopped: alice and bob, three mails for bob, a file, histories, an invitation, a ban. */
async function dataOf(
  t: { teardown(fn: () => Promise<void>): void },
  format: number,
): Promise<ServerSettings> {
  const home = await mkdtemp(join(tmpdir(), 'securechat-format-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  const [keys, data] = [join(home, 'keys'), join(home, 'data')]
  await cp(fileURLToPath(new URL('server-keys', FIXTURES)), keys, { recursive: true })
  for (const name of await readdir(keys)) await chmod(join(keys, name), 0o600)
  const from = new URL(`data-format-${String(format)}`, FIXTURES)
  await cp(fileURLToPath(from), data, { recursive: true })
  return { ...defaultSettings({ keys, data: home }), data, host: '127.0.0.1', port: 0 }
}

function start(settings: ServerSettings) {
  const launchKey = Promise.resolve(rsa2048(0))
  return startServer(settings, { clock: systemClock, log: silentLog, launchKey })
}

async function everything(dir: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    found.set(path, (await readFile(path)).toString('base64'))
  }
  return found
}

for (const format of FORMATS) {
  test(`data of format ${String(format)} open with everything in them, a second time as well`, async (t) => {
    const settings = await dataOf(t, format)
    for (let round = 0; round < 2; round++) {
      const running = await start(settings)
      const { server, store } = running
      t.is(await server.users.count(), 2)
      for (const name of ['alice', 'bob']) {
        const shown = await server.users.show(name)
        t.is(shown.devices, 1)
        t.true(shown.historyBytes > 0, name)
      }
      t.is((await store.mail.total()).count, 3)
      t.like(await server.invites.all(), [{ uses: 3, used: 0 }])
      t.true(server.bans.has('203.0.113.7:5000', systemClock.now()))
      await running.close()
      const dir = join(settings.data, 'files')
      const stored = await loadServerKeys(settings.keys, () => Promise.resolve(null))
      const files = await openFileStore({
        ...{ dir, quotaBytes: 1e9, floorBytes: 0, clock: systemClock, log: silentLog },
        key: stored?.storeKey ?? Buffer.alloc(32),
      })
      t.like(await files.stat(FID), { chunkCount: 1, bytes: 284 })
      await files.close()
      t.is(await formatOf(settings.data), DATA_FORMAT)
      const note = JSON.parse(await readFile(join(settings.data, 'server.json'), 'utf8')) as object
      t.like(note, { format: DATA_FORMAT, from: undefined })
    }
  })
}

test('data of a format of the future are refused in words, and no byte is changed', async (t) => {
  const settings = await dataOf(t, DATA_FORMAT)
  const note = join(settings.data, 'server.json')
  const text = await readFile(note, 'utf8')
  await writeFile(
    note,
    text.replace(`"format":${String(DATA_FORMAT)}`, `"format":${String(DATA_FORMAT + 1)}`),
  )
  const before = await everything(settings.data)
  const error = await t.throwsAsync(start(settings), { code: 'E_CONFIG' })
  t.regex(error.message, /newer SecureChat .* Nothing was changed/)
  t.deepEqual(await everything(settings.data), before)
})

test('a change of format that a crash cut short is gone on with; earlier versions refuse what is half done', async (t) => {
  const settings = await dataOf(t, 1)
  await noteFormat(settings.data, 1)
  const note = join(settings.data, 'server.json')
  t.like(JSON.parse(await readFile(note, 'utf8')), { format: DATA_FORMAT, from: 1 })
  t.is(await formatOf(settings.data), 1)
  const running = await start(settings)
  t.is((await running.store.mail.total()).count, 3)
  await running.close()
  t.is(await formatOf(settings.data), DATA_FORMAT)
  t.false((await readdir(join(settings.data, 'files'))).some((name) => name.startsWith(FID)))

  const text = await readFile(note, 'utf8')
  await writeFile(note, text.replace('"srv"', `"from":${String(DATA_FORMAT + 1)},"srv"`))
  await t.throwsAsync(start(settings), { code: 'E_CORRUPT' })
})

test('a change of format that fails says so, loses nothing, and is done when its cause is gone', async (t) => {
  const settings = await dataOf(t, 1)
  const files = join(settings.data, 'files')
  const keys = await loadServerKeys(settings.keys, () => Promise.resolve(null))
  const name = new HiddenNames(keys?.storeKey ?? Buffer.alloc(32)).of('files', FID)
  const obstacle = join(files, `${name}.have`)
  await mkdir(join(obstacle, 'x'), { recursive: true })
  await t.throwsAsync(start(settings), { code: 'E_STORE' })
  t.is(await formatOf(settings.data), 1)
  t.true((await readdir(files)).includes(`${FID}.data`))
  await rm(obstacle, { recursive: true })
  const running = await start(settings)
  await running.close()
  t.deepEqual((await readdir(files)).sort(), [`${name}.data`, `${name}.have`])
})
