import { constants } from 'node:fs'
import {
  copyFile,
  cp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'

import { openFileStore } from '../../lib/storage/files.ts'
import type { Files } from '../../lib/storage/ports.ts'
import { FID, FILES_LIMITS, filesContract } from './files-contract.ts'
import { bytes, SettableClock, temporaryFolder, text } from './helpers.ts'

const FAR = 4e12
const CHUNK = 65564

function openIn(dir: string, limits = {}): Promise<Files> {
  const clock = new SettableClock()
  return openFileStore({ dir, clock, floorBytes: 0, quotaBytes: 1e9, ...limits })
}

function fid(n: number): string {
  return n.toString(16).padStart(32, '0')
}

filesContract({
  name: 'disk',
  make: async (t) => openIn(await temporaryFolder(t), FILES_LIMITS),
})

filesContract({
  name: 'sealed disk',
  make: async (t) =>
    openIn(await temporaryFolder(t), { ...FILES_LIMITS, key: Buffer.alloc(32, 7) }),
})

test('files, bitmaps and quotas survive a restart, also of an unfinished file', async (t) => {
  const dir = await temporaryFolder(t)
  const before = await openIn(dir, { quotaBytes: 100 })
  await before.put(fid(1), 'o', 3, 0, bytes('aaaa'), FAR)
  await before.put(fid(1), 'o', 3, 2, bytes('cc'), FAR)
  await before.put(fid(2), 'ü\0'.repeat(80), 1, 0, bytes('whole'), 123)
  await before.close()
  const after = await openIn(dir, { quotaBytes: 10 })
  t.deepEqual(await after.usage('o'), { count: 1, bytes: 6 })
  const state = await after.stat(fid(1))
  t.deepEqual([...(state?.have ?? [])], [0b10100000])
  t.is(state?.bytes, 6)
  t.is(text((await after.get(fid(1), 2)) ?? bytes('')), 'cc')
  t.is(await after.put(fid(1), 'o', 3, 1, bytes('bbbbb'), FAR), 'full')
  t.is(await after.put(fid(1), 'o', 3, 1, bytes('bbbb'), FAR), 'stored')
  t.is((await after.stat(fid(2)))?.owner, 'ü\0'.repeat(80))
  t.is(await after.sweep(123), 1)
  await after.close()
  t.deepEqual((await readdir(dir)).sort(), [`${fid(1)}.data`, `${fid(1)}.have`])
})

test('what a crash right now would leave: a finished file whole, an unfinished one as of its last checkpoint', async (t) => {
  const dir = await temporaryFolder(t)
  const files = await openIn(dir)
  for (const i of [0, 1]) await files.put(fid(1), 'o', 2, i, bytes(`whole ${i}`), FAR)
  const count = 200
  for (let i = 0; i < 130; i++) await files.put(fid(2), 'o', count, i, bytes(`part ${i}`), FAR)
  // the store goes on; the copy is what is on disk at this moment
  const copy = join(await temporaryFolder(t), 'copy')
  await cp(dir, copy, { recursive: true })
  await files.close()
  const after = await openIn(copy)
  t.deepEqual([...((await after.stat(fid(1)))?.have ?? [])], [0b11000000])
  t.is(text((await after.get(fid(1), 1)) ?? bytes('')), 'whole 1')
  const have = (await after.stat(fid(2)))?.have ?? []
  const kept = [...have].flatMap((byte) => [...byte.toString(2)].filter((bit) => bit === '1'))
  t.is(kept.length, 128)
  for (let i = 0; i < 128; i++) t.is(text((await after.get(fid(2), i)) ?? bytes('')), `part ${i}`)
  for (let i = 128; i < count; i++) {
    t.is(await after.put(fid(2), 'o', count, i, bytes(`part ${i}`), FAR), 'stored')
  }
  await after.close()
})

test('halves of files that a crash left behind are removed; strange names are not touched', async (t) => {
  const dir = await temporaryFolder(t)
  const first = await openIn(dir)
  await first.put(fid(1), 'o', 1, 0, bytes('good'), FAR)
  await first.put(fid(2), 'o', 1, 0, bytes('no data'), FAR)
  await first.put(fid(3), 'o', 1, 0, bytes('no sidecar'), FAR)
  await first.put(fid(4), 'o', 2, 0, bytes('torn sidecar'), FAR)
  await first.close()
  await rm(join(dir, `${fid(2)}.data`))
  await rm(join(dir, `${fid(3)}.have`))
  await truncate(join(dir, `${fid(4)}.have`), 20)
  await writeFile(join(dir, 'README'), 'not ours')
  const second = await openIn(dir)
  t.deepEqual(await second.usage('o'), { count: 1, bytes: 4 })
  t.is(await second.put(fid(4), 'o', 2, 0, bytes('again'), FAR), 'stored')
  await second.close()
  t.deepEqual(
    (await readdir(dir)).sort(),
    ['README', ...[1, 4].flatMap((n) => [`${fid(n)}.data`, `${fid(n)}.have`])].sort(),
  )
})

test('a chunk that the disk lost is missing, and can be sent again', async (t) => {
  const dir = await temporaryFolder(t)
  const first = await openIn(dir)
  for (const i of [0, 1]) await first.put(FID, 'o', 2, i, Buffer.alloc(CHUNK, i + 1), FAR)
  await first.close()
  await truncate(join(dir, `${FID}.data`), CHUNK + 100)
  const second = await openIn(dir)
  t.deepEqual(await second.get(FID, 0), Buffer.alloc(CHUNK, 1))
  t.is(await second.get(FID, 1), null)
  t.deepEqual([...((await second.stat(FID))?.have ?? [])], [0b10000000])
  t.is(await second.put(FID, 'o', 2, 1, Buffer.alloc(CHUNK, 2), FAR), 'stored')
  t.deepEqual(await second.get(FID, 1), Buffer.alloc(CHUNK, 2))
  await second.close()
})

test('more files than may be open at once, all worked on at the same time', async (t) => {
  const files = await openIn(await temporaryFolder(t), { quotaFiles: 10000 })
  const all = Array.from({ length: 200 }, (_, n) => n)
  await Promise.all(
    all.map(async (n) => {
      for (const i of [0, 1, 2]) await files.put(fid(n), 'o', 3, i, bytes(`${n}/${i}`), FAR)
    }),
  )
  await Promise.all(
    all.map(async (n) => {
      t.is(text((await files.get(fid(n), 1)) ?? bytes('')), `${n}/1`)
    }),
  )
  t.deepEqual(await files.usage('o'), {
    count: 200,
    bytes: all.reduce((sum, n) => sum + 3 * `${n}/0`.length, 0),
  })
  t.is(await files.deleteOwned('o'), 200)
  await files.close()
})

test('files and folder are private, and symbolic links are not followed', async (t) => {
  const dir = join(await temporaryFolder(t), 'files')
  const first = await openIn(dir)
  await first.put(FID, 'o', 1, 0, bytes('x'), FAR)
  await first.close()
  t.is((await stat(dir)).mode & 0o777, 0o700)
  for (const name of await readdir(dir)) t.is((await stat(join(dir, name))).mode & 0o777, 0o600)
  const elsewhere = join(await temporaryFolder(t), 'secret')
  await copyFile(join(dir, `${FID}.data`), elsewhere)
  await rm(join(dir, `${FID}.data`))
  await symlink(elsewhere, join(dir, `${FID}.data`))
  const second = await openIn(dir)
  await t.throwsAsync(second.get(FID, 0), { code: 'E_STORE' })
  await second.close()
})

test('below the floor of free space nothing is accepted and nothing is left', async (t) => {
  const dir = await temporaryFolder(t)
  const files = await openIn(dir, { floorBytes: 1e18 })
  t.is(await files.put(FID, 'o', 1, 0, bytes('x'), FAR), 'full')
  t.deepEqual(await readdir(dir), [])
  await files.close()
})

test('a large file takes its length on disk and no more of memory than its chunks', async (t) => {
  const dir = await temporaryFolder(t)
  const files = await openIn(dir)
  const count = 320
  const chunk = Buffer.alloc(CHUNK, 5)
  for (let i = 0; i < count; i++) await files.put(FID, 'o', count, i, chunk, FAR)
  t.is((await files.stat(FID))?.bytes, count * CHUNK)
  const data = await open(join(dir, `${FID}.data`), constants.O_RDONLY)
  t.is((await data.stat()).size, count * (CHUNK + 4))
  await data.close()
  t.true((await readFile(join(dir, `${FID}.have`))).length < 200)
  await files.close()
})
