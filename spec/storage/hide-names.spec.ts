// Data format 2: no name and no clear byte tells whose something is; folders of format 1 become so, wherever a crash cuts in.
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'
import type { ExecutionContext } from 'ava'

import { sha256 } from '../../lib/crypto/hash.ts'
import { openFileStore } from '../../lib/storage/files.ts'
import { hideNames } from '../../lib/storage/hide-names.ts'
import { HiddenNames } from '../../lib/storage/hidden-names.ts'
import type { Files } from '../../lib/storage/ports.ts'
import { type NedbStore, openNedbStore } from '../../lib/storage/nedb/store.ts'
import { hex, utf8 } from '../../lib/util/bytes.ts'
import { silentLog } from '../../lib/util/log.ts'
import { bytes, SettableClock, temporaryFolder, text } from './helpers.ts'

const KEY = Buffer.alloc(32, 5)
const FAR = 4e12
const FID = 'c4'.repeat(16)
const EMPTY = 'e0'.repeat(16)
const OWNER = 'a1'.repeat(32)
const LOG = `${OWNER}.b2b2`
const BOX = 'd3'.repeat(16)

interface Opened {
  readonly store: NedbStore
  readonly files: Files
}

async function open(
  dir: string,
  isHidden: boolean,
  prepare?: () => Promise<void>,
): Promise<Opened> {
  const clock = new SettableClock()
  const store = await openNedbStore({
    ...{ dir: join(dir, 'store'), clock, log: silentLog, key: KEY, hideNames: isHidden },
    ...(prepare === undefined ? {} : { prepare }),
  })
  const files = await openFileStore({
    ...{ dir: join(dir, 'files'), clock, floorBytes: 0, quotaBytes: 1e9 },
    ...(isHidden ? { key: KEY } : {}),
  })
  return { store, files }
}

async function close({ store, files }: Opened): Promise<void> {
  await files.close()
  await store.close()
}

async function fill({ store, files }: Opened): Promise<void> {
  await store.logs.append(LOG, 0, [bytes('one'), bytes('two')])
  await store.mail.append([
    {
      ...{ box: BOX, from: OWNER, isOwn: false, id: '1', body: bytes('mail') },
      ...{ expires: FAR, likelyAcked: false },
    },
  ])
  await files.put(FID, OWNER, 3, 0, bytes('aaaa'), FAR)
  await files.put(FID, OWNER, 3, 2, bytes('cc'), FAR)
}

async function isAllThere(t: ExecutionContext, { store, files }: Opened): Promise<void> {
  t.is((await store.logs.head(LOG)).next, 2)
  t.is((await store.mail.read(BOX, 0, 9)).length, 1)
  t.like(await files.stat(FID), { owner: OWNER, chunkCount: 3, expires: FAR, bytes: 6 })
  t.deepEqual([...((await files.stat(FID))?.have ?? [])], [0b10100000])
  t.is(text((await files.get(FID, 2)) ?? bytes('')), 'cc')
  t.deepEqual(await files.usage(OWNER), { count: 1, bytes: 6 })
}

async function oldFolder(t: ExecutionContext): Promise<string> {
  const dir = await temporaryFolder(t)
  const opened = await open(dir, false)
  await fill(opened)
  await close(opened)
  return dir
}

function migrateIn(dir: string): Promise<void> {
  return hideNames({ store: join(dir, 'store'), files: join(dir, 'files') }, KEY)
}

async function everything(dir: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>()
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    found.set(path.slice(dir.length), await readFile(path))
  }
  return found
}

