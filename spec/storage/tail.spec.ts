// What a crash leaves at the end of a file is repaired; what a crash cannot leave is refused untouched.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'

import { Collection } from '../../lib/storage/nedb/collection.ts'
import { plainLines, sealedLines } from '../../lib/storage/nedb/lines.ts'
import { repairTail } from '../../lib/storage/nedb/tail.ts'
import { silentLog } from '../../lib/util/log.ts'
import { everyNth } from '../helpers/refusals.ts'
import { refusal, temporaryFolder } from './helpers.ts'

interface TextDoc {
  readonly _id: number
  readonly text: string
}

const TEXTS = ['one', 'two \u2028 lines', 'x'.repeat(60), '', 'five']

for (const [name, lines] of [
  ['plain', plainLines],
  ['sealed', sealedLines(Buffer.alloc(32, 1), 'texts')],
] as const) {
  const encoded = TEXTS.map((text, i) => `${lines.encode(JSON.stringify({ _id: i + 1, text }))}\n`)
  const whole = Buffer.from(encoded.join(''), 'utf8')
  const ends = encoded.reduce<number[]>((all, line) => {
    return [...all, (all.at(-1) ?? 0) + Buffer.byteLength(line)]
  }, [])

  test(`${name}: cut at any byte, the file keeps every whole line and no other`, async (t) => {
    const path = join(await temporaryFolder(t), 'texts.db')
    const step = everyNth(5)
    for (let length = 0; length <= whole.length; length++) {
      const isNearEnd = ends.some((end) => Math.abs(end - length) <= 1)
      if (!isNearEnd && length % step !== 0) continue
      for (const padding of isNearEnd ? [0, 1, 5000] : [0]) {
        const torn = Buffer.concat([whole.subarray(0, length), Buffer.alloc(padding)])
        await writeFile(path, torn)
        const kept = ends.filter((end) => end <= length).at(-1) ?? 0
        t.is((await repairTail(path, lines)).cutBytes, torn.length - kept)
        t.deepEqual(await readFile(path), whole.subarray(0, kept))
      }
    }
  })

  test(`${name}: a repaired file loads, and what was cut off is kept aside`, async (t) => {
    const dir = await temporaryFolder(t)
    const path = join(dir, 'texts.db')
    await writeFile(path, whole.subarray(0, whole.length - 3))
    const options = { path, name: 'texts', lines, log: silentLog }
    const { collection, docs } = await Collection.open<TextDoc>(options)
    t.deepEqual(
      docs.map(({ _id, text }) => [_id, text]),
      TEXTS.slice(0, -1).map((text, i) => [i + 1, text]),
    )
    await collection.close()
    t.deepEqual(await readFile(`${path}.torn`), whole.subarray(ends[3], whole.length - 3))
  })

  test(`${name}: a hole of zeros at the end was never acknowledged, also with lines behind it`, async (t) => {
    const path = join(await temporaryFolder(t), 'texts.db')
    const hole = Buffer.from(whole)
    hole.fill(0, (ends[2] ?? 0) + 5, whole.length - 1)
    await writeFile(path, hole)
    t.is((await repairTail(path, lines)).cutBytes, whole.length - (ends[2] ?? 0))
  })

  test(`${name}: damage in the middle or at the end is refused and nothing is changed`, async (t) => {
    const dir = await temporaryFolder(t)
    const path = join(dir, 'texts.db')
    for (const at of [ends[1] ?? 0, ends[3] ?? 0]) {
      const damaged = Buffer.from(whole)
      damaged.write('?#', at)
      await writeFile(path, damaged)
      const options = { path, name: 'texts', lines, log: silentLog }
      t.is(await refusal(Collection.open(options)), 'E_CORRUPT')
      t.deepEqual(await readFile(path), damaged)
      t.deepEqual(await readdir(dir), ['texts.db'])
    }
  })
}

test('with another key not a byte of the file is changed', async (t) => {
  const dir = await temporaryFolder(t)
  const path = join(dir, 'texts.db')
  const mine = sealedLines(Buffer.alloc(32, 1), 'texts')
  const content = Buffer.from(`${mine.encode('{"_id":1}')}\n${mine.encode('{"_id":2}')}\n`)
  await writeFile(path, content)
  const other = sealedLines(Buffer.alloc(32, 2), 'texts')
  t.is(await refusal(repairTail(path, other)), 'E_CORRUPT')
  t.deepEqual(await readFile(path), content)
  t.deepEqual(await readdir(dir), ['texts.db'])
})

test('a long file is repaired without reading all of it', async (t) => {
  const path = join(await temporaryFolder(t), 'texts.db')
  const line = `${plainLines.encode(JSON.stringify({ _id: 1, text: 'x'.repeat(100_000) }))}\n`
  const whole = Buffer.from(line.repeat(30))
  await writeFile(path, Buffer.concat([whole, Buffer.alloc(300_000)]))
  t.is((await repairTail(path, plainLines)).cutBytes, 300_000)
  t.is((await readFile(path)).length, whole.length)
})

test('a file that is not there needs no repair', async (t) => {
  const path = join(await temporaryFolder(t), 'none.db')
  t.deepEqual(await repairTail(path, plainLines), { cutBytes: 0 })
})
