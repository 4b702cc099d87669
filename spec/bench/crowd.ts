// A crowd on one server with the settings of an operator: memory and CPU of idle connections, latency of active ones, the same
// under attack, and how long until all are back after a restart. Everybody has an address of their own, as outside.
// `IDLE=500 ACTIVE=100 npm run bench -- crowd` for small machines.
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'

import {
  cpuMicros,
  inParallel,
  median,
  percentile,
  pin,
  settledMemory,
  sleep,
  start,
  type Started,
} from './process.ts'
import { BenchClient } from './securechat-client.ts'
import { type Pair, paced } from './traffic.ts'

const IDLE = Number(process.env['IDLE'] ?? 5000)
const ACTIVE = Number(process.env['ACTIVE'] ?? 1000)
const ATTACKS = ['garbage', 'hellos', 'slow loris', 'half-open'] as const
const RUN_MS = 8000
const ROUNDS = Number(process.env['ROUNDS'] ?? 3)
/** Half a message a second from each active client. */
const RATE = 0.5
const PING_MS = 30_000
const WIDTH = 16
/** Logins: below what the server asks puzzles for, which one core would solve for all of them. */
const PER_SECOND = 80
/** lib/client/link.ts */
const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 60_000
const PATIENCE_MS = 600_000
/**
 * Handshakes a second above which the server asks for puzzles, one storm each. Outside each client has a processor of its own;
 * here one core does the arithmetic of all, makes about a hundred handshakes a second without puzzles, and would be all that a
 * storm of thousands with puzzles measured. So small crowds meet the default, which that core just reaches, and one that
 * everybody meets; for large ones puzzles are off. PUZZLES_ABOVE=100 is the default for a crowd of any size.
 */
const NO_PUZZLES = 1e6
const PUZZLES_ABOVE = (
  process.env['PUZZLES_ABOVE'] ?? (IDLE + ACTIVE <= 1000 ? '100,20' : String(NO_PUZZLES))
)
  .split(',')
  .map(Number)

const SERVER = new URL('./securechat-server.ts', import.meta.url)
const ATTACKER = new URL('./crowd-attack.ts', import.meta.url)
const PROBE = new URL('./crowd-probe.ts', import.meta.url)

interface Lag {
  readonly lagMs: number
  readonly refused: Readonly<Record<string, number>>
}

/** The longest time its event loop was not free since the last call. */
async function lagOf({ child }: Started): Promise<Lag> {
  const answer = new Promise((resolve) => child.once('message', resolve))
  child.send('lag')
  return (await answer) as Lag
}

function dialAs(n: number, port: number): Promise<Duplex> {
  const localAddress = [
    '127',
    1 + Math.floor(n / 62_500),
    Math.floor(n / 250) % 250,
    1 + (n % 250),
  ].join('.')
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.on('error', () => undefined)
      resolve(socket)
    })
  })
}

class Crowd {
  readonly folder: string
  server: Started
  port: number
  readonly srv: Uint8Array
  readonly clients: BenchClient[] = []
  #due = 0

  private constructor(folder: string, server: Started) {
    this.folder = folder
    this.server = server
    this.port = Number(server.hello['port'])
    this.srv = server.hello['srv'] as Uint8Array
  }

  static async start(folder: string): Promise<Crowd> {
    return new Crowd(folder, await start(SERVER, [folder, String(IDLE + ACTIVE + 1), '{}'], 0))
  }

