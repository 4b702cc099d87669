// Handshake frames over a transport: u32 length || frame (PROTOCOL 4), one at a time, until the connection takes over.
// Knows neither what the frames say nor which side it is on.
import { LIMITS } from '../protocol/limits.ts'
import { type Bytes, concat, u32 } from '../util/bytes.ts'
import { fail, SecureChatError } from '../util/errors.ts'
import { ChunkReader, type Framing } from './chunk-reader.ts'
import { LINK_HELLO_BYTES } from './link.ts'
import type { Transport, TransportUser } from './transport.ts'

const LENGTH_BYTES = 4

function framing(minBytes: number, maxBytes: number = LIMITS.handshakeFrameBytes): Framing {
  return {
    headerBytes: LENGTH_BYTES,
    measure(buffer, at) {
      const length = buffer.readUInt32BE(at)
      return length >= minBytes && length <= maxBytes
        ? LENGTH_BYTES + length
        : fail('E_HANDSHAKE', 'The handshake failed.')
    },
  }
}

export const HELLOS: Framing = framing(1)
/** Of a direct connection: one length only. */
export const LINK_HELLOS: Framing = framing(LINK_HELLO_BYTES, LINK_HELLO_BYTES)
export const CLIENT_HELLOS: Framing = framing(LIMITS.clientHelloMinBytes)

export class HelloExchange implements TransportUser {
  /** Goes on to the connection: bytes right behind the last hello belong to the first record. */
  readonly reader = new ChunkReader()
  readonly #transport: Transport
  #framing: Framing = HELLOS
  #wanted: { resolve(frame: Buffer): void; reject(error: Error): void } | null = null
  #failure: Error | null = null
  #heard = false

  constructor(transport: Transport) {
    this.#transport = transport
    transport.use(this)
  }

  send(frame: Bytes): void {
    this.#transport.write([concat(u32(frame.length), frame)])
  }

  /**
   * The next frame. @throws E_HANDSHAKE for a wrong length or an early end, E_CLOSED for one before the first byte, or what
   * `abort` was given
   */
  receive(framing: Framing): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#failure)
        return
      }
      this.#framing = framing
      this.#wanted = { resolve, reject }
      this.#read()
    })
  }

  /** Ends the exchange at once, without a byte. */
  abort(error: Error): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#transport.destroy()
    this.#wanted?.reject(error)
    this.#wanted = null
  }

  /** To be asked after work that took time. */
  throwIfAborted(): void {
    if (this.#failure !== null) throw this.#failure
  }

  onChunk(chunk: Buffer): void {
    this.#heard = true
    this.reader.push(chunk)
    this.#read()
  }

  onDrain(): void {
    // hellos are far smaller than any buffer
  }

  onEnd(error: Error | null): void {
    const options = error === null ? {} : { cause: error }
    this.abort(
      new SecureChatError(
        this.#heard ? 'E_HANDSHAKE' : 'E_CLOSED',
        'The connection was closed during the handshake.',
        options,
      ),
    )
  }

  #read(): void {
    if (this.#wanted === null) {
      this.#transport.pause()
      return
    }
    try {
      const frame = this.reader.next(this.#framing)
      if (frame === null) {
        this.#transport.resume()
        return
      }
      this.#transport.pause()
      this.#wanted.resolve(frame.subarray(LENGTH_BYTES))
      this.#wanted = null
    } catch (error) {
      this.abort(error instanceof Error ? error : new SecureChatError('E_HANDSHAKE'))
    }
  }
}
