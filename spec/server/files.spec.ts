// Sealed files through the server (PROTOCOL 10, 14.2): stored while they are fetched, resumed, refused with a reason, in
// bounded memory whoever is slow.
import test from 'ava'

import { FileWindow } from '../../lib/server/file-window.ts'
import { Transfers } from '../../lib/server/transfers.ts'
import { createMemoryFiles } from '../../lib/storage/memory-files.ts'
import type { Files } from '../../lib/storage/ports.ts'
import { codeOf, SecureChatError } from '../../lib/util/errors.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { DAY } from '../helpers/people.ts'
import {
  type Client,
  type Relay,
  type RelayOptions,
  settle,
  startRelay,
  verdict,
} from '../helpers/relay.ts'

const KiB = 1024
const CHUNK = 65_564
const FID = Buffer.alloc(16, 0xf1)

async function scene(
  options: RelayOptions = {},
): Promise<{ relay: Relay; a: Client; b: Client; m: Client }> {
  const relay = await startRelay(options)
  const clients = await Promise.all(
    ['alice', 'bob', 'mallory'].map(async (name, key) =>
      relay.login(await relay.add(name, { key })),
    ),
  )
  const [a, b, m] = clients as [Client, Client, Client]
  return { relay, a, b, m }
}

function chunk(i: number, size = 100): Buffer {
  return Buffer.alloc(size, i + 1)
}

test('put, stat, get, delete: by the uploader and by whoever knows the id', async (t) => {
  const { relay, a, b, m } = await scene()
  t.deepEqual(await b.err('file.stat', { fid: FID }), { c: 'E_NOT_FOUND' })
  t.deepEqual(await b.err('file.get', { fid: FID, i: 0 }), { c: 'E_NOT_FOUND' })
  for (const i of [0, 2]) {
    t.deepEqual(await a.ok('file.put', { fid: FID, i, n: 3, c: chunk(i) }), {})
  }
  t.deepEqual(await b.ok('file.stat', { fid: FID }), {
    n: 3,
    have: new Uint8Array([0b1010_0000]),
    exp: relay.clock.now() + 14 * DAY,
  })
  t.deepEqual(await a.ok('file.put', { fid: FID, i: 2, n: 3, c: chunk(2) }), {}, 'again')
  t.deepEqual(Buffer.from((await b.ok('file.get', { fid: FID, i: 2 })).c), chunk(2))
  // others cannot write into it or take it away
  t.deepEqual(await m.err('file.put', { fid: FID, i: 1, n: 3, c: chunk(9) }), { c: 'E_STATE' })
  t.deepEqual(await a.err('file.put', { fid: FID, i: 1, n: 4, c: chunk(9) }), { c: 'E_STATE' })
  t.deepEqual(await m.err('file.del', { fid: FID }), { c: 'E_NOT_FOUND' })
  t.deepEqual(await m.err('file.get', { fid: Buffer.alloc(16), i: 0 }), { c: 'E_NOT_FOUND' })
  t.deepEqual(await b.err('file.get', { fid: FID, i: 3 }), { c: 'E_NOT_FOUND' })
  t.deepEqual(await a.ok('file.del', { fid: FID }), {})
  t.deepEqual(await b.err('file.get', { fid: FID, i: 2 }), { c: 'E_NOT_FOUND' })
})

test('a receiver may be ahead of the sender: it gets each chunk when it comes', async (t) => {
  const { relay, a, b } = await scene()
  await a.ok('file.put', { fid: FID, i: 0, n: 4, c: chunk(0) })
  const early = [1, 2, 3].map((i) => b.ask('file.get', { fid: FID, i }))
  await settle()
  await a.ok('file.put', { fid: FID, i: 2, n: 4, c: chunk(2) })
  t.is(verdict(await (early[1] as Promise<never>)), 'ok')
  await a.ok('file.put', { fid: FID, i: 1, n: 4, c: chunk(1) })
  t.is(verdict(await (early[0] as Promise<never>)), 'ok')
  // the last one never comes: in time for the client's own patience
  relay.clock.advance(19_000)
  t.is(verdict(await (early[2] as Promise<never>)), 'E_BUSY')
  const hopeless = b.ask('file.get', { fid: FID, i: 3 })
  await settle()
  await a.ok('file.del', { fid: FID })
  t.is(verdict(await hopeless), 'E_NOT_FOUND')
})

