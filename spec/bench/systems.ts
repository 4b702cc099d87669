// The servers that are measured side by side, each with its clients: bare Node relays and ours.
import { inParallel, start, type Started } from './process.ts'
import { type RelayClient, relayClient, type RelayKind } from './relays/relay-client.ts'
import { BenchClient } from './securechat-client.ts'
import type { Pair } from './traffic.ts'

const PAYLOAD_BYTES = 256
/** Logins under way at once. */
const WIDTH = 16

export interface System {
  readonly name: string
  readonly server: Started
  /** Connects so many clients that do nothing more; returns what closes them. */
  idle(count: number): Promise<() => void>
  pairs(count: number): Promise<readonly Pair[]>
  stop(): void
}

export async function bareRelay(kind: RelayKind, name: string): Promise<System> {
  const server = await start(new URL('./relays/relay.ts', import.meta.url), [kind], 0)
  const port = Number(server.hello['port'])
  let nextId = 1
  const client = async (): Promise<{ readonly id: number; readonly peer: RelayClient }> => {
    const id = nextId++
    return { id, peer: await relayClient(kind, port, id) }
  }
  return {
    name,
    server,
    idle: async (count) => {
      const all = await inParallel(count, WIDTH, client)
      return () => {
        for (const { peer } of all) peer.close()
      }
    },
    pairs: (count) =>
      inParallel(count, WIDTH, async () => {
        const [a, b] = [await client(), await client()]
        const pair: Pair = {
          send: (stamp) => {
            const payload = Buffer.alloc(PAYLOAD_BYTES)
            payload.writeDoubleBE(stamp)
            a.peer.send(b.id, payload)
          },
          arrived: () => undefined,
        }
        b.peer.onPayload = (payload) => {
          pair.arrived(payload.readDoubleBE(0))
        }
        return pair
      }),
    stop: () => server.child.kill(),
  }
}

export interface SecureChat extends System {
  /** One that others can write to. */
  client(): Promise<BenchClient>
}

/** With accounts for so many clients; each is used once. */
export async function secureChat(folder: string, accounts: number): Promise<SecureChat> {
  const file = new URL('./securechat-server.ts', import.meta.url)
  const server = await start(file, [folder, String(accounts)], 0)
  const port = Number(server.hello['port'])
  const srv = server.hello['srv'] as Uint8Array
  let next = 0
  const client = (): Promise<BenchClient> => BenchClient.open(next++, port, srv)
  return {
    name: 'SecureChat, durable mailboxes on',
    server,
    client,
    idle: async (count) => {
      const all = await inParallel(count, WIDTH, () => BenchClient.login(next++, port, srv))
      return () => {
        for (const c of all) c.close()
      }
    },
    pairs: (count) =>
      inParallel(count, WIDTH, async () => {
        const [a, b] = [await client(), await client()]
        await a.openStream(b)
        const pair: Pair = {
          send: (stamp) => {
            a.send(stamp)
          },
          arrived: () => undefined,
        }
        b.arrived = (stamp) => {
          pair.arrived(stamp)
        }
        return pair
      }),
    stop: () => server.child.kill(),
  }
}
