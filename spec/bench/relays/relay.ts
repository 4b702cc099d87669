// The bare relays that our figures stand beside: Node, one process, u32 length || u32 destination || payload, nothing else.
// `relay.ts tcp|tls|gcm`: sends its port. Over TCP and TLS the writes of one tick are batched, as ours are; `gcm` opens and
// seals every message by itself with AES-256-GCM (over TCP) and writes it at once: what record protection cannot do without.
import { readFileSync } from 'node:fs'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

import { reportMemory } from '../process.ts'
import { gcmMessage, GcmCounter, openGcm, RELAY_KEY } from './gcm.ts'

const clients = new Map<number, Socket>()
const HEADER_BYTES = 8
const kind = process.argv[2]

function serve(socket: Socket): void {
  let id = -1
  let rest: Buffer = Buffer.alloc(0)
  const corked = new Set<Socket>()
  const opened = new GcmCounter()
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('close', () => clients.delete(id))
  const relay = (to: number, message: Buffer): void => {
    const receiver = clients.get(to)
    if (receiver === undefined) return
    if (kind === 'gcm') {
      receiver.write(gcmMessage(RELAY_KEY, counterOf(receiver).next(), to, message))
      return
    }
    if (!corked.has(receiver)) {
      receiver.cork()
      corked.add(receiver)
    }
    receiver.write(message)
  }
  socket.on('data', (chunk) => {
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (data.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + data.readUInt32BE(0)
      if (data.length < end) break
      const to = data.readUInt32BE(4)
      const message = data.subarray(0, end)
      if (end === HEADER_BYTES) {
        id = to
        clients.set(id, socket)
      } else {
        relay(to, kind === 'gcm' ? openGcm(RELAY_KEY, opened.next(), message) : message)
      }
      data = data.subarray(end)
    }
    rest = data
    for (const receiver of corked) receiver.uncork()
    corked.clear()
  })
}

const counters = new WeakMap<Socket, GcmCounter>()

function counterOf(socket: Socket): GcmCounter {
  let counter = counters.get(socket)
  if (counter === undefined) counters.set(socket, (counter = new GcmCounter()))
  return counter
}

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url))
const server =
  kind === 'tls'
    ? createTlsServer(
        { key: fixture('bench-tls.key'), cert: fixture('bench-tls.crt'), minVersion: 'TLSv1.3' },
        serve,
      )
    : createTcpServer(serve)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 })
})
reportMemory()
process.on('disconnect', () => process.exit(0))