test('too large, over quota, a full or failing disk: clear refusals', async (t) => {
  const small = await scene({ config: { fileBytes: 10 * CHUNK } })
  t.like(await small.a.err('file.put', { fid: FID, i: 0, n: 1000, c: chunk(0) }), {
    c: 'E_TOO_BIG',
  })
  t.like(await small.a.err('file.put', { fid: FID, i: 5, n: 5, c: chunk(0) }), { c: 'E_FORMAT' })

  const full = await scene({ quotaBytes: 1000 })
  t.like(await full.a.err('file.put', { fid: FID, i: 0, n: 2, c: chunk(0, 2000) }), {
    c: 'E_MAILBOX_FULL',
  })
  t.is(verdict(await full.b.ask('file.put', { fid: FID, i: 0, n: 1, c: chunk(0) })), 'ok')

  let error = new SecureChatError('E_DISK_FULL')
  const files = (inner: Files): Files => ({ ...inner, put: () => Promise.reject(error) })
  const broken = await scene({ files })
  t.like(await broken.a.err('file.put', { fid: FID, i: 0, n: 1, c: chunk(0) }), { c: 'E_BUSY' })
  error = new SecureChatError('E_FILE')
  t.like(await broken.a.err('file.put', { fid: FID, i: 0, n: 1, c: chunk(0) }), { c: 'E_INTERNAL' })
  t.is(broken.relay.server.stats().fileBytesInFlight, 0)
})

test('a slow disk stops the uploader, not the server: about one MiB of a connection is in memory', async (t) => {
  const writing: (() => void)[] = []
  const files = (inner: Files): Files => ({
    ...inner,
    put: async (...args) => {
      await new Promise<void>((resolve) => {
        writing.push(resolve)
      })
      return inner.put(...args)
    },
  })
  const { relay, a, b } = await scene({ files })
  const n = 64
  const puts = Array.from({ length: n }, (_, i) =>
    a.ask('file.put', { fid: FID, i, n, c: chunk(i, CHUNK) }),
  )
  await settle(50)
  const inFlight = relay.server.stats().fileBytesInFlight
  t.true(inFlight >= 1024 * KiB && inFlight <= 1024 * KiB + 2 * CHUNK, `${inFlight}`)
  // the others are served meanwhile
  await b.ok('ping', {})
  for (let done = 0; done < n; done++) {
    while (writing.length === 0) await settle(1)
    writing.shift()?.()
    await settle(1)
    t.true(relay.server.stats().fileBytesInFlight <= 1024 * KiB + 2 * CHUNK)
  }
  t.true((await Promise.all(puts)).every((answer) => answer.t === 'ok'))
  t.is(relay.server.stats().fileBytesInFlight, 0)
})

test('a file goes through whole while it is uploaded', async (t) => {
  const { a, b } = await scene()
  const n = 40
  const received: number[] = []
  await a.ok('file.put', { fid: FID, i: 0, n, c: chunk(0, CHUNK) })
  const download = (async () => {
    for (let i = 0; i < n; i++) {
      const { c } = await b.ok('file.get', { fid: FID, i })
      t.deepEqual(Buffer.from(c), chunk(i, CHUNK))
      received.push(i)
    }
  })()
  for (let i = 1; i < n; i++) await a.ok('file.put', { fid: FID, i, n, c: chunk(i, CHUNK) })
  await download
  t.is(received.length, n)
})

/** A window on a connection that takes nothing until told to. */
class SlowPeer {
  readonly answers: { r: number; bytes: number; error?: string }[] = []
  readonly transfers: Transfers
  readonly window: FileWindow
  buffered = 0
  most = 0
  holds = 0
  #drained: (() => void)[] = []

  constructor(files: Files, maxInFlightBytes = 64 * 1024 * KiB) {
    const clock = new FakeClock()
    const limits = { maxInFlightBytes, fileBytes: 2 ** 31, fileLifeMs: DAY }
    this.transfers = new Transfers({ files, clock, ...limits })
    this.window = this.join(this.transfers)
  }

