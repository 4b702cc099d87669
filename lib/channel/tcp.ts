// The one home of node:net: listening and dialling, with socket options and errors in words (PROTOCOL 4: TCP). Built into
// a program in cli/; everything else sees a Duplex.
import { connect, createServer, type Server } from 'node:net'
import type { Duplex } from 'node:stream'

import { type ErrorCode, fail, SecureChatError } from '../util/errors.ts'

/** Finds peers that vanished without a word, also when nothing is sent for long. */
const KEEP_ALIVE_MS = 60_000
/** Connections that wait to be taken: after a restart everybody comes at once. The system may allow fewer. */
const BACKLOG = 4096
/** What the stream layer may hold of one socket: one full record. */
const HIGH_WATER_BYTES = 64 * 1024

export interface ListenOptions {
  /** Name or address; absent: all interfaces, IPv6 and IPv4. */
  readonly host?: string
  /** 0: any free port. */
  readonly port: number
  /** One more is closed at once; absent: no limit. */
  readonly maxConnections?: number
  /** It was closed for that; `remoteAddress` as below. */
  readonly onDropped?: (remoteAddress: string) => void
  /** `remoteAddress` is "1.2.3.4:5" or "[::1]:5". Takes over the stream. */
  readonly onConnection: (duplex: Duplex, remoteAddress: string) => void
  /** After listening began: no room for a further connection, for example. It goes on. */
  readonly onError?: (error: Error) => void
}

export interface Listener {
  readonly port: number
  /** Accepts nothing more; connections that exist are their owner's. */
  close(): Promise<void>
}

export interface DialOptions {
  readonly host: string
  readonly port: number
  /** For the name and all addresses together. */
  readonly timeoutMs: number
}

/** @throws E_CONNECT or E_CONFIG with a sentence for the operator */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { host, port, onConnection } = options
  checkPort(port)
  const server = createServer(
    {
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      highWaterMark: HIGH_WATER_BYTES,
    },
    (socket) => {
      onConnection(socket, remoteAddressOf(socket))
    },
  )
  if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections
  server.on('drop', (peer) => options.onDropped?.(remoteAddressOf(peer ?? {})))
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(listenError(error, host, port))
    })
    server.listen({ port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) }, () => {
      server.removeAllListeners('error')
      server.on('error', (error) => options.onError?.(error))
      resolve({ port: portOf(server), close: () => closeServer(server) })
    })
  })
}

/** An open connection. @throws E_CONNECT, E_TIMEOUT */
export async function dial({ host, port, timeoutMs }: DialOptions): Promise<Duplex> {
  checkPort(port)
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      autoSelectFamily: true,
    })
    const failed = (error: Error): void => {
      socket.destroy()
      reject(dialError(error, host, port))
    }
    socket.once('error', failed)
    socket.setTimeout(timeoutMs, () => {
      failed(new SecureChatError('E_TIMEOUT', `${at(host, port)} does not answer.`))
    })
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      socket.removeListener('error', failed)
      socket.on('error', ignore) // until somebody takes over; the stream remembers it
      resolve(socket)
    })
  })
}

function ignore(): void {
  // see dial
}

function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return
  fail('E_CONFIG', `A port is a number from 0 to 65535, not ${port}.`)
}

interface Peer {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

function remoteAddressOf({ remoteAddress = '', remotePort = 0 }: Peer): string {
  return at(remoteAddress, remotePort)
}

function at(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The handle is closed when this returns; node's own callback would wait for every connection. */
function closeServer(server: Server): Promise<void> {
  if (server.listening) server.close()
  return Promise.resolve()
}

function systemCode(error: Error): string {
  // happy eyeballs: one error per address tried; the first says what people want to know
  if (error instanceof AggregateError) {
    const first: unknown = error.errors[0]
    return first instanceof Error ? systemCode(first) : ''
  }
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}

function listenError(error: Error, host: string | undefined, port: number): SecureChatError {
  const where = host === undefined ? `port ${port}` : at(host, port)
  const [code, message] = ((): [ErrorCode, string] => {
    switch (systemCode(error)) {
      case 'EADDRINUSE':
        return ['E_CONNECT', `${where} is in use: stop the other program or choose another port.`]
      case 'EACCES':
        return ['E_CONNECT', `This user may not listen on ${where}. Choose a port above 1023.`]
      // both may be different a moment later, as while a machine starts: worth another try, unlike a wrong setting
      case 'EADDRNOTAVAIL':
        return [
          'E_CONNECT',
          `${host ?? ''} is not an address of this computer now. Leave the host out, or wait for its network.`,
        ]
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        return [
          'E_CONNECT',
          `The host name ${host ?? ''} is not known here now. Check its spelling, or wait for the network.`,
        ]
      case 'EAFNOSUPPORT':
        return [
          'E_CONFIG',
          `This computer has no network of the kind of ${host ?? 'that address'}.`,
        ]
      default:
        return ['E_CONNECT', `Listening on ${where} failed (${systemCode(error)}).`]
    }
  })()
  return new SecureChatError(code, message, { cause: error })
}

function dialError(error: Error, host: string, port: number): SecureChatError {
  if (error instanceof SecureChatError) return error
  const where = at(host, port)
  const message = ((): string => {
    switch (systemCode(error)) {
      case 'ECONNREFUSED':
        return `No server listens on ${where}. Is it running, and is the port right?`
      case 'ENOTFOUND':
        return `There is no host called ${host}. Check its spelling.`
      case 'EAI_AGAIN':
        return `The name ${host} cannot be looked up now. Is this computer online?`
      case 'ENETUNREACH':
      case 'EHOSTUNREACH':
        return `${where} cannot be reached from here. Is this computer online?`
      case 'ETIMEDOUT':
        return `${where} does not answer. Is the address right, and is a firewall in the way?`
      default:
        return `Connecting to ${where} failed (${systemCode(error)}).`
    }
  })()
  return new SecureChatError('E_CONNECT', message, { cause: error })
}
