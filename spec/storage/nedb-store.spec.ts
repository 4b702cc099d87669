// The store as a folder: what lies in it, who may read it, and what happens when it is not as it should be.
import { chmod, cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'
import type { ExecutionContext } from 'ava'

import { openNedbStore, type NedbStoreOptions } from '../../lib/storage/nedb/store.ts'
import type { Store } from '../../lib/storage/ports.ts'
import { silentLog } from '../../lib/util/log.ts'
import { bytes, refusal, SettableClock, temporaryFolder, text, until } from './helpers.ts'

const KEY = Buffer.alloc(32, 1)

function open(dir: string, more: Partial<NedbStoreOptions> = {}): Promise<Store> {
  return openNedbStore({ dir, clock: new SettableClock(), log: silentLog, shards: 2, ...more })
}

/** Every file below the folder with its content. */
async function contents(dir: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) files.set(path, await readFile(path))
  }
  return files
}

async function fill(store: Store): Promise<void> {
  await store.records.put('acc', 'plain-id', bytes('plain body'), {
    unique: { name: 'plain name' },
    index: { owner: 'plain owner' },
  })
  const mail = { box: 'plain box', id: 'plain mail', body: bytes('plain body'), expires: 4e12 }
  await store.mail.append([{ ...mail, from: 'plain sender', isOwn: false, likelyAcked: false }])
  await store.logs.append('plain log', 0, [bytes('plain body')])
}

test('everything in the folder is private, and an open folder is closed to others', async (t) => {
  const dir = join(await temporaryFolder(t), 'data', 'store')
  await mkdir(join(dir, 'records'), { recursive: true, mode: 0o755 })
  await chmod(dir, 0o755)
  const store = await open(dir)
  await fill(store)
  await store.records.delete('acc', 'plain-id')
  await store.close()
  await (await open(dir, { preload: true })).close()
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const { mode } = await stat(join(entry.parentPath, entry.name))
    t.is(mode & 0o777, entry.isDirectory() ? 0o700 : 0o600, entry.name)
  }
  t.is((await stat(dir)).mode & 0o777, 0o700)
  await chmod(join(dir, 'records', 'acc.db'), 0o644)
  await (await open(dir, { preload: true })).close()
  t.is((await stat(join(dir, 'records', 'acc.db'))).mode & 0o777, 0o600)
})

test('with a key no word of what is stored can be read in the folder', async (t) => {
  const dir = await temporaryFolder(t)
  const store = await open(dir, { key: KEY })
  await fill(store)
  await store.close()
  for (const [path, content] of await contents(dir)) {
    t.false(content.includes('plain'), path)
    t.false(content.includes(Buffer.from('plain body').toString('base64')), path)
    t.false(path.slice(dir.length).includes('plain'))
  }
  const again = await open(dir, { key: KEY })
  t.is(text((await again.records.get('acc', 'plain-id'))?.body ?? bytes('')), 'plain body')
  await again.close()
})

const changesNothing = test.macro(
  async (
    t: ExecutionContext,
    first: Partial<NedbStoreOptions>,
    then: Partial<NedbStoreOptions>,
  ) => {
    const dir = await temporaryFolder(t)
    const store = await open(dir, first)
    await fill(store)
    await store.close()
    const before = await contents(dir)
    t.is(await refusal(open(dir, then)), 'E_CONFIG')
    t.is(await refusal(open(dir, { ...then, preload: true })), 'E_CONFIG')
    t.deepEqual(await contents(dir), before)
    await (await open(dir, first)).close()
  },
)

test(
  'a wrong key is told and changes nothing',
  changesNothing,
  { key: KEY },
  { key: Buffer.alloc(32, 2) },
)
test('a missing key is told and changes nothing', changesNothing, { key: KEY }, {})
test('a key for a plain store is told and changes nothing', changesNothing, {}, { key: KEY })

test('a key of another length is a mistake of the program', async (t) => {
  const dir = await temporaryFolder(t)
  await t.throwsAsync(open(dir, { key: Buffer.alloc(16) }), { instanceOf: RangeError })
  await (await open(dir)).close()
})

