// What the contract cannot see: when a mail reaches the disk, and when it never has to.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'
import type { ExecutionContext } from 'ava'

import { openNedbStore } from '../../lib/storage/nedb/store.ts'
import type { Appended, Incoming, Store } from '../../lib/storage/ports.ts'
import { silentLog } from '../../lib/util/log.ts'
import { bytes, ManualClock, refusal, temporaryFolder, turns, until } from './helpers.ts'

const ABSENT_MS = 2
const CONNECTED_MS = 30

function mail(id: string, likelyAcked: boolean, box = 'b'): Incoming {
  const from = { from: 'a', isOwn: true }
  return { box, ...from, id, body: bytes(`body of ${id}`), expires: 4e12, likelyAcked }
}

interface Bench {
  readonly dir: string
  readonly store: Store
  readonly clock: ManualClock
  /** Appends and remembers what became of it. */
  send(...items: readonly Incoming[]): Promise<Sent>
  fileBytes(): Promise<number>
}

interface Sent {
  seqs: number[]
  results: readonly Appended[] | null
}

async function bench(t: ExecutionContext): Promise<Bench> {
  const dir = await temporaryFolder(t)
  const clock = new ManualClock()
  const windows = { absentMs: ABSENT_MS, connectedMs: CONNECTED_MS }
  const store = await openNedbStore({ dir, clock, log: silentLog, shards: 1, ...windows })
  t.teardown(() => store.close())
  // opens the file and reserves the first numbers, so that from here on only the clock decides
  await store.mail.usage('b')
  await store.mail.sweep(0)
  return {
    dir,
    store,
    clock,
    send: async (...items) => {
      const sent: Sent = { seqs: [], results: null }
      void store.mail
        .append(items, (index, seq) => (sent.seqs[index] = seq))
        .then((results) => (sent.results = results))
      await until(() => sent.seqs.length === items.length)
      return sent
    },
    fileBytes: async () => (await readFile(join(dir, 'mail', '00.db'))).length,
  }
}

async function statusOf(sent: Sent): Promise<string[]> {
  await until(() => sent.results !== null)
  return (sent.results ?? []).map((r) => r.status)
}

test('a mail that is acknowledged in time is never written', async (t) => {
  const { store, clock, send, fileBytes } = await bench(t)
  const empty = await fileBytes()
  const sent = await send(mail('1', true), mail('2', true), mail('3', true))
  clock.advance(CONNECTED_MS - 1)
  await turns()
  t.is(sent.results, null)
  await store.mail.ack('b', sent.seqs[2] ?? 0)
  t.deepEqual(await statusOf(sent), ['acked', 'acked', 'acked'])
  clock.advance(1000)
  await turns(20)
  t.is(await fileBytes(), empty)
  t.deepEqual(await store.mail.usage('b'), { count: 0, bytes: 0 })
})

test('a mail that is not acknowledged in time is written, and only then the sender hears', async (t) => {
  const { clock, send, fileBytes } = await bench(t)
  const empty = await fileBytes()
  const sent = await send(mail('1', true))
  clock.advance(CONNECTED_MS - 1)
  await turns()
  t.is(sent.results, null)
  t.is(await fileBytes(), empty)
  clock.advance(1)
  t.deepEqual(await statusOf(sent), ['stored'])
  t.true((await fileBytes()) > empty)
})

test('a mail for an absent receiver waits a moment only, and takes along what waits before it', async (t) => {
  const { clock, send } = await bench(t)
  const patient = await send(mail('1', true))
  const other = await send(mail('x', true, 'elsewhere'))
  const urgent = await send(mail('2', false))
  clock.advance(ABSENT_MS)
  t.deepEqual(await statusOf(urgent), ['stored'])
  t.deepEqual(await statusOf(patient), ['stored'])
  t.is(other.results, null)
  clock.advance(CONNECTED_MS)
  t.deepEqual(await statusOf(other), ['stored'])
})

test('receivers that are slow to acknowledge are waited for longer, up to a limit', async (t) => {
  const { store, clock, send } = await bench(t)
  const learn = async (afterMs: number): Promise<void> => {
    for (let i = 0; i < 200; i++) {
      const sent = await send(mail(`${i} after ${afterMs}`, true))
      clock.advance(afterMs)
      await store.mail.ack('b', sent.seqs[0] ?? 0)
    }
  }
  const staysUnwritten = async (forMs: number): Promise<void> => {
    const sent = await send(mail(`for ${forMs}`, true))
    clock.advance(forMs - 1)
    await turns(20)
    t.is(sent.results, null)
    clock.advance(1)
    t.deepEqual(await statusOf(sent), ['stored'])
    await store.mail.drop('b')
  }
  await staysUnwritten(CONNECTED_MS)
  await learn(2 * CONNECTED_MS)
  await staysUnwritten(4 * CONNECTED_MS)
  // nobody's sender waits for a receiver that never answers in time
  await learn(1e6)
  await staysUnwritten(8 * CONNECTED_MS)
  await learn(0)
  await staysUnwritten(CONNECTED_MS)
})

