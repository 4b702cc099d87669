// The sealed history: what the server pays for a message while much is stored already, and how fast a new device gets it
// back. `ROWS=1000,10000 node ... spec/bench/main.ts archive`
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createClientHome } from '../../lib/cli/client/client-home.ts'
import { systemClock } from '../../lib/cli/system-clock.ts'
import { itemOf } from '../../lib/client/archive/item.ts'
import { Restorer } from '../../lib/client/archive/restorer.ts'
import { RestoreState } from '../../lib/client/archive/restore-state.ts'
import type { Link } from '../../lib/client/link.ts'
import { RecordMessageLog } from '../../lib/client/messages/log.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import { ArchiveKeys } from '../../lib/envelope/archive-keys.ts'
import { BATCH_ITEMS_MAX, batchHash, sealBatch } from '../../lib/envelope/history.ts'
import { convId, messageId } from '../../lib/identity/conversation.ts'
import { firstDeviceList, withDevice } from '../../lib/identity/device-list-edit.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { hex } from '../../lib/util/bytes.ts'
import { silentLog } from '../../lib/util/log.ts'
import { rsa2048 } from '../helpers/keys.ts'
import { cpuMicros, percentile, pin, start } from './process.ts'
import { BENCH_DEVICE, BenchClient, benchAccount } from './securechat-client.ts'
import { windowed } from './traffic.ts'

const LEVELS = (process.env['ROWS'] ?? '1000,10000,100000').split(',').map(Number)
const MEASURED_BATCHES = 100
const RUN_MS = 2000
const TEXT = 'x'.repeat(100)

const SRV = Buffer.alloc(32, 1)
const ME = benchAccount(0)
const OTHER = benchAccount(1)
const KEYS = ArchiveKeys.derive(Buffer.alloc(32, 2), 0)
const CONV = convId({ srv: SRV, acct: ME }, { srv: SRV, acct: OTHER })

/** A chain of one device, made as it is asked for. */
function* chain(rows: number): Generator<Buffer> {
  let prev: Buffer = Buffer.alloc(32)
  for (let seq = 0, n = 0; n < rows; seq++) {
    const items = []
    for (; items.length < BATCH_ITEMS_MAX && n < rows; n++) {
      const id = randomBytes(16)
      const own = n % 2 === 0
      const acct = own ? ME : OTHER
      const payload = encodePayload({ k: 'text', id, ts: 1e12 + n, b: `${TEXT} ${String(n)}` })
      const row = {
        ...{ number: n + 1, key: hex(messageId(CONV, acct, id)), conv: hex(CONV), acct, payload },
        ...{ dev: BENCH_DEVICE, ts: 1e12 + n, at: 1e12 + n, own, resent: false },
      }
      items.push(itemOf(row, OTHER, 1e12 + n))
    }
    const place = { srv: SRV, acct: ME, dev: BENCH_DEVICE, seq }
    const sealed = sealBatch(KEYS, place, { prev, rows: n, items })
    prev = batchHash(sealed)
    yield sealed
  }
}

async function server(root: string): Promise<void> {
  const { child, pid, hello } = await start(
    new URL('./securechat-server.ts', import.meta.url),
    [join(root, 'server'), '2'],
    0,
  )
  const [port, srv] = [Number(hello['port']), hello['srv'] as Uint8Array]
  const [alice, bob] = [await BenchClient.open(0, port, srv), await BenchClient.open(1, port, srv)]
  await alice.openStream(bob)
  const pair = { send: (stamp: number) => alice.send(stamp), arrived: () => undefined }
  bob.arrived = (stamp) => (pair.arrived as (stamp: number) => void)(stamp)
  const [d = Buffer.of()] = chain(BATCH_ITEMS_MAX)
  let seq = 0
  const append = (): Promise<unknown> => alice.ask({ t: 'hist.put', e: 0, seq: seq++, d })
  for (const rows of LEVELS) {
    while (seq * BATCH_ITEMS_MAX < rows) await append()
    const times: number[] = []
    const before = cpuMicros(pid)
    for (let i = 0; i < MEASURED_BATCHES; i++) {
      const at = performance.now()
      await append()
      times.push(performance.now() - at)
    }
    const cpu = (cpuMicros(pid) - before) / (MEASURED_BATCHES * BATCH_ITEMS_MAX)
    const relayed = await windowed([pair], 16, RUN_MS, pid)
    times.sort((a, b) => a - b)
    console.log(
      `${String(rows).padStart(7)} rows stored: history ${cpu.toFixed(1)} us of server CPU per message, ` +
        `a batch of ${String(BATCH_ITEMS_MAX)} in ${percentile(times, 50).toFixed(1)} ms; ` +
        `relaying ${relayed.cpuMicros.toFixed(0)} us per message`,
    )
  }
  alice.close()
  bob.close()
  child.disconnect()
}

