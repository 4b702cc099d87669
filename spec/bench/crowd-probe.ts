// One client in a process of its own that asks and waits, again and again: `crowd-probe.ts N PORT`. What it sees is not delayed
// by what the crowd has to do in its one process.
import { setPriority } from 'node:os'

import { dial } from '../../lib/channel/tcp.ts'
import { probeServer } from '../../lib/channel/client-handshake.ts'
import { systemClock } from '../../lib/cli/system-clock.ts'
import { sleep } from './process.ts'
import { BenchClient } from './securechat-client.ts'

const PAUSE_MS = 50

try {
  setPriority(-5)
} catch {
  // root alone may
}
const [n = '0', port = '0'] = process.argv.slice(2)
const where = { host: '127.0.0.1', port: Number(port), timeoutMs: 20_000 }
const { srv } = await probeServer(await dial(where), { clock: systemClock })
const client = await BenchClient.login(Number(n), Number(port), srv)
const waits: number[] = []
process.on('message', () => process.send?.(waits))
process.on('disconnect', () => process.exit(0))
process.send?.({})
for (;;) {
  const at = performance.now()
  await client.ask({ t: 'ping' })
  waits.push(performance.now() - at)
  await sleep(PAUSE_MS)
}
