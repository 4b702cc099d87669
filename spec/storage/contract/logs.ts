// Logs: numbering, compare-and-append, limits, truncation.
import type { Cases } from '../contract.ts'
import { CONTRACT_LIMITS } from '../contract.ts'
import { bytes, refusal, text } from '../helpers.ts'

const EMPTY = { first: 0, next: 0, bytes: 0 }

export const LOG_CASES: Cases = {
  'appended chunks are numbered from 0 and read by range': async (t, { store: { logs } }) => {
    t.deepEqual(await logs.head('l'), EMPTY)
    t.deepEqual(await logs.read('l', 0, 9, 100), [])
    t.deepEqual(await logs.append('l', 0, ['a', 'bb', ''].map(bytes)), { ok: true, next: 3 })
    t.deepEqual(await logs.append('l', 3, [bytes('d')]), { ok: true, next: 4 })
    t.deepEqual(await logs.append('l', 4, []), { ok: true, next: 4 })
    const read = async (from: number, to: number) =>
      (await logs.read('l', from, to, 1e6)).map(({ seq, body }) => [seq, text(body)])
    t.deepEqual(await read(1, 4), [
      [1, 'bb'],
      [2, ''],
      [3, 'd'],
    ])
    t.deepEqual(await read(0, 99), [[0, 'a'], ...(await read(1, 4))])
    t.deepEqual(await read(4, 9), [])
    t.deepEqual(await read(2, 2), [])
    t.deepEqual(await logs.head('l'), { first: 0, next: 4, bytes: 4 })
  },
  'of 20 appends at one place at once exactly one wins, the others get the head': async (
    t,
    { store: { logs } },
  ) => {
    const calls = Array.from({ length: 20 }, (_, i) => logs.append('l', 0, [bytes(String(i))]))
    const results = await Promise.all(calls)
    t.is(results.filter((r) => r.ok).length, 1)
    for (const r of results) {
      if (!r.ok) t.is('conflict' in r ? r.conflict.next : 0, 1)
    }
    t.deepEqual(await logs.append('new', 3, [bytes('x')]), { ok: false, conflict: EMPTY })
  },
  'a read stops at its limit but gives at least one chunk': async (t, { store: { logs } }) => {
    await logs.append('l', 0, ['aaaa', 'bbbb', 'cccc'].map(bytes))
    for (const [maxBytes, count] of [
      [1, 1],
      [7, 1],
      [8, 2],
      [11, 2],
      [12, 3],
    ] as const) {
      t.is((await logs.read('l', 0, 9, maxBytes)).length, count)
    }
  },
  'truncate keeps the numbers, at any place, also of all': async (t, { store: { logs } }) => {
    await logs.append('l', 0, ['a', 'bb'].map(bytes))
    await logs.append('l', 2, ['ccc', 'dddd'].map(bytes))
    await logs.truncate('l', 1)
    await logs.truncate('l', 0)
    t.deepEqual(await logs.head('l'), { first: 1, next: 4, bytes: 9 })
    t.deepEqual(
      (await logs.read('l', 0, 9, 100)).map((c) => c.seq),
      [1, 2, 3],
    )
    await logs.truncate('l', 99)
    t.deepEqual(await logs.head('l'), { first: 4, next: 4, bytes: 0 })
    t.deepEqual(await logs.append('l', 4, [bytes('e')]), { ok: true, next: 5 })
    const [chunk] = await logs.read('l', 0, 9, 100)
    t.is(chunk?.seq, 4)
    t.is(text(chunk?.body ?? bytes('')), 'e')
    await logs.truncate('nothing', 3)
    t.deepEqual(await logs.head('nothing'), EMPTY)
  },
  'a dropped log starts anew': async (t, { store: { logs } }) => {
    await logs.append('l', 0, [bytes('a')])
    await logs.append('m', 0, [bytes('b')])
    await logs.drop('l')
    await logs.drop('l')
    t.deepEqual(await logs.head('l'), EMPTY)
    t.deepEqual(await logs.append('l', 0, [bytes('c')]), { ok: true, next: 1 })
    t.is((await logs.head('m')).next, 1)
  },
  'a log that would become too large takes none of the chunks': async (t, { store: { logs } }) => {
    const { logBytes } = CONTRACT_LIMITS
    t.true((await logs.append('l', 0, [Buffer.alloc(logBytes - 1)])).ok)
    t.deepEqual(await logs.append('l', 1, [Buffer.alloc(1), Buffer.alloc(1)]), {
      ok: false,
      full: true,
    })
    t.true((await logs.append('l', 1, [Buffer.alloc(1)])).ok)
    t.deepEqual(await logs.head('l'), { first: 0, next: 2, bytes: logBytes })
    await logs.truncate('l', 1)
    t.true((await logs.append('l', 2, [Buffer.alloc(1)])).ok)
  },
  'any text can name a log': async (t, { store: { logs } }) => {
    const names = ['../../etc/x', '', '.', 'a/b', 'a\0b', '__proto__', 'ü'.repeat(500)]
    for (const name of names) await logs.append(name, 0, [bytes(name)])
    for (const name of names) {
      const [chunk] = await logs.read(name, 0, 1, 1)
      t.is(text(chunk?.body ?? bytes('?')), name)
    }
  },
}

export const LOG_DURABLE_CASES: Cases = {
  'logs, their numbers and their limits survive a restart': async (t, subject) => {
    const { logs } = subject.store
    await logs.append('l', 0, ['a', 'bb', 'ccc'].map(bytes))
    await logs.truncate('l', 1)
    await logs.append('l', 3, ['dddd', 'e'].map(bytes))
    await logs.append('m', 0, [bytes('x')])
    await logs.drop('m')
    await logs.append('n', 0, [bytes('x')])
    await logs.truncate('n', 1)
    const again = (await subject.reopen()).logs
    t.deepEqual(await again.head('l'), { first: 1, next: 5, bytes: 10 })
    t.deepEqual(
      (await again.read('l', 0, 9, 100)).map(({ seq, body }) => [seq, text(body)]),
      [
        [1, 'bb'],
        [2, 'ccc'],
        [3, 'dddd'],
        [4, 'e'],
      ],
    )
    t.deepEqual(await again.head('m'), EMPTY)
    t.deepEqual(await again.head('n'), { first: 1, next: 1, bytes: 0 })
    t.true((await again.append('l', 5, [bytes('f')])).ok)
    t.is(await refusal(again.read('l', 0, 9, 100)), null)
  },
}
