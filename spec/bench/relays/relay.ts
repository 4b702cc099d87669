// The bare relay that our figures stand beside: Node, one process, u32 length || u32 destination || payload, nothing else.
// `node relay.ts tcp|tls`: prints its port. Writes of one tick are batched, as ours are.
import { readFileSync } from 'node:fs'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

const clients = new Map<number, Socket>()
const HEADER_BYTES = 8

function serve(socket: Socket): void {
  let id = -1
  let rest: Buffer = Buffer.alloc(0)
  const corked = new Set<Socket>()
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('close', () => clients.delete(id))
  socket.on('data', (chunk) => {
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (data.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + data.readUInt32BE(0)
      if (data.length < end) break
      const to = data.readUInt32BE(4)
      if (end === HEADER_BYTES) {
        id = to
        clients.set(id, socket)
      } else {
        const receiver = clients.get(to)
        if (receiver !== undefined) {
          if (!corked.has(receiver)) {
            receiver.cork()
            corked.add(receiver)
          }
          receiver.write(data.subarray(0, end))
        }
      }
      data = data.subarray(end)
    }
    rest = data
    for (const receiver of corked) receiver.uncork()
    corked.clear()
  })
}

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url))
const server =
  process.argv[2] === 'tls'
    ? createTlsServer(
        { key: fixture('bench-tls.key'), cert: fixture('bench-tls.crt'), minVersion: 'TLSv1.3' },
        serve,
      )
    : createTcpServer(serve)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 })
})
process.on('disconnect', () => process.exit(0))
