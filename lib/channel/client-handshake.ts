// The client's side of a new connection (PROTOCOL 4.1, 4.2). Nothing is sent before the server has proved to be the pinned
// one, or a person has accepted it. Knows no address and no account.
import type { Duplex } from 'node:stream'

import { sha256 } from '../crypto/hash.ts'
import type { RsaPrivateKey, RsaPublicKey } from '../crypto/rsa.ts'
import { verifyServerCert } from '../identity/server-cert.ts'
import { OUTER_VERSION } from '../protocol/version.ts'
import type { Bytes } from '../util/bytes.ts'
import { type Clock, sleep } from '../util/clock.ts'
import { fail, SecureChatError } from '../util/errors.ts'
import { CLIENT_CONNECTION_LIMITS, Connection, type ConnectionLimits } from './connection.ts'
import { clientFinish, clientHello, parseServerHello } from './handshake.ts'
import { HelloExchange, HELLOS } from './hello-exchange.ts'
import { solvePow } from './pow.ts'
import { Transport } from './transport.ts'
import { Upkeep } from './upkeep.ts'

export interface ProbeOptions {
  /** The id this server must have; without it any consistent identity passes. */
  readonly pin?: Bytes
  /** The highest outer version this server was ever seen to speak: less is a downgrade (PROTOCOL 18). */
  readonly highestVersion?: number
  readonly clock: Clock
  /** For each answer of the server; default 15 s. */
  readonly timeoutMs?: number
}

export interface ConnectOptions extends ProbeOptions {
  readonly clk: RsaPrivateKey
  /** Program and version, <= 32 bytes; only the server sees it. */
  readonly ua: string
  /**
   * Called with the proven identity before anything is sent; false ends with E_UNTRUSTED. The server waits 5 s only: to
   * ask a person, use `probeServer` first and then connect with the pin.
   */
  readonly onServer?: (srv: Bytes) => boolean | Promise<boolean>
  readonly limits?: ConnectionLimits
}

export interface ServerProof {
  readonly srv: Buffer
  /** To be pinned with srv. */
  readonly highestVersion: number
}

export interface Connected extends ServerProof {
  readonly connection: Connection
  /** Milliseconds since 1970 on the server. */
  readonly serverTime: number
  /** Of the puzzle that was solved for it; 0: none. */
  readonly puzzleBits: number
}

const TIMEOUT_MS = 15_000

interface Greeting extends ServerProof {
  readonly h0: Buffer
  readonly slk: RsaPublicKey
  readonly bits: number
}

/** Gives up when `work` takes longer than the server is given. */
async function within<T>(
  exchange: HelloExchange,
  { clock, timeoutMs = TIMEOUT_MS }: ProbeOptions,
  work: Promise<T>,
): Promise<T> {
  const timer = clock.after(timeoutMs, () => {
    exchange.abort(new SecureChatError('E_TIMEOUT', 'The server does not answer.'))
  })
  try {
    return await work
  } finally {
    timer.cancel()
  }
}

/** The checks of PROTOCOL 4.1 in their order. */
async function greet(exchange: HelloExchange, options: ProbeOptions): Promise<Greeting> {
  const frame = await within(exchange, options, exchange.receive(HELLOS))
  const hello = parseServerHello(frame)
  const { srv, slk } = verifyServerCert({
    ik: hello.ik,
    chain: hello.chain ?? [],
    cert: hello.cert,
    sig: hello.sig,
    pin: options.pin,
    now: options.clock.now(),
  })
  const highestVersion = Math.max(...hello.v)
  if (!hello.v.includes(OUTER_VERSION)) {
    fail('E_VERSION', 'The server does not speak this version of the protocol. Update securechat.')
  }
  if (highestVersion < (options.highestVersion ?? OUTER_VERSION)) {
    fail('E_VERSION', 'The server offers an older version of the protocol than before.')
  }
  return { srv, highestVersion, h0: sha256(frame), slk, bits: hello.w }
}

/**
 * Asks a server who it is, and hangs up without having sent a byte.
 *
 * @throws as `connectClient`
 */
export async function probeServer(duplex: Duplex, options: ProbeOptions): Promise<ServerProof> {
  const transport = new Transport(duplex)
  try {
    const { srv, highestVersion } = await greet(new HelloExchange(transport), options)
    return { srv, highestVersion }
  } finally {
    transport.destroy()
  }
}

/**
 * Takes over the stream; on failure it is closed.
 *
 * @throws E_SERVER_IDENTITY, E_SERVER_CERT, E_VERSION, E_UNTRUSTED, E_POW before anything was sent; E_TIMEOUT; E_HANDSHAKE;
 * E_CLOSED when the server hung up without a byte
 */
export async function connectClient(duplex: Duplex, options: ConnectOptions): Promise<Connected> {
  const transport = new Transport(duplex)
  const exchange = new HelloExchange(transport)
  try {
    return await handshake(transport, exchange, options)
  } catch (error) {
    transport.destroy()
    throw error
  }
}

async function handshake(
  transport: Transport,
  exchange: HelloExchange,
  options: ConnectOptions,
): Promise<Connected> {
  const { clk, ua, clock, onServer, limits = CLIENT_CONNECTION_LIMITS } = options
  const { srv, highestVersion, h0, slk, bits } = await greet(exchange, options)
  if (onServer !== undefined && !(await onServer(srv))) {
    fail('E_UNTRUSTED', 'This server was not accepted.')
  }
  const pow = await solvePow(h0, bits, {
    pause: () => sleep(clock, 0),
    check: () => {
      exchange.throwIfAborted()
    },
  })
  const { frame, state } = await clientHello({ h0, slk, clk: clk.publicKey, pow, ua })
  exchange.throwIfAborted()
  exchange.send(frame)
  const answer = await within(exchange, options, exchange.receive(HELLOS))
  const { keys, serverTime } = await clientFinish(state, clk, answer)
  const connection = new Connection({
    transport,
    reader: exchange.reader,
    keys,
    dialled: true,
    remoteAddress: '',
    upkeep: new Upkeep(clock),
    limits,
  })
  return { connection, srv, highestVersion, serverTime, puzzleBits: bits }
}
