// How the prompt feels: from a key to its echo, and from the bytes of a message to its row on the screen, on a real
// pseudo-terminal, alone and while a hundred messages a second arrive. A relay in between sees when the bytes arrive.
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Program, signUp, startServer } from '../helpers/programs.ts'
import { Screen } from '../helpers/screen.ts'

const KEYS = 300
const KEY_EVERY_MS = 37
const MESSAGES_PER_S = 100
/** Each device sends at most twenty a second (PROTOCOL 15). */
const SENDERS = ['bob', 'carol', 'dave', 'erin', 'frank']
/** The record of a message has 693 bytes; what answers our own frames is smaller. */
const MESSAGE_BYTES = 600
const LINE_KEYS = 30
/** A row may come in two pieces. */
const TORN = 40
const ERASE_LINE = '\x15'

interface Teardown {
  teardown(fn: () => Promise<unknown>): void
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function figures(list: readonly number[]): string {
  const sorted = list.toSorted((a, b) => a - b)
  const at = (part: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN).toFixed(1)
  return `${at(0.5)}/${at(0.99)}/${at(1)}`
}

/** Passes everything on; notes when something as large as a message came from the server. */
async function relay(t: Teardown, port: number): Promise<{ port: number; arrivals: number[] }> {
  const arrivals: number[] = []
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket.setNoDelay())
      socket.on('error', () => socket.destroy())
    }
    client.pipe(upstream)
    upstream.on('data', (chunk) => {
      if (chunk.length >= MESSAGE_BYTES) arrivals.push(performance.now())
      client.write(chunk)
    })
    upstream.on('end', () => client.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return { port: (server.address() as AddressInfo).port, arrivals }
}

/** Types slowly, as people do; from each key until the line with it was written to the terminal. */
async function typing(screen: Screen): Promise<number[]> {
  const times: number[] = []
  let line = ''
  for (let i = 0; i < KEYS; i++) {
    if (line.length === LINE_KEYS) {
      screen.type(ERASE_LINE)
      line = ''
      await pause(KEY_EVERY_MS)
    }
    const key = String.fromCharCode(97 + (i % 26))
    line += key
    const from = screen.raw.length
    const at = performance.now()
    screen.type(key)
    while (!screen.raw.slice(from).includes(line)) {
      if (performance.now() - at > 5000) throw new Error(`no echo of ${line}`)
      await new Promise((resolve) => setImmediate(resolve))
    }
    times.push(performance.now() - at)
    await pause(KEY_EVERY_MS)
  }
  screen.type(ERASE_LINE)
  return times
}

/** A hundred lines a second, until told to stop; when each was written. */
function load(senders: readonly Program[]): { readonly sent: number[]; readonly stop: () => void } {
  const sent: number[] = []
  const timer = setInterval(() => {
    const number = sent.push(performance.now()) - 1
    senders[number % senders.length]?.line(`@alice load ${String(number)}.`)
  }, 1000 / MESSAGES_PER_S)
  return {
    sent,
    stop: () => {
      clearInterval(timer)
    },
  }
}

async function measured(t: Teardown, root: string, args: readonly string[]): Promise<void> {
  const server = await startServer(t, join(root, 'server'))
  const alice = await signUp(t, server, root, 'alice')
  const senders: Program[] = []
  for (const name of SENDERS) {
    const sender = await signUp(t, server, root, name)
    sender.line('@alice hello')
    await alice.waitFor(new RegExp(`${name}: hello`))
    alice.line(`@${name} hello`)
    await sender.waitFor(/alice: hello/)
    senders.push(sender)
  }
  alice.end()
  await alice.exited
  const between = await relay(t, server.port)
  const uri = server.uri.replace(`:${String(server.port)}/`, `:${String(between.port)}/`)
  const screen = new Screen([uri, '-u', 'alice', ...args], { SECURECHAT_HOME: join(root, 'alice') })
  t.teardown(async () => {
    screen.kill('SIGKILL')
    await screen.exited
  })
  await screen.waitFor(/Signed in as alice/)
  await pause(1000)
  const name = args.includes('--full') ? 'full screen' : 'line mode'
  console.log(`${name}: key to echo, nothing arriving      ${figures(await typing(screen))} ms`)

  const rows = new Map<number, number>()
  let seenTo = screen.raw.length
  const watching = setInterval(() => {
    const fresh = screen.raw.slice(seenTo)
    for (const [, n = ''] of fresh.matchAll(/load (\d+)\./g)) {
      if (!rows.has(Number(n))) rows.set(Number(n), performance.now())
    }
    seenTo += Math.max(0, fresh.length - TORN)
  }, 1)
  between.arrivals.length = 0
  const { sent, stop } = load(senders)
  const keys = await typing(screen)
  stop()
  while (rows.size < sent.length) await pause(20)
  clearInterval(watching)
  const drawn = [...rows]
  const shown = drawn.flatMap(([i, at]) => {
    const arrived = between.arrivals.find((time) => time >= (sent[i] ?? Infinity))
    return arrived === undefined || arrived > at ? [] : [at - arrived]
  })
  const whole = drawn.map(([i, at]) => at - (sent[i] ?? NaN))
  console.log(`${name}: key to echo, 100 messages/s         ${figures(keys)} ms`)
  console.log(`${name}: bytes in to row drawn, 100/s        ${figures(shown)} ms`)
  console.log(
    `${name}: their Enter to row drawn, 100/s     ${figures(whole)} ms (${String(rows.size)} messages)`,
  )
}

export async function keysBench(): Promise<void> {
  console.log('\nthe prompt, p50/p99/max')
  for (const args of [[], ['--full']]) {
    const teardowns: (() => Promise<unknown>)[] = []
    const t = { teardown: (fn: () => Promise<unknown>) => teardowns.push(fn) }
    const root = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
    try {
      await measured(t, root, args)
    } finally {
      for (const fn of teardowns.toReversed()) await fn()
      await rm(root, { recursive: true, force: true })
    }
  }
}
