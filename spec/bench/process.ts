// A server under test: a child process on one core, and what the kernel says it used.
import { type ChildProcess, fork } from 'node:child_process'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

import { bundled } from '../helpers/bundled.ts'
import { nodeFlags } from '../helpers/programs.ts'

const TICKS_PER_S = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

export interface Started {
  readonly child: ChildProcess
  readonly pid: number
  readonly hello: Readonly<Record<string, unknown>>
}

/** Forks a TypeScript file that sends one message when it is ready, with what `program` of bin/ gives to Node; pinned to `core` where taskset exists. */
export function start(
  file: URL,
  args: readonly string[],
  core: number,
  program: 'securechat' | 'securechat-server' = 'securechat-server',
): Promise<Started> {
  const child = fork(bundled(file), [...args], {
    execArgv: ['--expose-gc', ...nodeFlags(program)],
    serialization: 'advanced',
  })
  const { pid } = child
  if (pid === undefined) throw new Error('the server under test did not start')
  pin(pid, core)
  return new Promise((resolve, reject) => {
    child.once('message', (hello) => {
      resolve({ child, pid, hello: hello as Record<string, unknown> })
    })
    child.once('exit', (code) => {
      reject(new Error(`the server under test ended with ${String(code)}`))
    })
  })
}

export function pin(pid: number, core: number): void {
  spawnSync('taskset', ['-acp', String(core), String(pid)])
}

/** Microseconds of CPU, user and system, all threads. */
export function cpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_S) * 1e6
}

export interface Memory {
  /** JavaScript heap and buffers, after two collections: the first one only lets go of what has finalizers. */
  readonly used: number
  /** Resident; the allocators' reserves make this one jump by megabytes. */
  readonly resident: number
}

export async function settledMemory({ child, pid }: Started): Promise<Memory> {
  let used = 0
  for (let i = 0; i < 2; i++) {
    const done = new Promise((resolve) => child.once('message', resolve))
    child.send('collect')
    used = ((await done) as { readonly used: number }).used
    await sleep(200)
  }
  return { used, resident: residentBytes(pid) }
}

/** Answers `settledMemory`; in the server under test. */
export function reportMemory(): void {
  process.on('message', (word) => {
    if (word !== 'collect') return
    globalThis.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    process.send?.({ used: heapUsed + external })
  })
}

/** Resident bytes. */
export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))
  return Number(match?.[1] ?? 0) * 1024
}

export function percentile(sorted: readonly number[], p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] ?? NaN
}

/** At most `width` at once, in this order; what each of them came to. */
export async function inParallel<T>(
  count: number,
  width: number,
  make: (n: number) => Promise<T>,
): Promise<T[]> {
  const made: T[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      const n = next++
      made[n] = await make(n)
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  return made
}

export function median(list: readonly number[]): number {
  return percentile(
    list.toSorted((a, b) => a - b),
    50,
  )
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
