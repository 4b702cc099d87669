// What the same file takes through a bare relay: read, sent in chunks as large and as many at once as ours, written. Both
// ends are in this process and seal nothing for each other.
import { open } from 'node:fs/promises'
import { join } from 'node:path'

import { start } from './process.ts'
import { relayClient, type RelayKind } from './relays/relay-client.ts'

const CHUNK_BYTES = 64 * 1024
const AT_ONCE = 16

/** MB/s. */
export async function bareFile(kind: RelayKind, folder: string, bytes: number): Promise<number> {
  const relay = await start(new URL('./relays/relay.ts', import.meta.url), [kind], 0)
  const port = Number(relay.hello['port'])
  const [sender, receiver] = [await relayClient(kind, port, 1), await relayClient(kind, port, 2)]
  const source = await open(join(folder, 'big.bin'), 'r')
  const target = await open(join(folder, `big.${kind}`), 'w')
  const count = bytes / CHUNK_BYTES
  const started = performance.now()
  await new Promise<void>((resolve, reject) => {
    let [sent, written] = [0, 0]
    const next = async (): Promise<void> => {
      if (sent === count) return
      const { buffer } = await source.read(
        Buffer.alloc(CHUNK_BYTES),
        0,
        CHUNK_BYTES,
        CHUNK_BYTES * sent++,
      )
      sender.send(2, buffer)
    }
    let at = 0
    receiver.onPayload = (payload) => {
      target.write(payload, 0, payload.length, CHUNK_BYTES * at++).then(() => {
        if (++written === count) resolve()
      }, reject)
      next().catch(reject)
    }
    for (let i = 0; i < AT_ONCE; i++) next().catch(reject)
  })
  const seconds = (performance.now() - started) / 1000
  for (const client of [sender, receiver]) client.close()
  for (const file of [source, target]) await file.close()
  relay.child.kill()
  return bytes / 1e6 / seconds
}
