// Root on folders of another user: refused with words, and nothing of root's is left there.
import { chown, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import { exitCodeOf } from '../../../lib/cli/exit-codes.ts'
import { refuseRoot } from '../../../lib/cli/server/refuse-root.ts'
import { defaultSettings } from '../../../lib/cli/server/settings.ts'
import { startServer } from '../../../lib/cli/server/start.ts'
import { systemClock } from '../../../lib/cli/system-clock.ts'
import { silentLog } from '../../../lib/util/log.ts'

const SELF = process.getuid?.() ?? 0
const OTHER = 65_533

async function folder(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'securechat-root-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const asRoot = SELF === 0 ? test : test.skip

test('nobody but root is looked at', async (t) => {
  const dir = await folder(t)
  const folders = { keys: join(dir, 'keys'), data: join(dir, 'data') }
  await t.notThrowsAsync(refuseRoot(folders, 1000))
  await t.notThrowsAsync(refuseRoot(folders, undefined))
  if (SELF === 0) await t.notThrowsAsync(refuseRoot(folders))
})

asRoot('a server of another user: neither start nor command of root touches it', async (t) => {
  const dir = await folder(t)
  const [keys, data] = [join(dir, 'keys'), join(dir, 'data')]
  const settings = { ...defaultSettings({ keys, data }), data }
  for (const isOffline of [false, true]) {
    await chown(dir, OTHER, OTHER)
    const start = startServer(settings, { clock: systemClock, log: silentLog, isOffline })
    const error = await t.throwsAsync(start, { code: 'E_FILE', message: /belongs to user 65533/ })
    t.is(exitCodeOf(error), 66)
    t.deepEqual(await readdir(dir), [])
  }
  await chown(dir, SELF, SELF)
  await mkdir(keys)
  await chown(keys, OTHER, OTHER)
  await t.throwsAsync(refuseRoot({ keys, data }), { message: /keys belongs to .*sudo -u '#65533'/ })
})
