// A server identity, both ends of a handshake over a wire in memory, and connections with chosen keys.
import type { Duplex } from 'node:stream'

import { ChunkReader } from '../../lib/channel/chunk-reader.ts'
import {
  CLIENT_CONNECTION_LIMITS,
  Connection,
  type ConnectionLimits,
} from '../../lib/channel/connection.ts'
import {
  type Connected,
  type ConnectOptions,
  connectClient,
} from '../../lib/channel/client-handshake.ts'
import { type ChannelKeys, channelKeys } from '../../lib/channel/key-schedule.ts'
import { LaunchKeys } from '../../lib/channel/launch-keys.ts'
import { type HandshakeLimits, ServerHandshaker } from '../../lib/channel/server-handshake.ts'
import { Transport } from '../../lib/channel/transport.ts'
import { Upkeep } from '../../lib/channel/upkeep.ts'
import { sha256 } from '../../lib/crypto/hash.ts'
import type { Bytes } from '../../lib/util/bytes.ts'
import { silentLog } from '../../lib/util/log.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { memoryWire, settle, type Wire, type WireOptions } from '../helpers/memory-duplex.ts'

export const sik = rsa3072(0)
export const srv = sha256(sik.publicKey.spki)
export const clk = rsa2048(1)

export function launchKeys(clock: FakeClock): Promise<LaunchKeys> {
  let next = 2
  return LaunchKeys.create({
    sik,
    srv,
    chain: [],
    clock,
    log: silentLog,
    generate: () => Promise.resolve(rsa2048(next++ % 16)),
  })
}

export interface Stage {
  readonly clock: FakeClock
  readonly keys: LaunchKeys
  readonly handshaker: ServerHandshaker
}

export async function stage(limits: Partial<HandshakeLimits> = {}): Promise<Stage> {
  const clock = new FakeClock()
  const keys = await launchKeys(clock)
  return {
    clock,
    keys,
    handshaker: new ServerHandshaker({ identity: keys, clock, log: silentLog, limits }),
  }
}

export function dialIn(
  clock: FakeClock,
  duplex: Duplex,
  options: Partial<ConnectOptions> = {},
): Promise<Connected> {
  return connectClient(duplex, { pin: srv, clk, clock, ua: 'spec', ...options })
}

export interface Shaken extends Stage {
  readonly wire: Wire
  readonly client: Connected
  readonly server: Connection
}

/** A whole handshake; `a` is the client's end of the wire. */
export async function shakeHands(
  wireOptions: WireOptions = {},
  limits: Partial<HandshakeLimits> = {},
): Promise<Shaken> {
  const s = await stage(limits)
  const wire = memoryWire(wireOptions)
  const accepted = s.handshaker.accept(wire.b, '192.0.2.1:5000')
  const [client, server] = await Promise.all([dialIn(s.clock, wire.a), accepted])
  return { ...s, wire, client, server }
}

export const KEYS: ChannelKeys = channelKeys(Buffer.alloc(32, 1), Buffer.alloc(32, 2))

export interface Ends {
  readonly clock: FakeClock
  readonly wire: Wire
  /** The dialling end. */
  readonly a: Connection
  readonly b: Connection
}

export interface ConnectionSetup {
  readonly limits?: Partial<ConnectionLimits>
  readonly keys?: ChannelKeys
}

/** One end of a connection without a handshake, by default the accepting one. */
export function connectionOver(
  duplex: Duplex,
  { limits, keys = KEYS }: ConnectionSetup = {},
  dialled = false,
  clock: FakeClock = new FakeClock(),
): { readonly connection: Connection; readonly clock: FakeClock } {
  const connection = new Connection({
    transport: new Transport(duplex),
    reader: new ChunkReader(),
    keys,
    dialled,
    remoteAddress: '192.0.2.1:5000',
    upkeep: new Upkeep(clock),
    limits: { ...CLIENT_CONNECTION_LIMITS, ...limits },
  })
  return { connection, clock }
}

/** Two connected ends without a handshake. */
export function connectedEnds(options: WireOptions & ConnectionSetup = {}): Ends {
  const clock = new FakeClock()
  const wire = memoryWire(options)
  const { connection: a } = connectionOver(wire.a, options, true, clock)
  const { connection: b } = connectionOver(wire.b, options, false, clock)
  return { clock, wire, a, b }
}

/** Everything a connection receives from now on: one entry per record. */
export function inbox(connection: Connection): string[][] {
  const records: string[][] = []
  connection.onFrames((frames) => {
    records.push(frames.map((f) => Buffer.from(f).toString('latin1')))
  })
  return records
}

export function text(s: string): Bytes {
  return Buffer.from(s, 'latin1')
}

export { settle }
