// Our server under test: the real composition over the NeDB store, with ready-made accounts so that a run measures
// messages and not two hundred sign-ups. `securechat-server.ts FOLDER COUNT`.
import { join } from 'node:path'

import { startServer } from '../../lib/cli/server/start.ts'
import { defaultSettings } from '../../lib/cli/server/settings.ts'
import { systemClock } from '../../lib/cli/system-clock.ts'
import { firstDeviceList } from '../../lib/identity/device-list-edit.ts'
import { signDeviceList } from '../../lib/identity/device-list.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import { Accounts } from '../../lib/server/accounts.ts'
import { silentLog } from '../../lib/util/log.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { VAULT } from '../helpers/relay.ts'
import { BENCH_DEVICE, benchAccount } from './securechat-client.ts'

const [folder = '', count = '0'] = process.argv.slice(2)

const running = await startServer(
  {
    ...defaultSettings({ keys: join(folder, 'keys'), data: join(folder, 'data') }),
    host: '127.0.0.1',
    port: 0,
    maxClients: 100_000,
    handshakesPerSecond: 0,
    sendsPerSecond: 0,
    requestsPerSecond: 0,
    directoryPerMinute: 0,
    directoryByNamePerMinute: 0,
    newRecipientsPerDay: 0,
    idleMs: 86_400_000,
    anonymousLifeMs: 86_400_000,
    anonymousPerAddress: 0,
    freeBytes: 0,
  },
  { clock: systemClock, log: silentLog },
)
const accounts = new Accounts(running.store.records, systemClock)
const dsk = rsa2048(0).publicKey
for (let n = 0; n < Number(count); n++) {
  const acct = benchAccount(n)
  const user = parseUsername(`bench-${String(n)}`)
  const device = { id: BENCH_DEVICE, dsk, ts: 0 }
  const list = await signDeviceList(
    rsa3072(0),
    firstDeviceList({ srv: running.srv, acct }, user, device),
  )
  await accounts.create({
    acct,
    user,
    renamed: [],
    cid: Buffer.alloc(32, 3),
    record: Buffer.alloc(192, 2),
    vault: VAULT,
    list,
    created: systemClock.now(),
    state: 'live',
  })
}
process.send?.({ port: running.port, srv: running.srv })
process.on('message', () => {
  globalThis.gc?.()
  process.send?.({ collected: true })
})
process.on('disconnect', () => process.exit(0))
