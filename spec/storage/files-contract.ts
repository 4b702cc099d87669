// The contract of Files, shared by both adapters.
import test from 'ava'
import type { ExecutionContext } from 'ava'

import type { Files } from '../../lib/storage/ports.ts'
import { bytes, refusal, text } from './helpers.ts'

export const FILES_LIMITS = { quotaBytes: 1000, quotaFiles: 5, totalBytes: 2500 } as const

export interface FilesAdapter {
  readonly name: string
  make(t: ExecutionContext): Promise<Files>
}

const FAR = 4e12
export const FID = 'ab'.repeat(16)

function fid(n: number): string {
  return n.toString(16).padStart(32, '0')
}

type Case = (t: ExecutionContext, files: Files) => Promise<void>

const CASES: Readonly<Record<string, Case>> = {
  'chunks come back in any order, and the bitmap says which are there': async (t, files) => {
    t.is(await files.stat(FID), null)
    t.is(await files.get(FID, 0), null)
    t.is(await files.put(FID, 'o', 10, 9, bytes('nine'), FAR), 'stored')
    t.is(await files.put(FID, 'o', 10, 0, bytes('zero'), FAR), 'stored')
    t.is(text((await files.get(FID, 9)) ?? bytes('')), 'nine')
    t.is(text((await files.get(FID, 0)) ?? bytes('')), 'zero')
    t.is(await files.get(FID, 1), null)
    t.is(await files.get(FID, 10), null)
    t.is(await files.get(FID, -1), null)
    const state = await files.stat(FID)
    t.deepEqual([...(state?.have ?? [])], [0x80, 0x40])
    t.deepEqual(
      { ...state, have: null },
      {
        chunkCount: 10,
        have: null,
        expires: FAR,
        owner: 'o',
        bytes: 8,
      },
    )
  },
  'a chunk is stored once, also when it comes twice at the same time': async (t, files) => {
    const put = () => files.put(FID, 'o', 2, 0, bytes('x'), FAR)
    t.deepEqual((await Promise.all([put(), put(), put()])).sort(), [
      'duplicate',
      'duplicate',
      'stored',
    ])
    t.is(await put(), 'duplicate')
    t.deepEqual(await files.usage('o'), { count: 1, bytes: 1 })
  },
  'another owner or another count is a mismatch, and changes nothing': async (t, files) => {
    await files.put(FID, 'o', 2, 0, bytes('x'), FAR)
    t.is(await files.put(FID, 'p', 2, 1, bytes('x'), FAR), 'mismatch')
    t.is(await files.put(FID, 'o', 3, 1, bytes('x'), FAR), 'mismatch')
    t.is((await files.stat(FID))?.bytes, 1)
    t.deepEqual(await files.usage('p'), { count: 0, bytes: 0 })
  },
  'a file that cannot fit is refused at its first chunk and leaves nothing': async (t, files) => {
    t.is(await files.put(FID, 'o', 12, 0, Buffer.alloc(100), FAR), 'full')
    t.is(await files.stat(FID), null)
    t.deepEqual(await files.usage('o'), { count: 0, bytes: 0 })
    t.is(await files.put(FID, 'o', 11, 0, Buffer.alloc(99), FAR), 'stored')
  },
  'the quota is kept to the byte, whatever the chunks, and for each owner': async (t, files) => {
    t.is(await files.put(FID, 'o', 3, 2, Buffer.alloc(1), FAR), 'stored')
    const results = await Promise.all(
      [0, 1].map((i) => files.put(FID, 'o', 3, i, Buffer.alloc(600), FAR)),
    )
    t.deepEqual(results.sort(), ['full', 'stored'])
    t.is(await files.put(fid(1), 'o', 1, 0, Buffer.alloc(399), FAR), 'stored')
    t.is(await files.put(fid(2), 'o', 1, 0, Buffer.alloc(1), FAR), 'full')
    t.is(await files.put(fid(2), 'p', 1, 0, Buffer.alloc(1), FAR), 'stored')
    t.deepEqual(await files.usage('o'), { count: 2, bytes: 1000 })
    t.true(await files.delete(fid(1), 'o'))
    t.is(await files.put(fid(3), 'o', 1, 0, Buffer.alloc(1), FAR), 'stored')
  },
  'an owner has so many files': async (t, files) => {
    const put = (n: number) => files.put(fid(n), 'o', 1, 0, bytes('x'), FAR)
    const results = await Promise.all(Array.from({ length: 8 }, (_, n) => put(n)))
    t.is(results.filter((r) => r === 'stored').length, FILES_LIMITS.quotaFiles)
    t.is(results.filter((r) => r === 'full').length, 8 - FILES_LIMITS.quotaFiles)
  },
  'only the owner deletes; afterwards the fid is free': async (t, files) => {
    await files.put(FID, 'o', 2, 0, bytes('x'), FAR)
    t.false(await files.delete(FID, 'p'))
    t.true(await files.delete(FID, 'o'))
    t.false(await files.delete(FID, 'o'))
    t.is(await files.get(FID, 0), null)
    t.deepEqual(await files.usage('o'), { count: 0, bytes: 0 })
    t.is(await files.put(FID, 'p', 3, 1, bytes('y'), FAR), 'stored')
    t.is(text((await files.get(FID, 1)) ?? bytes('')), 'y')
  },
  'deleting and putting the same file at once ends in one of the two': async (t, files) => {
    for (let i = 0; i < 10; i++) {
      await Promise.all([
        files.put(FID, 'o', 2, 0, bytes('x'), FAR),
        files.put(FID, 'o', 2, 1, bytes('y'), FAR),
        files.delete(FID, 'o'),
        files.put(FID, 'o', 2, 0, bytes('x'), FAR),
      ])
      const state = await files.stat(FID)
      t.is((await files.usage('o')).bytes, state?.bytes ?? 0)
      await files.delete(FID, 'o')
      t.deepEqual(await files.usage('o'), { count: 0, bytes: 0 })
    }
  },
  'everything of one owner goes at once': async (t, files) => {
    for (const n of [1, 2, 3]) await files.put(fid(n), n < 3 ? 'o' : 'p', 1, 0, bytes('x'), FAR)
    t.is(await files.deleteOwned('o'), 2)
    t.is(await files.deleteOwned('o'), 0)
    t.is(await files.stat(fid(1)), null)
    t.not(await files.stat(fid(3)), null)
  },
  'all owners together have a limit too; what is deleted makes room for anybody': async (
    t,
    files,
  ) => {
    const put = (owner: string, n: number) => files.put(fid(n), owner, 1, 0, Buffer.alloc(900), FAR)
    t.is(await put('o', 1), 'stored')
    t.is(await put('p', 2), 'stored')
    t.is(await put('q', 3), 'full')
    t.is(await files.stat(fid(3)), null)
    t.is(await files.put(fid(4), 'q', 1, 0, Buffer.alloc(700), FAR), 'stored')
    t.is(await files.put(fid(5), 'r', 1, 0, bytes('x'), FAR), 'full')
    t.true(await files.delete(fid(1), 'o'))
    t.is(await put('q', 3), 'full') // of q's own
    t.is(await put('s', 3), 'stored')
  },
  'a sweep removes what has expired and counts it': async (t, files) => {
    await files.put(fid(1), 'o', 1, 0, bytes('x'), 1000)
    await files.put(fid(2), 'o', 1, 0, bytes('x'), 2000)
    t.is(await files.sweep(999), 0)
    t.is(await files.sweep(1000), 1)
    t.is(await files.stat(fid(1)), null)
    t.not(await files.stat(fid(2)), null)
  },
  'a name that is no file id never reaches the disk': async (t, files) => {
    for (const bad of ['', '../x', 'A'.repeat(32), FID.slice(1), `${FID}0`, `${FID}\n`]) {
      t.is(await refusal(files.put(bad, 'o', 1, 0, bytes('x'), FAR)), 'E_FORMAT')
      t.is(await refusal(files.get(bad, 0)), 'E_FORMAT')
      t.is(await refusal(files.stat(bad)), 'E_FORMAT')
      t.is(await refusal(files.delete(bad, 'o')), 'E_FORMAT')
    }
  },
  'chunks and counts have bounds': async (t, files) => {
    const put = (count: number, index: number, length: number) =>
      refusal(files.put(FID, 'o', count, index, Buffer.alloc(length), FAR))
    t.is(await put(0, 0, 1), 'E_TOO_BIG')
    t.is(await put(32769, 0, 1), 'E_TOO_BIG')
    t.is(await put(2, 2, 1), 'E_FORMAT')
    t.is(await put(2, -1, 1), 'E_FORMAT')
    t.is(await put(2, 0.5, 1), 'E_FORMAT')
    t.is(await put(2, 0, 0), 'E_TOO_BIG')
    t.is(await put(2, 0, 65565), 'E_TOO_BIG')
    t.is(await files.stat(FID), null)
  },
  'a closed store refuses every call': async (t, files) => {
    await files.close()
    t.is(await refusal(files.stat(FID)), 'E_CLOSED')
    t.is(await refusal(files.put(FID, 'o', 1, 0, bytes('x'), FAR)), 'E_CLOSED')
  },
}

const keeps = test.macro({
  async exec(t: ExecutionContext, adapter: FilesAdapter, run: Case) {
    const files = await adapter.make(t)
    await run(t, files)
    await files.close()
  },
  title: (given, adapter: FilesAdapter) => `${adapter.name}: ${given ?? ''}`,
})

export function filesContract(adapter: FilesAdapter): void {
  for (const [title, run] of Object.entries(CASES)) test(title, keeps, adapter, run)
}