  /** When its turn comes. */
  async queue(n: number): Promise<BenchClient> {
    const now = performance.now()
    this.#due = Math.max(now, this.#due + 1000 / PER_SECOND)
    await sleep(this.#due - now)
    return this.enter(n)
  }

  async enter(n: number): Promise<BenchClient> {
    const client = await BenchClient.over(await dialAs(n, this.port), n, this.srv)
    this.clients[n] = client
    return client
  }

  /** kill -9, and the same server again at the same place. */
  async restart(handshakesBeforePuzzle: number): Promise<void> {
    const gone = Promise.all(this.clients.map((client) => client.closed))
    this.server.child.kill('SIGKILL')
    await gone
    this.clients.length = 0
    const settings = { port: this.port, handshakesBeforePuzzle }
    this.server = await start(SERVER, [this.folder, '0', JSON.stringify(settings)], 0)
  }
}

function line(name: string, ...figures: readonly string[]): void {
  console.log(`  ${name.padEnd(34)} ${figures.join('  ')}`)
}

const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`

/** Each client that is connected says one word every half minute, as real ones do. */
function keepAlive(crowd: Crowd): () => void {
  let at = 0
  const timer = setInterval(() => {
    const due = Math.ceil(crowd.clients.length / (PING_MS / 100))
    for (let i = 0; i < due; i++) {
      at = (at + 1) % Math.max(1, crowd.clients.length)
      crowd.clients[at]?.ask({ t: 'ping' }).catch(() => undefined)
    }
  }, 100)
  return () => {
    clearInterval(timer)
  }
}

async function idle(crowd: Crowd): Promise<void> {
  const before = await settledMemory(crowd.server)
  const cpu0 = cpuMicros(crowd.server.pid)
  await inParallel(IDLE, WIDTH, (n) => crowd.queue(ACTIVE + n))
  const loginMicros = (cpuMicros(crowd.server.pid) - cpu0) / IDLE
  const after = await settledMemory(crowd.server)
  const kB = (bytes: number): string => `${(bytes / IDLE / 1000).toFixed(1)} kB`
  line(
    `${String(IDLE)} log in, ${String(PER_SECOND)} a second`,
    `${loginMicros.toFixed(0)} us of CPU each`,
    `${kB(after.used - before.used)} each in heap and buffers, ${kB(after.resident - before.resident)} resident`,
    `${(after.resident / 1e6).toFixed(0)} MB in all`,
  )
  const [from, cpu] = [performance.now(), cpuMicros(crowd.server.pid)]
  await sleep(RUN_MS)
  const share = (cpuMicros(crowd.server.pid) - cpu) / ((performance.now() - from) * 1000)
  line('idle, one ping in 30 s each', `${(share * 100).toFixed(1)} % of a core`)
}

async function pairsOf(crowd: Crowd): Promise<readonly Pair[]> {
  await inParallel(ACTIVE, WIDTH, async (n) => {
    await (await crowd.queue(n)).publish()
  })
  return inParallel(Math.floor(ACTIVE / 2), WIDTH, async (n) => {
    const [a, b] = [crowd.clients[2 * n], crowd.clients[2 * n + 1]]
    if (a === undefined || b === undefined) throw new Error('somebody is missing')
    await a.openStream(b)
    const pair: Pair = {
      send: (stamp) => {
        a.send(stamp)
      },
      arrived: () => undefined,
    }
    b.arrived = (stamp) => {
      pair.arrived(stamp)
    }
    return pair
  })
}

interface Traffic {
  readonly p50: number
  readonly p99: number
  readonly lagMs: number
  readonly share: number
}

async function traffic(crowd: Crowd, pairs: readonly Pair[]): Promise<Traffic> {
  const { pid } = crowd.server
  await lagOf(crowd.server)
  const [from, cpu] = [performance.now(), cpuMicros(pid)]
  const { p50, p99 } = await paced(pairs, ACTIVE * RATE, RUN_MS, pid)
  const share = (cpuMicros(pid) - cpu) / ((performance.now() - from) * 1000)
  const { lagMs } = await lagOf(crowd.server)
  return { p50, p99, lagMs, share }
}

/** Medians of the rounds: on a shared machine each may be disturbed. Returns that of p99. */
function show(name: string, rounds: readonly Traffic[]): number {
  const of = (pick: (round: Traffic) => number): number => median(rounds.map(pick))
  line(
    name,
    `p50 ${ms(of((r) => r.p50))}, p99 ${ms(of((r) => r.p99))}`,
    `${(of((r) => r.share) * 100).toFixed(0)} % of a core, event loop late by at most ${ms(of((r) => r.lagMs))}`,
  )
  return of((r) => r.p99)
}

async function underAttack(crowd: Crowd, pairs: readonly Pair[]): Promise<void> {
  for (const kind of ATTACKS) {
    const [calm, hot]: [Traffic[], Traffic[]] = [[], []]
    let made = 0
    for (let round = 0; round < ROUNDS; round++) {
      calm.push(await traffic(crowd, pairs))
      const attacker = await start(ATTACKER, [kind, String(crowd.port)], 1)
      await sleep(2000)
      hot.push(await traffic(crowd, pairs))
      const counted = new Promise((resolve) => attacker.child.once('message', resolve))
      attacker.child.send('count')
      made += ((await counted) as { readonly made: number }).made
      attacker.child.kill('SIGKILL')
      await sleep(2000)
    }
    const before = show(`before ${kind}`, calm)
    const during = show(`during ${kind}`, hot)
    line(
      '',
      `p99 ${(during / before).toFixed(1)} times; ${String(made)} connections of the attacker`,
    )
  }
}

/** Everybody comes back as a real client does: half a second, then twice as long each time, give or take a half. */
async function storm(crowd: Crowd, puzzlesAbove: number): Promise<void> {
  const count = crowd.clients.length
  await crowd.restart(puzzlesAbove)
  const back: number[] = []
  const probe = await start(PROBE, [String(IDLE + ACTIVE), String(crowd.port)], 1)
  // when the probe is in: it takes seconds to start
  const from = performance.now()
  let tries = 0
  const bits: number[] = []
  const own = process.cpuUsage()
  const cpu = cpuMicros(crowd.server.pid)
  const comeBack = async (n: number): Promise<void> => {
    for (let attempt = 0; performance.now() - from < PATIENCE_MS; attempt++) {
      const base = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 10))
      await sleep(base * (0.5 + Math.random()))
      tries += 1
      try {
        const { puzzleBits } = await crowd.enter(n)
        if (puzzleBits > 0) bits.push(puzzleBits)
        back.push(performance.now() - from)
        return
      } catch {
        // as a real one, it tries again
      }
    }
    throw new Error('one did not come back')
  }
  await Promise.all(Array.from({ length: count }, (_, n) => comeBack(n)))
  const answered = new Promise((resolve) => probe.child.once('message', resolve))
  probe.child.send('pings')
  const pings = ((await answered) as readonly number[]).toSorted((a, b) => a - b)
  probe.child.kill('SIGKILL')
  const { lagMs } = await lagOf(crowd.server)
  const spent = process.cpuUsage(own)
  const puzzles =
    puzzlesAbove === NO_PUZZLES
      ? 'without puzzles'
      : `puzzles above ${String(puzzlesAbove)} a second: ${String(bits.length)} solved one` +
        (bits.length > 0
          ? ` of ${String(Math.min(...bits))} to ${String(Math.max(...bits))} bits`
          : '')
  const seconds = (p: number): string => `${(percentile(back, p) / 1000).toFixed(1)} s`
  line(
    `kill -9, restart, ${String(count)} come back`,
    `half after ${seconds(50)}, 90 % after ${seconds(90)}, all after ${seconds(100)}; ${String(tries)} tries`,
    puzzles,
    `${((cpuMicros(crowd.server.pid) - cpu) / count).toFixed(0)} us of CPU each, ${((spent.user + spent.system) / count / 1000).toFixed(0)} ms of the clients' core`,
    `somebody who is in waits p50 ${ms(percentile(pings, 50))}, p99 ${ms(percentile(pings, 99))}`,
    `event loop late by at most ${ms(lagMs)}`,
  )
}

export async function crowdBench(): Promise<void> {
  pin(process.pid, 1)
  console.log(
    `\na crowd: ${String(IDLE)} idle and ${String(ACTIVE)} active clients, ${String(ACTIVE * RATE)} messages a second, ` +
      'default settings; server on core 0, clients and attackers on core 1',
  )
  const folder = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
  let crowd: Crowd | null = null
  try {
    crowd = await Crowd.start(folder)
    const stop = keepAlive(crowd)
    await idle(crowd)
    const pairs = await pairsOf(crowd)
    if (ROUNDS > 0) await underAttack(crowd, pairs)
    stop()
    for (const above of PUZZLES_ABOVE) await storm(crowd, above)
  } finally {
    crowd?.server.child.kill('SIGKILL')
    await sleep(300)
    await rm(folder, { recursive: true, force: true })
  }
}
