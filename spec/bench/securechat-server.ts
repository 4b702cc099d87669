// Our server under test: the real composition over the NeDB store, with ready-made accounts so that a run measures
// messages and not two hundred sign-ups. `securechat-server.ts FOLDER COUNT [SETTINGS]`: with settings (JSON) those of an
// operator, else without the limits that a bench of messages would meet.
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'

import { startServer } from '../../lib/cli/server/start.ts'
import { defaultSettings, type ServerSettings } from '../../lib/cli/server/settings.ts'
import { systemClock } from '../../lib/cli/system-clock.ts'
import { encodeDeviceList } from '../../lib/identity/device-list-body.ts'
import { firstDeviceList } from '../../lib/identity/device-list-edit.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import { Accounts } from '../../lib/server/accounts.ts'
import { silentLog } from '../../lib/util/log.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { VAULT } from '../helpers/relay.ts'
import { reportMemory } from './process.ts'
import { BENCH_DEVICE, benchAccount } from './securechat-client.ts'

const RESOLUTION_MS = 10
const [folder = '', count = '0', chosen] = process.argv.slice(2)

const UNLIMITED: Partial<ServerSettings> = {
  maxClients: 100_000,
  handshakesPerSecond: 0,
  // one process would solve the puzzles of all clients, sixteen at once, and some not within the time that a server gives
  handshakesBeforePuzzle: 1e6,
  sendsPerSecond: 0,
  requestsPerSecond: 0,
  directoryPerMinute: 0,
  directoryByNamePerMinute: 0,
  newRecipientsPerDay: 0,
  idleMs: 86_400_000,
  anonymousLifeMs: 86_400_000,
  anonymousPerAddress: 0,
}
const running = await startServer(
  {
    ...defaultSettings({ keys: join(folder, 'keys'), data: join(folder, 'data') }),
    host: '127.0.0.1',
    port: 0,
    freeBytes: 0,
    ...(chosen === undefined ? UNLIMITED : (JSON.parse(chosen) as Partial<ServerSettings>)),
  },
  { clock: systemClock, log: silentLog },
)
const accounts = new Accounts(running.store.records, systemClock)
const dsk = rsa2048(0).publicKey
const ik = [rsa3072(0).publicKey.spki]

// the server checks a list when it takes it, and not again: the signatures of thousands would only take time
async function create(n: number): Promise<void> {
  const acct = benchAccount(n)
  const user = parseUsername(`bench-${String(n)}`)
  const list = firstDeviceList({ srv: running.srv, acct }, user, {
    id: BENCH_DEVICE,
    dsk,
    ts: 0,
  })
  await accounts.create({
    acct,
    user,
    renamed: [],
    cid: Buffer.alloc(32, 3),
    record: Buffer.alloc(192, 2),
    vault: VAULT,
    list: { b: encodeDeviceList(list), s: Buffer.alloc(384), ik, ss: [] },
    created: systemClock.now(),
    state: 'live',
  })
}
const all = Array.from({ length: Number(count) }, (_, n) => n)
for (let at = 0; at < all.length; at += 100) await Promise.all(all.slice(at, at + 100).map(create))
process.send?.({ port: running.port, srv: running.srv })
reportMemory()
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delay.enable()
process.on('message', (word) => {
  if (word !== 'lag') return
  // it counts the pause that it was asked to make
  process.send?.({ lagMs: delay.max / 1e6 - RESOLUTION_MS, ...running.server.stats() })
  delay.reset()
})
process.on('disconnect', () => process.exit(0))
