// What leaving the server out is worth: round trips, bursts and a file between two real clients, relayed and direct, and the
// file over a bare TLS socket. Both clients keep everything on disk, as always; the server shares the machine with them.
// `SIZE_MIB=1024 npm run bench -- direct`
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { connect as connectTls } from 'node:tls'

import { LIMITS } from '../../lib/protocol/limits.ts'
import { startServer } from '../helpers/programs.ts'
import { bigFile } from './files.ts'
import type { Order } from './direct-person.ts'
import { percentile, pin, sleep, start, type Started } from './process.ts'

const SIZE_MIB = Number(process.env['SIZE_MIB'] ?? 256)
const FILE_BYTES = SIZE_MIB * 2 ** 20
const ROUNDS = 60
/** Below what the server grants an account, receipts and all. */
const PAUSE_MS = 150
const BURST = 60
const MANY = 3000
/** Until the server grants a burst again. */
const REFILL_MS = 7000

class Person {
  readonly #process: Started
  readonly #answers = new Map<number, (answer: unknown) => void>()
  #orders = 0

  constructor(started: Started) {
    this.#process = started
    started.child.on('message', (message) => {
      const { id, answer } = message as { readonly id: number; readonly answer: unknown }
      this.#answers.get(id)?.(answer)
      this.#answers.delete(id)
    })
  }

  tell(order: Order): Promise<unknown> {
    const id = ++this.#orders
    return new Promise((resolve) => {
      this.#answers.set(id, resolve)
      this.#process.child.send({ id, order })
    })
  }

  end(): void {
    this.#process.child.kill()
  }
}

interface Two {
  readonly alice: Person
  readonly bob: Person
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return (performance.now() - from) / 1000
}

/** From the first word to the last one heard. */
function burst({ alice, bob }: Two, count: number): Promise<number> {
  return seconds(() =>
    Promise.all([bob.tell({ do: 'hear', count }), alice.tell({ do: 'say', count })]),
  )
}

async function file({ alice, bob }: Two, path: string): Promise<number> {
  const taken = await seconds(() =>
    Promise.all([bob.tell({ do: 'receive' }), alice.tell({ do: 'offer', path })]),
  )
  return FILE_BYTES / 1e6 / taken
}

async function bareTls(path: string, target: string): Promise<number> {
  const peer = await start(new URL('./bare-peer.ts', import.meta.url), [path], 0)
  const port = Number(peer.hello['port'])
  const taken = await seconds(() =>
    pipeline(
      connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }),
      createWriteStream(target),
    ),
  )
  peer.child.kill()
  return FILE_BYTES / 1e6 / taken
}

interface Figures {
  readonly p50: number
  readonly p99: number
  readonly burstMs: number
  readonly fileRate: number
}

async function measured(two: Two, path: string): Promise<Figures> {
  const order = { do: 'rounds', count: ROUNDS, pauseMs: PAUSE_MS } as const
  const trips = (await two.alice.tell(order)) as number[]
  trips.sort((a, b) => a - b)
  await sleep(REFILL_MS)
  const burstMs = (await burst(two, BURST)) * 1000
  await sleep(REFILL_MS)
  const fileRate = await file(two, path)
  return { p50: percentile(trips, 50), p99: percentile(trips, 99), burstMs, fileRate }
}

function row(name: string, { p50, p99, burstMs, fileRate }: Figures, perSecond: string): void {
  console.log(
    `  ${name.padEnd(8)} ${p50.toFixed(1).padStart(6)} ${p99.toFixed(1).padStart(6)} ` +
      `${burstMs.toFixed(0).padStart(8)} ${perSecond.padStart(10)} ${fileRate.toFixed(0).padStart(8)}`,
  )
}

export async function directBench(): Promise<void> {
  pin(process.pid, 1)
  const teardowns: (() => Promise<unknown>)[] = []
  const t = { teardown: (fn: () => Promise<unknown>) => teardowns.push(fn) }
  const root = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
  const people: Person[] = []
  try {
    const server = await startServer(t, join(root, 'server'))
    const person = async (name: string, peer: string, core: number): Promise<Person> => {
      const script = new URL('./direct-person.ts', import.meta.url)
      const args = [join(root, name), String(server.port), name, peer]
      const made = new Person(await start(script, args, core, 'securechat'))
      people.push(made)
      return made
    }
    const two = { alice: await person('alice', 'bob', 0), bob: await person('bob', 'alice', 1) }
    await Promise.all([two.alice.tell({ do: 'greet' }), two.bob.tell({ do: 'greet' })])
    const path = join(root, 'big.bin')
    await bigFile(path, SIZE_MIB)
    await sleep(REFILL_MS)

    const relayed = await measured(two, path)
    const opening = await seconds(() => two.alice.tell({ do: 'connect' }))
    await sleep(REFILL_MS)
    const direct = await measured(two, path)
    const many = MANY / (await burst(two, MANY))
    const bare = await bareTls(path, join(root, 'bare.bin'))
    console.log(
      `\ndirect connections, two clients with their disks: connected ${(opening * 1000).toFixed(0)} ms after asking`,
    )
    console.log(
      `           trip there and back   ${String(BURST)} at    messages  file of ${String(SIZE_MIB)} MiB`,
    )
    console.log('              p50    p99 ms  once, ms  a second      MB/s')
    row('relayed', relayed, `${String(LIMITS.sendsPerSecond)} *`)
    row('direct', direct, many.toFixed(0))
    console.log(
      `  bare TLS socket, which seals and checks nothing for them: ${bare.toFixed(0)} MB/s`,
    )
    console.log('  * what the server grants an account; nobody counts on a direct connection')
  } finally {
    for (const each of people) each.end()
    for (const fn of teardowns) await fn()
    await rm(root, { recursive: true, force: true })
  }
}