test('a description that is lost, damaged or of another version is refused', async (t) => {
  const dir = await temporaryFolder(t)
  const store = await open(dir)
  await fill(store)
  await store.close()
  const path = join(dir, 'store.json')
  for (const [content, code] of [
    ['', 'E_CORRUPT'],
    ['{}', 'E_CORRUPT'],
    ['null', 'E_CORRUPT'],
    ['{"format":1,"shards":0,"check":null}', 'E_CORRUPT'],
    ['{"format":1,"shards":2,"check":7}', 'E_CORRUPT'],
    ['{"format":2,"shards":2,"check":null}', 'E_CONFIG'],
  ] as const) {
    await writeFile(path, content)
    t.is(await refusal(open(dir)), code, content)
  }
  await rm(path)
  t.is(await refusal(open(dir)), 'E_CORRUPT')
})

test('the number of mailbox files stays what it was', async (t) => {
  const dir = await temporaryFolder(t)
  const store = await open(dir, { shards: 3 })
  await fill(store)
  await store.close()
  const again = await open(dir, { shards: 7, preload: true })
  t.is((await again.mail.read('plain box', 0, 9)).length, 1)
  await again.close()
  t.is((await readdir(join(dir, 'mail'))).filter((name) => name.endsWith('.db')).length, 3)
})

test('damage in one kind is told by its first use, or by the start when all is opened at once', async (t) => {
  const dir = await temporaryFolder(t)
  const store = await open(dir, { key: KEY })
  await fill(store)
  await store.records.put('dev', '1', bytes('x'))
  await store.close()
  const path = join(dir, 'records', 'acc.db')
  const damaged = await readFile(path)
  damaged.write('????', 10)
  await writeFile(path, damaged)
  const lazy = await open(dir, { key: KEY })
  t.is(await refusal(lazy.records.get('acc', 'plain-id')), 'E_CORRUPT')
  t.not(await lazy.records.get('dev', '1'), null)
  await lazy.close()
  t.is(await refusal(open(dir, { key: KEY, preload: true })), 'E_CORRUPT')
  t.deepEqual(await readFile(path), damaged)
})

test('a record that a crash left in two versions is the newer one', async (t) => {
  const dir = await temporaryFolder(t)
  const store = await open(dir)
  await store.records.put('acc', '1', bytes('old'), { unique: { name: 'old' } })
  await store.records.put('acc', '1', bytes('new'), { unique: { name: 'new' } })
  await store.close()
  const path = join(dir, 'records', 'acc.db')
  // the removal of the old version is the last line: without it the file is what a crash leaves
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  t.true(lines.at(-1)?.includes('$$deleted'))
  await writeFile(path, `${lines.slice(0, -1).join('\n')}\n`)
  const again = await open(dir)
  t.is(text((await again.records.get('acc', '1'))?.body ?? bytes('')), 'new')
  t.is(await again.records.getUnique('acc', 'name', 'old'), null)
  await again.close()
  t.is((await readFile(path, 'utf8')).split('"old"').length - 1, 1)
})

test('records are compacted in traffic and nothing is lost by it', async (t) => {
  const dir = await temporaryFolder(t)
  const store = await open(dir)
  const path = join(dir, 'records', 'acc.db')
  const body = Buffer.alloc(100, 'x')
  let largest = 0
  for (let round = 0; round < 11; round++) {
    const items = Array.from({ length: 100 }, (_, i) => ({
      id: String(i),
      body,
      keys: { unique: { name: `${i} of round ${round}` } },
    }))
    await store.records.putMany('acc', items)
    largest = Math.max(largest, (await stat(path)).size)
  }
  await until(async () => (await stat(path)).size < largest / 2)
  await store.close()
  const again = await open(dir)
  for (let i = 0; i < 100; i++) {
    t.is((await again.records.getUnique('acc', 'name', `${i} of round 10`))?.rev, 11)
  }
  await again.close()
})

test('a copy taken while the store works can be opened, and holds all that was acknowledged', async (t) => {
  const dir = await temporaryFolder(t)
  const store = await open(dir)
  await fill(store)
  const copy = join(await temporaryFolder(t), 'copy')
  await cp(dir, copy, { recursive: true })
  const restored = await open(copy)
  t.not(await restored.records.get('acc', 'plain-id'), null)
  t.is((await restored.mail.read('plain box', 0, 9)).length, 1)
  t.is((await restored.logs.head('plain log')).next, 1)
  await restored.close()
  await store.close()
})

test('an unreadable collection is an answer, not the end of the process', async (t) => {
  const dir = await temporaryFolder(t)
  const store = await open(dir)
  await mkdir(join(dir, 'records', 'acc.db'))
  t.is(await refusal(store.records.get('acc', '1')), 'E_STORE')
  await rm(join(dir, 'records', 'acc.db'), { recursive: true })
  t.is(await store.records.get('acc', '1'), null)
  await store.close()
})
