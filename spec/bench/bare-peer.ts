// The other end of a bare TLS socket: whoever connects gets the file, and nothing besides. `bare-peer.ts FILE`: sends its port.
import { createReadStream, readFileSync } from 'node:fs'
import { createServer } from 'node:tls'

const [path = ''] = process.argv.slice(2)
const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url))
const server = createServer(
  { key: fixture('bench-tls.key'), cert: fixture('bench-tls.crt'), minVersion: 'TLSv1.3' },
  (socket) => {
    createReadStream(path).pipe(socket)
  },
)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 })
})
process.on('disconnect', () => process.exit(0))