/** Opening, checking, merging, storing on disk; the network is left out. */
async function restore(root: string, rows: number): Promise<void> {
  const batches = [...chain(rows)]
  const home = createClientHome(
    { keys: join(root, 'keys'), data: join(root, 'data') },
    systemClock,
    silentLog,
  )
  const folder = await home.openProfile(`bench-${String(rows)}`)
  const store = await folder.openStore(randomBytes(32))
  const answers = (name: string, fields: { readonly seq?: number }): unknown => {
    if (name === 'hist.ls') return { devs: [[BENCH_DEVICE, 0, batches.length - 1]] }
    const { seq = 0 } = fields
    let bytes = 0
    const page = batches.slice(seq, seq + 16).filter((d) => (bytes += d.length) <= 192 * 1024)
    return { rows: page.map((d, i) => [seq + i, 0, d]) }
  }
  const link = {
    request: (name: string, fields: object) => Promise.resolve(answers(name, fields)),
  } as unknown as Link
  const device = { id: BENCH_DEVICE, dsk: rsa2048(0).publicKey, ts: 0 }
  const user = parseUsername('bench')
  const list = firstDeviceList({ srv: SRV, acct: ME }, user, device)
  const own = withDevice({ list, pin: { h: SRV } }, { ...device, id: Buffer.alloc(8, 2) })
  const messages = await RecordMessageLog.open(store, [])
  const me = { srv: SRV, acct: ME, dev: Buffer.alloc(8, 2) }
  const restorer = new Restorer({
    ...{ account: me, device: me, link, clock: systemClock, messages },
    archives: () => [KEYS],
    state: await RestoreState.open(store.records),
    ownList: () => own,
    regained: () => Promise.resolve(),
    reunion: { met: () => undefined, unmet: [], idle: () => Promise.resolve() },
    fault: (code) => {
      throw new Error(code)
    },
    progress: () => undefined,
    isBlocked: () => false,
    gone: { take: () => Promise.resolve(), covers: () => false },
    late: () => undefined,
  })
  const heap = process.memoryUsage().rss
  const at = performance.now()
  await restorer.prepare()
  await restorer.run()
  const seconds = (performance.now() - at) / 1000
  const bytes = batches.reduce((sum, d) => sum + d.length, 0)
  console.log(
    `${String(rows).padStart(7)} rows restored: ${(rows / seconds).toFixed(0)} messages/s, ` +
      `${String(batches.length)} batches, ${(bytes / rows).toFixed(0)} bytes each on the wire, ` +
      `memory +${((process.memoryUsage().rss - heap) / 2 ** 20).toFixed(0)} MiB`,
  )
  await store.close()
  await folder.close()
}

export async function archiveBench(): Promise<void> {
  pin(process.pid, 1)
  // the clock's timers alone keep no process alive
  const alive = setInterval(() => undefined, 1000)
  const root = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
  try {
    console.log('\nhistory')
    await server(root)
    for (const rows of LEVELS) await restore(root, rows)
  } finally {
    clearInterval(alive)
    await rm(root, { recursive: true, force: true })
  }
}
