// Messages: our server beside bare relays, the same traffic in turns, so that a busy machine disturbs all of them alike.
// Servers on core 0, load on core 1. Read the CPU columns; rates and latencies move with whatever else the machine does.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { cpuMicros, median, pin, settledMemory, sleep } from './process.ts'
import { bareRelay, secureChat, type System } from './systems.ts'
import { type Figures, paced, type Pair, windowed } from './traffic.ts'

const PAIRS = 100
const ROUNDS = Number(process.env['ROUNDS'] ?? 5)
const RUN_MS = 1500
/** Connected before anything is counted: the first ones make room for the others. */
const WARM_UP = 300
const IDLE = 2000

interface Idle {
  readonly used: number
  readonly resident: number
  readonly loginMicros: number
}

async function measureIdle(system: System): Promise<Idle> {
  const closeFirst = await system.idle(WARM_UP)
  const before = await settledMemory(system.server)
  const cpu = cpuMicros(system.server.pid)
  const close = await system.idle(IDLE)
  const loginMicros = (cpuMicros(system.server.pid) - cpu) / IDLE
  const after = await settledMemory(system.server)
  close()
  closeFirst()
  await sleep(500)
  const used = (after.used - before.used) / IDLE
  return { used, resident: (after.resident - before.resident) / IDLE, loginMicros }
}

const MODES: readonly ((pairs: readonly Pair[], pid: number) => Promise<Figures>)[] = [
  (pairs, pid) => windowed(pairs, 32, RUN_MS, pid),
  (pairs, pid) => windowed(pairs, 1, RUN_MS, pid),
  (pairs, pid) => paced(pairs, 2000, RUN_MS, pid),
]

interface Contestant {
  readonly system: System
  readonly idle: Idle
  readonly pairs: readonly Pair[]
  /** By mode. */
  readonly figures: Figures[][]
}

function row(name: string, figures: readonly string[]): void {
  console.log(`| ${[name.padEnd(34), ...figures.map((f) => f.padStart(10))].join(' | ')} |`)
}

function kilobytes(bytes: number): string {
  return (bytes / 1000).toFixed(1)
}

function report({ system, idle, figures }: Contestant): void {
  const [wide = [], narrow = [], busy = []] = figures
  const middle = (list: readonly Figures[], of: (f: Figures) => number): number =>
    median(list.map(of))
  const us = (list: readonly Figures[]): string => middle(list, (f) => f.cpuMicros).toFixed(1)
  row(system.name, [
    us(wide),
    us(narrow),
    us(busy),
    `${middle(busy, (f) => f.p50).toFixed(2)}/${middle(busy, (f) => f.p99).toFixed(2)}`,
    Math.round(middle(wide, (f) => f.perSecond)).toLocaleString('en'),
    `${kilobytes(idle.used)}/${kilobytes(idle.resident)}`,
    idle.loginMicros.toFixed(0),
  ])
}

async function compare(systems: readonly System[]): Promise<void> {
  const contestants: Contestant[] = []
  for (const system of systems) {
    const idle = await measureIdle(system)
    const pairs = await system.pairs(PAIRS)
    contestants.push({ system, idle, pairs, figures: MODES.map(() => []) })
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [m, run] of MODES.entries()) {
      for (const { system, pairs, figures } of contestants) {
        figures[m]?.push(await run(pairs, system.server.pid))
      }
    }
  }
  row('server', ['us w32', 'us w1', 'us 2,000/s', 'p50/p99 ms', 'msg/s w32', 'kB/idle', 'us/login'])
  for (const contestant of contestants) report(contestant)
}

export async function relayBench(): Promise<void> {
  pin(process.pid, 1)
  console.log(
    `\n${String(PAIRS)} pairs, 256 B of text: microseconds of server CPU per message, 32 and 1 outstanding per pair and ` +
      `at 2,000 a second (latency there); medians of ${String(ROUNDS)} rounds; ` +
      'an idle connection in heap and buffers / resident',
  )
  const folder = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
  const systems: System[] = []
  try {
    systems.push(await bareRelay('tcp', 'bare Node TCP relay'))
    systems.push(await bareRelay('tls', 'bare Node TLS relay'))
    systems.push(await bareRelay('gcm', 'bare Node AES-256-GCM relay'))
    systems.push(await secureChat(folder, 2 * PAIRS + IDLE + WARM_UP))
    await compare(systems)
  } finally {
    for (const system of systems) system.stop()
    await sleep(300)
    await rm(folder, { recursive: true, force: true })
  }
}
