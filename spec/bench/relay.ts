// Messages: our server beside the bare relays, the same traffic in the same run. Server on core 0, load on core 1.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { pin, residentBytes, sleep, start, type Started } from './process.ts'
import { type RelayClient, relayClient } from './relays/relay-client.ts'
import { BenchClient } from './securechat-client.ts'
import { type Figures, paced, type Pair, windowed } from './traffic.ts'

const PAIRS = 100
const RUN_MS = 4000
const IDLE = 500
const PAYLOAD = 256

interface System {
  readonly name: string
  readonly server: Started
  pairs(): Promise<readonly Pair[]>
  idle(count: number): Promise<void>
  close(): void
}

async function bareRelay(kind: 'tcp' | 'tls'): Promise<System> {
  const server = await start(new URL('./relays/relay.ts', import.meta.url), [kind], 0)
  const port = Number(server.hello['port'])
  let nextId = 1
  const open: RelayClient[] = []
  const client = async (): Promise<RelayClient & { id: number }> => {
    const id = nextId++
    const opened = await relayClient(kind, port, id)
    open.push(opened)
    return Object.assign(opened, { id })
  }
  return {
    name: `bare Node ${kind.toUpperCase()} relay`,
    server,
    pairs: async () => {
      const pairs: Pair[] = []
      for (let i = 0; i < PAIRS; i++) {
        const [a, b] = [await client(), await client()]
        const pair: Pair = {
          send: (stamp) => {
            const payload = Buffer.alloc(PAYLOAD)
            payload.writeDoubleBE(stamp)
            a.send(b.id, payload)
          },
          arrived: () => undefined,
        }
        b.onPayload = (payload) => {
          pair.arrived(payload.readDoubleBE(0))
        }
        pairs.push(pair)
      }
      return pairs
    },
    idle: async (count) => {
      for (let i = 0; i < count; i++) await client()
    },
    close: () => {
      for (const c of open) c.close()
      server.child.kill()
    },
  }
}

async function securechat(folder: string): Promise<System> {
  const users = 2 * PAIRS + IDLE
  const file = new URL('./securechat-server.ts', import.meta.url)
  const server = await start(file, [folder, String(users)], 0)
  const port = Number(server.hello['port'])
  const srv = server.hello['srv'] as Uint8Array
  let next = 0
  const open: BenchClient[] = []
  const client = async (): Promise<BenchClient> => {
    const opened = await BenchClient.open(next++, port, srv)
    open.push(opened)
    return opened
  }
  return {
    name: 'SecureChat, durable mailboxes on',
    server,
    pairs: async () => {
      const pairs: Pair[] = []
      for (let i = 0; i < PAIRS; i++) {
        const [a, b] = [await client(), await client()]
        await a.openStream(srv, b)
        const pair: Pair = {
          send: (stamp) => {
            a.send(stamp)
          },
          arrived: () => undefined,
        }
        b.arrived = (stamp) => {
          pair.arrived(stamp)
        }
        pairs.push(pair)
      }
      return pairs
    },
    idle: async (count) => {
      for (let i = 0; i < count; i++) await client()
    },
    close: () => {
      for (const c of open) c.close()
      server.child.kill()
    },
  }
}

/** Resident memory after a collection. */
async function settledBytes(server: Started): Promise<number> {
  if (server.child.connected && server.hello['srv'] !== undefined) {
    server.child.send('collect')
    await sleep(500)
  }
  return residentBytes(server.pid)
}

function row(name: string, figures: readonly string[]): void {
  console.log(`| ${[name.padEnd(34), ...figures.map((f) => f.padStart(9))].join(' | ')} |`)
}

async function measure(system: System): Promise<void> {
  const { pid } = system.server
  const connected = performance.now()
  const before = await settledBytes(system.server)
  await system.idle(IDLE)
  const perSecond = (IDLE / (performance.now() - connected)) * 1000
  await sleep(500)
  const perIdle = ((await settledBytes(system.server)) - before) / IDLE
  const pairs = await system.pairs()
  const wide = await windowed(pairs, 32, RUN_MS, pid)
  const narrow = await windowed(pairs, 1, RUN_MS, pid)
  const busy = await paced(pairs, 2000, RUN_MS, pid)
  const us = (f: Figures): string => f.cpuMicros.toFixed(1)
  row(system.name, [
    Math.round(wide.perSecond).toLocaleString('en'),
    us(wide),
    us(narrow),
    us(busy),
    `${busy.p50.toFixed(2)}/${busy.p99.toFixed(2)}`,
    Math.round(perIdle).toLocaleString('en'),
    Math.round(perSecond).toLocaleString('en'),
  ])
}

export async function relayBench(): Promise<void> {
  pin(process.pid, 1)
  console.log(`\n${String(PAIRS)} pairs, ${String(PAYLOAD)} B of text, server on one core`)
  row('server', ['msg/s', 'us w32', 'us w1', 'us 2k/s', 'p50/p99ms', 'B/idle', 'logins/s'])
  for (const make of [() => bareRelay('tcp'), () => bareRelay('tls')]) {
    const system = await make()
    await measure(system)
    system.close()
  }
  const folder = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
  try {
    const system = await securechat(folder)
    await measure(system)
    system.close()
    await sleep(200)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
