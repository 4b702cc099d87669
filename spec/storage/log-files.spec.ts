// A log file after a crash: whole appends or none of them, and damage that is not taken for a crash.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'
import type { ExecutionContext } from 'ava'

import { AtRest } from '../../lib/storage/at-rest.ts'
import { DiskSpace } from '../../lib/storage/disk-space.ts'
import { LogFiles } from '../../lib/storage/log-files.ts'
import { COMMITTED_AT, HEAD_BYTES } from '../../lib/storage/log-format.ts'
import { silentLog } from '../../lib/util/log.ts'
import { everyNth } from '../helpers/refusals.ts'
import { bytes, refusal, SettableClock, temporaryFolder, text } from './helpers.ts'

const KEY = Buffer.alloc(32, 3)

function openIn(dir: string, cipher: AtRest | null = null): LogFiles {
  const space = new DiskSpace(dir, 0, new SettableClock())
  return new LogFiles({ dir, logBytes: 1e7, cipher, space, log: silentLog })
}

/** A log of two appends: three chunks, then four. Its file, and where the second append begins. */
async function twoAppends(
  t: ExecutionContext,
  cipher: AtRest | null,
): Promise<{ dir: string; path: string; whole: Buffer; secondAt: number }> {
  const dir = join(await temporaryFolder(t), 'logs')
  const logs = openIn(dir, cipher)
  await logs.append('l', 0, ['a', 'bb', 'ccc'].map(bytes))
  const [name = ''] = await readdir(dir)
  const path = join(dir, name)
  const secondAt = (await readFile(path)).length
  await logs.append('l', 3, ['dddd', '', 'f', 'g'.repeat(50)].map(bytes))
  await logs.close()
  return { dir, path, whole: await readFile(path), secondAt }
}

for (const [name, cipher] of [
  ['plain', null],
  ['sealed', new AtRest(KEY, 'logs')],
] as const) {
  test(`${name}: an append that a crash cut short at any byte is not there at all`, async (t) => {
    const { dir, path, whole, secondAt } = await twoAppends(t, cipher)
    for (let length = secondAt; length < whole.length; length += everyNth(3)) {
      for (const padding of [0, whole.length - length]) {
        await writeFile(path, Buffer.concat([whole.subarray(0, length), Buffer.alloc(padding)]))
        const logs = openIn(dir, cipher)
        t.deepEqual(await logs.head('l'), { first: 0, next: 3, bytes: 6 })
        t.deepEqual(await logs.append('l', 3, [bytes('again')]), { ok: true, next: 4 })
        const chunks = await logs.read('l', 0, 9, 1e6)
        t.deepEqual(
          chunks.map((chunk) => text(chunk.body)),
          ['a', 'bb', 'ccc', 'again'],
        )
        await logs.close()
      }
    }
  })

  test(`${name}: a byte changed in a finished append is damage: refused, and the file is left alone`, async (t) => {
    const { dir, path, whole, secondAt } = await twoAppends(t, cipher)
    for (let at = 0; at < secondAt; at += everyNth(3)) {
      // a half written mark of what is committed is what a crash can leave
      if (at >= COMMITTED_AT && at < HEAD_BYTES) continue
      const damaged = Buffer.from(whole)
      damaged[at] = (damaged[at] ?? 0) ^ 0x10
      await writeFile(path, damaged)
      const logs = openIn(dir, cipher)
      t.is(await refusal(logs.read('l', 0, 9, 1e6)), 'E_CORRUPT', `byte ${at}`)
      t.deepEqual(await readFile(path), damaged)
      await logs.close()
    }
  })
}

test('a half written mark of what is committed is no damage', async (t) => {
  const { dir, path, whole } = await twoAppends(t, null)
  const torn = Buffer.from(whole)
  torn.fill(0, COMMITTED_AT + 4, HEAD_BYTES)
  await writeFile(path, torn)
  const logs = openIn(dir)
  t.is((await logs.head('l')).next, 7)
  await logs.close()
})

test('bodies of one log do not open as those of another, nor at another place', async (t) => {
  const dir = join(await temporaryFolder(t), 'logs')
  const cipher = new AtRest(KEY, 'logs')
  const logs = openIn(dir, cipher)
  await logs.append('l', 0, [bytes('x')])
  const [first = ''] = await readdir(dir)
  await logs.append('m', 0, [bytes('y')])
  const second = (await readdir(dir)).find((file) => file !== first) ?? ''
  await logs.close()
  await writeFile(join(dir, second), await readFile(join(dir, first)))
  const swapped = openIn(dir, cipher)
  t.is(await refusal(swapped.read('m', 0, 1, 9)), 'E_CORRUPT')
  await swapped.close()
})

test('what a crash left half written beside the logs is removed with the first new log', async (t) => {
  const dir = join(await temporaryFolder(t), 'logs')
  await mkdir(dir)
  await writeFile(join(dir, 'abc.123.tmp'), 'half')
  const logs = openIn(dir)
  await logs.append('l', 0, [bytes('x')])
  t.is((await readdir(dir)).length, 1)
  await logs.close()
})

test('one append has a bound, and so has one chunk', async (t) => {
  const logs = openIn(join(await temporaryFolder(t), 'logs'))
  t.is(await refusal(logs.append('l', 0, [Buffer.alloc(2 ** 20)])), 'E_TOO_BIG')
  const many = Array.from({ length: 5 }, () => Buffer.alloc(900_000))
  t.is(await refusal(logs.append('l', 0, many)), 'E_TOO_BIG')
  t.true((await logs.append('l', 0, many.slice(0, 4))).ok)
  t.is((await logs.read('l', 0, 9, 2_000_000)).length, 2)
  await logs.close()
})

test('all logs together have a limit, also over a restart; what is dropped or cut off makes room', async (t) => {
  const dir = join(await temporaryFolder(t), 'logs')
  const open = (): LogFiles => {
    const space = new DiskSpace(dir, 0, new SettableClock())
    const limits = { logBytes: 1e7, totalBytes: 3000 }
    return new LogFiles({ dir, ...limits, cipher: null, space, log: silentLog })
  }
  const first = open()
  const kilobyte = [Buffer.alloc(1000)]
  t.true((await first.append('a', 0, kilobyte)).ok)
  t.true((await first.append('b', 0, kilobyte)).ok)
  t.deepEqual(await first.append('c', 0, kilobyte), { ok: false, full: true })
  t.deepEqual(await first.head('c'), { first: 0, next: 0, bytes: 0 })
  await first.close()
  const second = open()
  t.deepEqual(await second.append('b', 1, kilobyte), { ok: false, full: true })
  t.true((await second.append('b', 1, [bytes('little')])).ok)
  await second.drop('a')
  t.true((await second.append('c', 0, kilobyte)).ok)
  t.deepEqual(await second.append('a', 0, kilobyte), { ok: false, full: true })
  await second.truncate('b', 1)
  t.true((await second.append('a', 0, kilobyte)).ok)
  await second.close()
})

test('many logs and many chunks, more than are remembered', async (t) => {
  const logs = openIn(join(await temporaryFolder(t), 'logs'))
  const names = Array.from({ length: 1010 }, (_, i) => `log ${i}`)
  for (let i = 0; i < names.length; i += 50) {
    await Promise.all(names.slice(i, i + 50).map((name) => logs.append(name, 0, [bytes(name)])))
  }
  for (const i of [0, 50, 1009]) {
    const [chunk] = await logs.read(names[i] ?? '', 0, 1, 99)
    t.is(text(chunk?.body ?? bytes('')), `log ${i}`)
  }
  await logs.close()
})
