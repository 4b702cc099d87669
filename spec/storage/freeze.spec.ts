// The moment of a running store: writers pause, nothing is lost, and a copy taken then opens as that moment.
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'

import test from 'ava'

import { systemClock } from '../../lib/cli/system-clock.ts'
import { readFully } from '../../lib/storage/durable.ts'
import { openNedbStore } from '../../lib/storage/nedb/store.ts'
import { silentLog } from '../../lib/util/log.ts'

const body = Buffer.alloc(300, 7)

test('of two kinds written one after the other, a frozen copy never has the second without the first', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'securechat-freeze-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const dir = join(root, 'live')
  const options = { clock: systemClock, log: silentLog, shards: 2, preload: true }
  const store = await openNedbStore({ ...options, dir })
  await store.records.put('first', 'a', body)
  await store.records.put('second', 'a', body)
  let isDone = false
  let written = 0
  const writing = (async () => {
    for (; !isDone; written++) {
      await store.records.put('first', 'a', body, { index: { n: String(written) } })
      await store.records.put('second', 'a', body, { index: { n: String(written) } })
    }
  })()
  for (let round = 0; round < 8; round++) {
    while (written < round * 20) await new Promise(setImmediate)
    const copy = join(root, `copy-${round}`)
    await mkdir(copy, { recursive: true })
    await copyFile(join(dir, 'store.json'), join(copy, 'store.json'))
    for (const { path, file, bytes } of await store.freeze()) {
      const target = join(copy, relative(dir, path))
      await mkdir(dirname(target), { recursive: true })
      await writeFile(target, await readFully(file, bytes, 0))
      await file.close()
    }
    const opened = await openNedbStore({ ...options, dir: copy })
    const [first, second] = [
      (await opened.records.get('first', 'a'))?.rev ?? 0,
      (await opened.records.get('second', 'a'))?.rev ?? 0,
    ]
    t.true(first === second || first === second + 1, `${first} ${second}`)
    await opened.close()
  }
  isDone = true
  await writing
  t.is((await store.records.get('second', 'a'))?.rev, written + 1)
  await store.close()
})