  join(transfers: Transfers): FileWindow {
    return new FileWindow(
      {
        bufferedBytes: () => this.buffered,
        drained: () =>
          new Promise((resolve) => {
            this.#drained.push(resolve)
          }),
        hold: () => this.holds++,
        release: () => this.holds--,
        succeed: (r, reply) => {
          const c = reply?.['c']
          const bytes = c instanceof Uint8Array ? c.length : 0
          this.answers.push({ r, bytes })
          this.buffered += bytes
          this.most = Math.max(this.most, this.buffered)
        },
        refuse: (r, error) => {
          this.answers.push({ r, bytes: 0, error: codeOf(error) })
        },
      },
      transfers,
    )
  }

  /** The peer has read everything. */
  drain(): void {
    this.buffered = 0
    const waiting = this.#drained
    this.#drained = []
    for (const resolve of waiting) resolve()
  }
}

async function stored(n: number): Promise<Files> {
  const files = createMemoryFiles({ quotaBytes: 2 ** 30 })
  const fid = FID.toString('hex')
  for (let i = 0; i < n; i++) await files.put(fid, 'alice', n, i, chunk(i, CHUNK), Infinity)
  return files
}

test('a slow receiver: chunks are read from the disk as it takes them, about half a MiB ahead', async (t) => {
  const peer = new SlowPeer(await stored(100))
  for (let i = 0; i < 100; i++) peer.window.get(i, FID, i)
  await settle()
  t.true(peer.most > 256 * KiB && peer.most <= 768 * KiB, `${peer.most}`)
  const before = peer.answers.length
  await settle()
  t.is(peer.answers.length, before, 'nothing more while nothing is taken')
  while (peer.answers.length < 100) {
    peer.drain()
    await settle()
  }
  t.true(peer.most <= 768 * KiB)
  t.deepEqual(
    peer.answers.map(({ r }) => r).sort((x, y) => x - y),
    Array.from({ length: 100 }, (_, i) => i),
  )
})

test('chunks that arrive for a receiver who takes nothing wait on the disk, not in memory', async (t) => {
  const files = await stored(1)
  const peer = new SlowPeer({
    ...files,
    get: (fid, i) => (i === 0 ? files.get(fid, 0) : Promise.resolve(null)),
    stat: () =>
      Promise.resolve({
        chunkCount: 100,
        have: Buffer.alloc(13),
        expires: 0,
        owner: 'alice',
        bytes: 0,
      }),
  })
  for (let i = 1; i < 50; i++) peer.window.get(i, FID, i)
  await settle()
  for (let i = 1; i < 50; i++) peer.transfers.stored(FID.toString('hex'), i, chunk(i, CHUNK))
  t.true(peer.most <= 512 * KiB + CHUNK, `${peer.most}`)
  peer.window.close()
})

test('all uploads together stay within the memory set for them', async (t) => {
  const writing: (() => void)[] = []
  const memory = createMemoryFiles({ quotaBytes: 2 ** 30 })
  const files: Files = {
    ...memory,
    put: (...args) =>
      new Promise((resolve) => {
        writing.push(() => {
          resolve(memory.put(...args))
        })
      }),
  }
  const first = new SlowPeer(files, 4 * CHUNK)
  const second = new SlowPeer(files)
  const other = second.join(first.transfers)
  const c = chunk(0, CHUNK)
  for (let i = 0; i < 4; i++) first.window.put(i, 'alice', { fid: FID, n: 100, i, c })
  t.is(first.holds, 0)
  other.put(4, 'bob', { fid: Buffer.alloc(16, 2), n: 100, i: 0, c })
  t.is(second.holds, 1, 'its own window is nearly empty, the memory of all is full')
  for (let k = 0; k < 3; k++) writing.shift()?.()
  await settle()
  t.is(first.transfers.inFlightBytes, 2 * CHUNK)
  for (const write of writing.splice(0)) write()
  await settle()
  t.is(second.holds, 0)
  t.is(first.transfers.inFlightBytes, 0)
})

test('waiting receivers cost nothing once they are gone', async (t) => {
  const { relay, a, b } = await scene()
  await a.ok('file.put', { fid: FID, i: 0, n: 2, c: chunk(0) })
  void b.ask('file.get', { fid: FID, i: 1 })
  await settle()
  await b.vanish()
  await a.ok('file.put', { fid: FID, i: 1, n: 2, c: chunk(1) })
  relay.clock.advance(20_000)
  t.is(relay.server.stats().connections, 2)
})
