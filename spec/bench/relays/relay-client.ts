// A client of the bare relay.
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

const HEADER_BYTES = 8

export interface RelayClient {
  send(to: number, payload: Buffer): void
  onPayload: (payload: Buffer) => void
  close(): void
}

export function relayClient(kind: 'tcp' | 'tls', port: number, id: number): Promise<RelayClient> {
  return new Promise((resolve, reject) => {
    const socket: Socket =
      kind === 'tls'
        ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
        : connectTcp({ port, host: '127.0.0.1' })
    socket.setNoDelay(true)
    socket.once('error', reject)
    socket.once(kind === 'tls' ? 'secureConnect' : 'connect', () => {
      let corked = false
      const write = (to: number, payload: Buffer): void => {
        const header = Buffer.alloc(HEADER_BYTES)
        header.writeUInt32BE(payload.length, 0)
        header.writeUInt32BE(to, 4)
        if (!corked) {
          corked = true
          socket.cork()
          process.nextTick(() => {
            corked = false
            socket.uncork()
          })
        }
        socket.write(header)
        if (payload.length > 0) socket.write(payload)
      }
      const client: RelayClient = {
        send: write,
        onPayload: () => undefined,
        close: () => socket.destroy(),
      }
      let rest: Buffer = Buffer.alloc(0)
      socket.on('data', (chunk: Buffer) => {
        let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
        while (data.length >= HEADER_BYTES) {
          const end = HEADER_BYTES + data.readUInt32BE(0)
          if (data.length < end) break
          client.onPayload(data.subarray(HEADER_BYTES, end))
          data = data.subarray(end)
        }
        rest = data
      })
      write(id, Buffer.alloc(0))
      resolve(client)
    })
  })
}
