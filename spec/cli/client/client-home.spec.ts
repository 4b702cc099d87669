// Two clients of one home do not take each other's pins away; what is set aside is still there.
import test from 'ava'

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createClientHome } from '../../../lib/cli/client/client-home.ts'
import { systemClock } from '../../../lib/cli/system-clock.ts'
import { knownServer, rememberServer } from '../../../lib/client/account/home-index.ts'
import { silentLog } from '../../../lib/util/log.ts'

test('servers remembered by two clients at once are all remembered', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'securechat-home-'))
  try {
    const folders = { keys: join(folder, 'keys'), data: join(folder, 'data') }
    const homes = [0, 1].map(() => createClientHome(folders, systemClock, silentLog))
    const srv = Buffer.alloc(32, 1)
    const ports = [1, 2, 3, 4, 5, 6]
    await Promise.all(
      ports.map(async (port) => {
        const home = homes[port % 2]
        if (home === undefined) return
        await rememberServer(home, { host: 'h', port, srv, since: 1, highestVersion: 1 })
      }),
    )
    for (const port of ports) {
      for (const home of homes) t.is((await knownServer(home, 'h', port))?.port, port)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a profile that is set aside keeps its files under another name', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'securechat-home-'))
  try {
    const folders = { keys: join(folder, 'keys'), data: join(folder, 'data') }
    const home = createClientHome(folders, systemClock, silentLog)
    const places: string[] = []
    for (const text of ['one', 'two']) {
      const profile = await home.openProfile('abc')
      await profile.writeKeyFile('secret', Buffer.from(text))
      await profile.close()
      places.push(await home.setAside('abc'))
    }
    t.is(new Set(places).size, 2)
    for (const place of places) t.true((await stat(place)).isDirectory())
    const keys = join(folders.keys, 'client')
    t.is(await readFile(join(keys, 'abc-aside-1', 'secret'), 'utf8'), 'one')
    t.is(await readFile(join(keys, 'abc-aside-2', 'secret'), 'utf8'), 'two')
    const fresh = await home.openProfile('abc')
    t.is(await fresh.readKeyFile('secret'), null)
    await fresh.close()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a home that cannot be used is named, with the way out', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'securechat-home-'))
  try {
    const keys = join(folder, 'keys')
    await writeFile(keys, '')
    const home = createClientHome({ keys, data: join(folder, 'data') }, systemClock, silentLog)
    const srv = Buffer.alloc(32, 1)
    const server = { host: 'h', port: 1, srv, since: 1, highestVersion: 1 }
    const expected = { code: 'E_FILE', message: /a file is in the way.*SECURECHAT_HOME/ }
    await t.throwsAsync(rememberServer(home, server), expected)
    await t.throwsAsync(home.openProfile('p'), expected)
  } finally {
    await rm(folder, { recursive: true })
  }
})
