// A client of the bare relays.
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

import { gcmMessage, GcmCounter, openGcm, RELAY_KEY } from './gcm.ts'

const HEADER_BYTES = 8

export type RelayKind = 'tcp' | 'tls' | 'gcm'

export interface RelayClient {
  send(to: number, payload: Buffer): void
  onPayload: (payload: Buffer) => void
  close(): void
}

function plainMessage(to: number, payload: Buffer): Buffer {
  const message = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  message.writeUInt32BE(payload.length, 0)
  message.writeUInt32BE(to, 4)
  message.set(payload, HEADER_BYTES)
  return message
}

export function relayClient(kind: RelayKind, port: number, id: number): Promise<RelayClient> {
  return new Promise((resolve, reject) => {
    const socket: Socket =
      kind === 'tls'
        ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
        : connectTcp({ port, host: '127.0.0.1' })
    const [sealed, opened] = [new GcmCounter(), new GcmCounter()]
    socket.setNoDelay(true)
    socket.once('error', reject)
    socket.once(kind === 'tls' ? 'secureConnect' : 'connect', () => {
      let corked = false
      const write = (message: Buffer): void => {
        if (!corked) {
          corked = true
          socket.cork()
          process.nextTick(() => {
            corked = false
            socket.uncork()
          })
        }
        socket.write(message)
      }
      const client: RelayClient = {
        send: (to, payload) => {
          write(
            kind === 'gcm'
              ? gcmMessage(RELAY_KEY, sealed.next(), to, payload)
              : plainMessage(to, payload),
          )
        },
        onPayload: () => undefined,
        close: () => socket.destroy(),
      }
      let rest: Buffer = Buffer.alloc(0)
      socket.on('data', (chunk: Buffer) => {
        let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
        while (data.length >= HEADER_BYTES) {
          const end = HEADER_BYTES + data.readUInt32BE(0)
          if (data.length < end) break
          const message = data.subarray(0, end)
          client.onPayload(
            kind === 'gcm'
              ? openGcm(RELAY_KEY, opened.next(), message)
              : message.subarray(HEADER_BYTES),
          )
          data = data.subarray(end)
        }
        rest = data
      })
      write(plainMessage(id, Buffer.alloc(0)))
      resolve(client)
    })
  })
}
