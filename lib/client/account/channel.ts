// From an address to an encrypted channel with a server that proved to be the pinned one (PROTOCOL 4). The launch key of
// the connection is made here and never leaves memory.
import { connectClient, probeServer } from '../../channel/client-handshake.ts'
import type { RsaPrivateKey } from '../../crypto/rsa.ts'
import { serverFingerprint } from '../../identity/fingerprint.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { codeOf, SecureChatError } from '../../util/errors.ts'
import type { ClientDeps } from '../ports.ts'
import { freshKeys, type KeyMaker } from './key-maker.ts'
import { Wire } from '../wire.ts'

const DAY_MS = 24 * 3_600_000
const AGENT = 'securechat'

/** Another identity than the pinned one: a hard stop, with what to compare. */
export class ServerChangedError extends SecureChatError {
  /** Fingerprints, in groups. */
  readonly expected: string
  readonly found: string

  constructor(address: string, expected: Bytes, found: Bytes) {
    const before = serverFingerprint(expected)
    const now = serverFingerprint(found)
    super(
      'E_SERVER_IDENTITY',
      `STOP: ${address} is not the server it was. Nothing was sent.\n` +
        `  known: ${before}\n  now:   ${now}\n` +
        'Somebody may be in between, or the server was set up anew. Ask its operator, not this connection.',
    )
    this.expected = before
    this.found = now
  }
}

/** The RSA pair of this launch (CLK): new with each start and every 24 hours (PROTOCOL 3). */
export class LaunchKey {
  readonly #clock: Clock
  readonly #maker: KeyMaker
  #key: Promise<RsaPrivateKey>
  #madeAt: number

  constructor({ clock, keys = freshKeys }: ClientDeps) {
    this.#clock = clock
    this.#maker = keys
    this.#madeAt = clock.monotonic()
    this.#key = this.#make()
  }

  get(): Promise<RsaPrivateKey> {
    if (this.#clock.monotonic() - this.#madeAt >= DAY_MS) this.renew()
    return this.#key
  }

  /** The next connection uses a fresh one. */
  renew(): void {
    this.#madeAt = this.#clock.monotonic()
    this.#key = this.#make()
  }

  #make(): Promise<RsaPrivateKey> {
    const key = this.#maker.rsa(2048)
    key.catch(() => undefined) // reported to whoever asks for it
    return key
  }
}

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export function addressOf({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Who answers there, without sending a byte. */
export async function askIdentity(deps: ClientDeps, { host, port }: Endpoint): Promise<Buffer> {
  const duplex = await deps.dial(host, port)
  try {
    return (await probeServer(duplex, { clock: deps.clock })).srv
  } catch (error) {
    throw explained({ host, port }, error)
  }
}

export interface Channel {
  readonly wire: Wire
  readonly highestVersion: number
}

/** @throws ServerChangedError, and what connecting throws */
export async function openChannel(
  deps: ClientDeps,
  server: Endpoint & { readonly srv: Bytes; readonly highestVersion: number },
  launchKey: LaunchKey,
): Promise<Channel> {
  const clk = await launchKey.get()
  const duplex = await deps.dial(server.host, server.port)
  const shown: Bytes[] = []
  try {
    const { connection, highestVersion } = await connectClient(duplex, {
      clk,
      clock: deps.clock,
      ua: deps.agent ?? AGENT,
      highestVersion: server.highestVersion,
      onServer: (srv) => {
        shown.push(srv)
        return equal(srv, server.srv)
      },
    })
    connection.authenticated() // the server is, by its certificate: its records may be large
    return { wire: new Wire(connection, deps.clock, deps.log), highestVersion }
  } catch (error) {
    const [found] = shown
    if (codeOf(error) === 'E_UNTRUSTED' && found !== undefined) {
      throw new ServerChangedError(addressOf(server), server.srv, found)
    }
    throw explained(server, error)
  }
}

/** A stranger at the other end, and a server that takes no connection, look alike but for a first byte. */
function explained(server: Endpoint, cause: unknown): unknown {
  const where = addressOf(server)
  const code = codeOf(cause)
  if (code === 'E_CLOSED') {
    return new SecureChatError(
      'E_CONNECT',
      `${where} hangs up at once: it has no room, takes nobody from your network, or is no SecureChat server. ` +
        'Try again later. Is it the right port?',
      { cause },
    )
  }
  if (code !== 'E_HANDSHAKE') return cause
  const words = 'answers, but not as a SecureChat server should. Is it the right port?'
  return new SecureChatError(code, `${where} ${words}`, { cause })
}