test('an acknowledgement answers a sender whose mail is just being written', async (t) => {
  const { store, clock, send } = await bench(t)
  const sent = await send(mail('1', false))
  clock.advance(ABSENT_MS)
  await store.mail.ack('b', sent.seqs[0] ?? 0)
  t.deepEqual(await statusOf(sent), ['acked'])
  clock.advance(CONNECTED_MS)
  await turns(20)
  t.deepEqual(await store.mail.read('b', 0, 9), [])
})

test('the second sender of a mail has the fate of the first', async (t) => {
  const { store, clock, send } = await bench(t)
  const first = await send(mail('1', true), mail('2', true))
  const again = store.mail.append([mail('1', true), mail('2', true)])
  await store.mail.ack('b', first.seqs[0] ?? 0)
  clock.advance(CONNECTED_MS)
  t.deepEqual(await statusOf(first), ['acked', 'stored'])
  t.deepEqual(
    (await again).map((r) => r.status),
    ['acked', 'duplicate'],
  )
})

test('a read shows what is not written yet, so a live push and a read agree', async (t) => {
  const { store, send } = await bench(t)
  const sent = await send(mail('1', true), mail('2', true))
  const entries = await store.mail.read('b', 0, 9)
  t.deepEqual(
    entries.map((entry) => entry.seq),
    sent.seqs,
  )
})

test('acknowledged mails leave the file with the next writes, and it is compacted in traffic', async (t) => {
  const { store, clock, send, fileBytes } = await bench(t)
  const ids = (round: number): Incoming[] =>
    Array.from({ length: 200 }, (_, i) => mail(`${round}.${i}`, false))
  let largest = 0
  for (let round = 0; round < 9; round++) {
    const sent = await send(...ids(round))
    clock.advance(ABSENT_MS)
    await until(() => sent.results !== null)
    await store.mail.ack('b', sent.seqs[198] ?? 0)
    clock.advance(CONNECTED_MS)
    await turns(20)
    largest = Math.max(largest, await fileBytes())
  }
  await until(async () => (await fileBytes()) < largest / 3)
  t.is((await store.mail.read('b', 0, 1000)).length, 1)
})

test('numbers survive the loss of the mails, a ceiling that is too old, and a clock set back', async (t) => {
  const dir = await temporaryFolder(t)
  const path = join(dir, 'sequence')
  const mails = join(dir, 'mail', '00.db')
  const next = async (id: string, nowMs: number): Promise<number> => {
    const clock = new ManualClock(nowMs)
    const store = await openNedbStore({ dir, clock, log: silentLog, shards: 1 })
    const append = store.mail.append([mail(id, false)])
    await store.close()
    const [result] = await append
    return result !== undefined && 'seq' in result ? result.seq : 0
  }
  const first = await next('1', 2e12)
  const oldCeiling = await readFile(path)
  await rm(mails)
  const second = await next('2', 1e12)
  t.true(second > first)
  // a backup of yesterday, put back: the clock has gone on meanwhile
  await writeFile(path, oldCeiling)
  await rm(mails)
  const third = await next('3', 2e12 + 86_400_000)
  t.true(third > second)
  // the ceiling is lost and the clock is wrong, but the mails are there
  await writeFile(path, '5\n')
  t.true((await next('4', 1e12)) > third)
})

test('a damaged ceiling is refused', async (t) => {
  const dir = await temporaryFolder(t)
  const open = (): Promise<Store> =>
    openNedbStore({ dir, clock: new ManualClock(), log: silentLog, shards: 1 })
  await (await open()).close()
  for (const damaged of ['', 'x', '12 34', '9'.repeat(17), '-1']) {
    await writeFile(join(dir, 'sequence'), damaged)
    t.is(await refusal(open()), 'E_CORRUPT')
  }
})

test('a clock that is a century ahead does not eat up the numbers', async (t) => {
  const dir = await temporaryFolder(t)
  const clock = new ManualClock(4_600_000_000_000_000)
  const store = await openNedbStore({ dir, clock, log: silentLog, shards: 1 })
  const append = store.mail.append([{ ...mail('1', false), expires: 9e15 }])
  await store.close()
  const [result] = await append
  t.true(result !== undefined && 'seq' in result && result.seq < 2 ** 52)
})
