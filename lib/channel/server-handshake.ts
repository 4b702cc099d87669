// The server's side of a new connection: admit, say hello, answer, hand over a Connection (PROTOCOL 4.5). A stranger
// costs a prepared hello and a timer until a whole plausible ClientHello has arrived; every refusal is a closed stream
// without a byte. The event loop never waits for RSA.
import type { Duplex } from 'node:stream'

import { sha256 } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Clock } from '../util/clock.ts'
import { codeOf, fail, SecureChatError } from '../util/errors.ts'
import type { Log } from '../util/log.ts'
import { Admission, ADMISSION_LIMITS, type AdmissionLimits } from './admission.ts'
import { Connection, type ConnectionLimits, SERVER_CONNECTION_LIMITS } from './connection.ts'
import { isPlausibleClientHello, serverAccept } from './handshake.ts'
import { CLIENT_HELLOS, HelloExchange } from './hello-exchange.ts'
import type { LaunchKeys } from './launch-keys.ts'
import { Slots } from './slots.ts'
import { Transport } from './transport.ts'
import { Upkeep } from './upkeep.ts'

export interface HandshakeLimits extends AdmissionLimits {
  readonly timeoutMs: number
  /** While puzzles are asked for: 2^22 hashes take some seconds. */
  readonly puzzleTimeoutMs: number
  /** Handshakes under way, from the first byte to the last: one more is closed at once. */
  readonly open: number
  /** Of these, how many may be in their RSA operations; the others wait in line within their time. */
  readonly concurrent: number
  readonly connection: ConnectionLimits
}

export const HANDSHAKE_LIMITS: HandshakeLimits = {
  ...ADMISSION_LIMITS,
  timeoutMs: LIMITS.handshakeTimeoutMs,
  puzzleTimeoutMs: 6 * LIMITS.handshakeTimeoutMs,
  open: 4096,
  concurrent: LIMITS.concurrentHandshakes,
  connection: SERVER_CONNECTION_LIMITS,
}

export interface ServerHandshakerOptions {
  readonly identity: LaunchKeys
  readonly clock: Clock
  readonly log: Log
  readonly limits?: Partial<HandshakeLimits>
}

export class ServerHandshaker {
  readonly #identity: LaunchKeys
  readonly #clock: Clock
  readonly #log: Log
  readonly #limits: HandshakeLimits
  readonly #admission: Admission
  readonly #slots: Slots
  readonly #upkeep: Upkeep
  #open = 0

  constructor(options: ServerHandshakerOptions) {
    this.#identity = options.identity
    this.#clock = options.clock
    this.#log = options.log
    this.#limits = { ...HANDSHAKE_LIMITS, ...options.limits }
    this.#admission = new Admission(this.#limits)
    this.#slots = new Slots(this.#limits.concurrent)
    this.#upkeep = new Upkeep(options.clock)
  }

  /** Handshakes under way. */
  get open(): number {
    return this.#open
  }

  /**
   * Takes over the stream, whatever comes of it.
   *
   * @throws E_RATE, E_BUSY, E_TIMEOUT or E_HANDSHAKE, after the stream was closed without a further byte; E_CLOSED when the
   * other end hung up before it had sent one
   */
  async accept(duplex: Duplex, remoteAddress: string): Promise<Connection> {
    const transport = new Transport(duplex)
    this.#open += 1
    try {
      if (!this.#admission.admit(remoteAddress, this.#clock.monotonic())) fail('E_RATE')
      if (this.#open > this.#limits.open) fail('E_BUSY')
      return await this.#handshake(transport, remoteAddress)
    } catch (error) {
      transport.destroy()
      this.#log.debug('handshake.refused', { code: codeOf(error) })
      throw error
    } finally {
      this.#open -= 1
    }
  }

  async #handshake(transport: Transport, remoteAddress: string): Promise<Connection> {
    const { timeoutMs, puzzleTimeoutMs, connection: limits } = this.#limits
    const bits = this.#admission.puzzleBits(this.#clock.monotonic())
    const exchange = new HelloExchange(transport)
    const timer = this.#clock.after(bits === 0 ? timeoutMs : puzzleTimeoutMs, () => {
      exchange.abort(new SecureChatError('E_TIMEOUT', 'The handshake took too long.'))
    })
    try {
      const key = this.#identity.current
      const hello = key.hello.stamp(randomBytes(32), bits)
      const h0 = sha256(hello)
      exchange.send(hello)
      const frame = await exchange.receive(CLIENT_HELLOS)
      this.#admission.helloArrived(this.#clock.monotonic())
      if (!isPlausibleClientHello(frame, h0, bits)) fail('E_HANDSHAKE', 'The handshake failed.')
      const accepted = await this.#slots.run(() => {
        exchange.throwIfAborted() // it may have waited in line for too long
        const slk = key.slk ?? fail('E_HANDSHAKE', 'The handshake failed.')
        return serverAccept({ h0, slk, frame, now: this.#clock.now() })
      })
      exchange.throwIfAborted()
      exchange.send(accepted.frame)
      return new Connection({
        transport,
        reader: exchange.reader,
        keys: accepted.keys,
        dialled: false,
        remoteAddress,
        upkeep: this.#upkeep,
        limits,
      })
    } finally {
      timer.cancel()
    }
  }
}