test('no id of an account, a device, a log or a file, nor a hash of one, is in a name or a byte of the folder', async (t) => {
  const dir = await temporaryFolder(t)
  const opened = await open(dir, true)
  await fill(opened)
  await close(opened)
  const ids = [OWNER, LOG, BOX, FID]
  const clues = ids.flatMap((id) => [
    id,
    hex(sha256(utf8(id))),
    hex(sha256(Buffer.from(id, 'hex'))),
  ])
  for (const [name, content] of await everything(dir)) {
    t.notRegex(
      name,
      /\/mail\/\d\d\.db/,
      'the number of a mail file follows from the ids of its boxes',
    )
    for (const clue of clues) {
      const short = clue.slice(0, 16)
      t.false(name.includes(short), name)
      t.false(content.includes(short), name)
      t.false(content.includes(Buffer.from(short, 'hex')), name)
    }
  }
  const again = await open(dir, true)
  await isAllThere(t, again)
  await close(again)
})

test('two servers give the same thing other names, and one server gives other things other names', (t) => {
  const [mine, other] = [new HiddenNames(KEY), new HiddenNames(Buffer.alloc(32, 6))]
  t.is(mine.of('files', FID), new HiddenNames(KEY).of('files', FID))
  t.regex(mine.of('files', FID), /^[0-9a-f]{32}$/)
  t.not(mine.of('files', FID), other.of('files', FID))
  t.not(mine.of('files', FID), mine.of('logs', FID))
  t.not(mine.of('files', FID), mine.of('files', EMPTY))
})

test('a folder of format 1 has everything under hidden names, and a second run finds nothing to do', async (t) => {
  const dir = await oldFolder(t)
  const opened = await open(dir, true, () => migrateIn(dir))
  await isAllThere(t, opened)
  await close(opened)
  const before = await everything(dir)
  await migrateIn(dir)
  t.deepEqual(await everything(dir), before)
  t.false([...before.keys()].some((name) => name.includes(FID)))
})

test('wherever a crash cuts the change of names short, the next one ends it and nothing is lost', async (t) => {
  const old = await oldFolder(t)
  const done = join(await temporaryFolder(t), 'done')
  await cp(old, done, { recursive: true })
  await migrateIn(done)
  const hidden = new HiddenNames(KEY).of('files', FID)
  const copyDone = (dir: string, part: string) =>
    cp(join(done, 'store', part), join(dir, 'store', part), { recursive: true })
  const cuts: ((dir: string) => Promise<unknown>)[] = [
    (dir) => cp(join(done, 'files', `${hidden}.have`), join(dir, 'files', `${hidden}.have`)),
    async (dir) => {
      await cp(join(done, 'files', `${hidden}.have`), join(dir, 'files', `${hidden}.have`))
      await rename(join(dir, 'files', `${FID}.data`), join(dir, 'files', `${hidden}.data`))
    },
    (dir) => rm(join(dir, 'store', 'logs'), { recursive: true }).then(() => copyDone(dir, 'logs')),
    (dir) => rm(join(dir, 'store', 'mail'), { recursive: true }).then(() => copyDone(dir, 'mail')),
  ]
  for (const cut of cuts) {
    const dir = join(await temporaryFolder(t), 'cut')
    await cp(old, dir, { recursive: true })
    await cut(dir)
    await migrateIn(dir)
    const opened = await open(dir, true)
    await isAllThere(t, opened)
    await close(opened)
    t.deepEqual(
      (await readdir(join(dir, 'files'))).sort(),
      [`${hidden}.data`, `${hidden}.have`].sort(),
    )
  }
})

test('a sidecar under the name of another file, or of another server, counts for nothing', async (t) => {
  const dir = await temporaryFolder(t)
  const opened = await open(dir, true)
  await fill(opened)
  await close(opened)
  const names = new HiddenNames(KEY)
  const at = (fid: string, end: string) => join(dir, 'files', `${names.of('files', fid)}.${end}`)
  for (const end of ['have', 'data']) await rename(at(FID, end), at(EMPTY, end))
  const again = await open(dir, true)
  t.deepEqual(await again.files.usage(OWNER), { count: 0, bytes: 0 })
  t.is(await again.files.stat(EMPTY), null)
  await close(again)
})

test('a folder without data of any kind is left as it is', async (t) => {
  const dir = join(await temporaryFolder(t), 'new')
  await mkdir(dir)
  await migrateIn(dir)
  t.deepEqual(await readdir(dir), [])
})
