// What the outer channel itself costs, beside a bare Node TLS socket and a bare TCP socket that echo the same bytes:
// CPU of the server process per record, handshakes per second, memory of an idle connection.
// `node spec/bundle.js && node dist-spec/bench/channel.js`
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'

import { type Connection } from '../../lib/channel/connection.ts'
import { connectClient } from '../../lib/channel/client-handshake.ts'
import { LaunchKeys } from '../../lib/channel/launch-keys.ts'
import { ServerHandshaker } from '../../lib/channel/server-handshake.ts'
import { dial, listen } from '../../lib/channel/tcp.ts'
import { sha256 } from '../../lib/crypto/hash.ts'
import { systemClock } from '../../lib/cli/system-clock.ts'
import { silentLog } from '../../lib/util/log.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { cpuMicros, pin, residentBytes, sleep, start } from './process.ts'

const KINDS = ['tcp', 'tls', 'channel'] as const
type Kind = (typeof KINDS)[number]

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/${name}`, import.meta.url))
const sik = rsa3072(0)
const srv = sha256(sik.publicKey.spki)

async function serve(kind: Kind): Promise<void> {
  const ready = (port: number): void => {
    process.send?.({ port })
  }
  process.on('message', () => {
    globalThis.gc?.()
    process.send?.({ collected: true })
  })
  const echo = (socket: Duplex): void => {
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => socket.write(chunk))
  }
  if (kind === 'tls') {
    const options = { key: fixture('bench-tls.key'), cert: fixture('bench-tls.crt'), noDelay: true }
    const server = createTlsServer(options, echo)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      ready(typeof address === 'object' && address !== null ? address.port : 0)
    })
    return
  }
  const identity = await LaunchKeys.create({
    sik,
    srv,
    chain: [],
    clock: systemClock,
    log: silentLog,
  })
  const handshaker = new ServerHandshaker({
    identity,
    clock: systemClock,
    log: silentLog,
    limits: { perSecond: 0, puzzleAbovePerSecond: Infinity },
  })
  const { port } = await listen({
    host: '127.0.0.1',
    port: 0,
    onConnection: (duplex, remote) => {
      if (kind === 'tcp') {
        echo(duplex)
        return
      }
      handshaker.accept(duplex, remote).then(
        (connection) => {
          connection.authenticated()
          connection.onFrames((frames) => {
            for (const frame of frames) connection.send(frame)
          })
        },
        () => undefined,
      )
    },
  })
  ready(port)
}

/** One client: sends `count` frames together, resolves when as many bytes are back. */
interface Peer {
  roundTrip(frame: Buffer, count: number): Promise<void>
  close(): void
}

function framePeer(connection: Connection): Peer {
  let missing = 0
  let done: () => void = () => undefined
  connection.authenticated()
  connection.onFrames((frames) => {
    missing -= frames.length
    if (missing === 0) done()
  })
  return {
    roundTrip: (frame, count) =>
      new Promise((resolve) => {
        missing = count
        done = resolve
        for (let i = 0; i < count; i++) connection.send(frame)
      }),
    close: () => {
      connection.destroy()
    },
  }
}

function bytePeer(socket: Duplex): Peer {
  let missing = 0
  let done: () => void = () => undefined
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => {
    missing -= chunk.length
    if (missing === 0) done()
  })
  return {
    roundTrip: (frame, count) =>
      new Promise((resolve) => {
        missing = frame.length * count
        done = resolve
        socket.write(count === 1 ? frame : Buffer.concat(Array<Buffer>(count).fill(frame)))
      }),
    close: () => {
      socket.destroy()
    },
  }
}

async function open(kind: Kind, port: number): Promise<Peer> {
  if (kind === 'tls') {
    const socket = await new Promise<Socket>((resolve, reject) => {
      const s = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(s)
      })
      s.once('error', reject)
      s.setNoDelay(true)
    })
    return bytePeer(socket)
  }
  const duplex = await dial({ host: '127.0.0.1', port, timeoutMs: 10_000 })
  if (kind === 'tcp') return bytePeer(duplex)
  const clk = rsa2048(1)
  const { connection } = await connectClient(duplex, {
    pin: srv,
    clk,
    clock: systemClock,
    ua: 'bench',
    timeoutMs: 60_000,
  })
  return framePeer(connection)
}

async function openMany(kind: Kind, port: number, count: number): Promise<Peer[]> {
  const peers: Peer[] = []
  while (peers.length < count) {
    const batch = Math.min(16, count - peers.length)
    peers.push(...(await Promise.all(Array.from({ length: batch }, () => open(kind, port)))))
  }
  return peers
}

async function measure(kind: Kind): Promise<void> {
  const { child, pid, hello } = await start(new URL(import.meta.url), ['serve', kind], 0)
  const port = Number(hello['port'])
  const collect = async (): Promise<void> => {
    const done = new Promise((resolve) => child.once('message', resolve))
    child.send('collect')
    await done
    await sleep(200)
  }
  const figures: string[] = []
  const peers = await openMany(kind, port, 50)
  for (const [name, bytes, count, rounds] of [
    ['256 B', 256, 1, 1500],
    ['32 x 256 B', 256, 32, 400],
    ['64 KiB', 65_536, 1, 100],
  ] as const) {
    const frame = Buffer.alloc(bytes, 7)
    const run = async (n: number): Promise<void> => {
      const each = async (peer: Peer): Promise<void> => {
        for (let i = 0; i < n; i++) await peer.roundTrip(frame, count)
      }
      await Promise.all(peers.map(each))
    }
    await run(rounds / 10)
    const [cpu, at] = [cpuMicros(pid), performance.now()]
    await run(rounds)
    const records = rounds * peers.length
    const us = (cpuMicros(pid) - cpu) / records
    const rate = records / ((performance.now() - at) / 1000)
    figures.push(`${name}: ${us.toFixed(1)} us CPU, ${rate.toFixed(0)}/s`)
  }
  for (const peer of peers) peer.close()
  await sleep(300)
  const [cpu, at, shakes] = [cpuMicros(pid), performance.now(), 400]
  const many = await openMany(kind, port, shakes)
  const us = (cpuMicros(pid) - cpu) / shakes
  const rate = shakes / ((performance.now() - at) / 1000)
  figures.push(`handshake: ${us.toFixed(0)} us CPU, ${rate.toFixed(0)}/s with both ends`)
  await collect()
  const before = residentBytes(pid)
  many.push(...(await openMany(kind, port, 2000)))
  await collect()
  figures.push(`idle: ${((residentBytes(pid) - before) / 2000).toFixed(0)} B a connection`)
  process.stdout.write(`${kind.padEnd(8)} ${figures.join('; ')}\n`)
  for (const peer of many) peer.close()
  child.kill()
}

const [role, kind] = process.argv.slice(2)
if (role === 'serve') await serve(kind as Kind)
else {
  pin(process.pid, 1)
  for (const k of KINDS) await measure(k)
  process.exit(0)
}
