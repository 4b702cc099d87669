// The same traffic against every server: pairs of clients, a window of messages outstanding or a fixed rate.
import { cpuMicros, percentile, sleep } from './process.ts'

/** One direction of a pair: `send` starts a message with `stamp`, `arrived` is called with the stamp at the receiver. */
export interface Pair {
  send(stamp: number): void
  arrived: (stamp: number) => void
}

export interface Figures {
  readonly perSecond: number
  readonly cpuMicros: number
  readonly p50: number
  readonly p99: number
}

const now = (): number => performance.now()

/** Keeps `window` messages outstanding per pair for `ms`. */
export async function windowed(
  pairs: readonly Pair[],
  window: number,
  ms: number,
  pid: number,
): Promise<Figures> {
  let count = 0
  let running = true
  const latencies: number[] = []
  for (const pair of pairs) {
    pair.arrived = (stamp) => {
      count += 1
      latencies.push(now() - stamp)
      if (running) pair.send(now())
    }
  }
  for (const pair of pairs) for (let i = 0; i < window; i++) pair.send(now())
  await sleep(ms / 5)
  count = 0
  latencies.length = 0
  const [cpu0, t0] = [cpuMicros(pid), now()]
  await sleep(ms)
  const [cpu1, t1, total] = [cpuMicros(pid), now(), count]
  running = false
  latencies.sort((a, b) => a - b)
  const figures = {
    perSecond: (total / (t1 - t0)) * 1000,
    cpuMicros: (cpu1 - cpu0) / total,
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
  }
  await sleep(300)
  return figures
}

/** The load generator was not running for so long: what it measured then says nothing about the server. */
const STALL_MS = 5

/**
 * `perSecond` messages a second over all pairs, evenly spread, for `ms`. Latencies are those of turns in which the load
 * generator itself was on time, here and in the turn before.
 */
export async function paced(
  pairs: readonly Pair[],
  perSecond: number,
  ms: number,
  pid: number,
): Promise<Figures> {
  const latencies: number[] = []
  let turn: number[] = []
  for (const pair of pairs) pair.arrived = (stamp) => turn.push(now() - stamp)
  const [cpu0, t0] = [cpuMicros(pid), now()]
  let [sent, last, wasLate] = [0, t0, false]
  while (now() - t0 < ms) {
    const due = Math.floor(((now() - t0) * perSecond) / 1000)
    for (; sent < due; sent++) pairs[sent % pairs.length]?.send(now())
    await sleep(1)
    const isLate = now() - last > STALL_MS
    if (!isLate && !wasLate) latencies.push(...turn)
    turn = []
    last = now()
    wasLate = isLate
  }
  const [cpu1, t1] = [cpuMicros(pid), now()]
  await sleep(300)
  latencies.sort((a, b) => a - b)
  return {
    perSecond: (sent / (t1 - t0)) * 1000,
    cpuMicros: (cpu1 - cpu0) / sent,
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
  }
}
