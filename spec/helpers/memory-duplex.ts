// A wire in memory: two streams with real bytes, back-pressure and ends, and a place to look at or change what passes.
import { Duplex } from 'node:stream'

export interface WireOptions {
  /** Bytes of one chunk at the receiver; default: as written. */
  readonly chunkBytes?: number
  /** What arrives instead of what was written; null: nothing. */
  readonly change?: (chunk: Buffer, from: 'a' | 'b') => Buffer | null
}

export interface Wire {
  readonly a: Duplex
  readonly b: Duplex
  /** All bytes written so far. */
  readonly written: { a: Buffer; b: Buffer }
  /** Chunks as the streams were given them: one write, one entry. */
  readonly writes: { readonly a: number[]; readonly b: number[] }
}

class End extends Duplex {
  peer: End | null = null
  readonly #carry: (chunk: Buffer) => readonly Buffer[]
  #room: (() => void) | null = null

  constructor(carry: (chunk: Buffer) => readonly Buffer[]) {
    super({ allowHalfOpen: false, highWaterMark: 64 * 1024 })
    this.#carry = carry
  }

  override _read(): void {
    const go = this.#room
    this.#room = null
    go?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#deliver(this.#carry(chunk), done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#deliver(this.#carry(Buffer.concat(chunks.map((c) => c.chunk))), done)
  }

  override _final(done: () => void): void {
    setImmediate(() => this.peer?.push(null))
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    setImmediate(() => {
      if (this.peer?.destroyed === false) this.peer.push(null)
    })
    done(error)
  }

  #deliver(pieces: readonly Buffer[], done: () => void): void {
    setImmediate(() => {
      const peer = this.peer
      if (peer === null || peer.destroyed) return
      let more = true
      for (const piece of pieces) more = peer.push(piece)
      if (more) done()
      else peer.#room = done
    })
  }
}

export function memoryWire({ chunkBytes = Infinity, change }: WireOptions = {}): Wire {
  const written = { a: Buffer.alloc(0), b: Buffer.alloc(0) }
  const writes = { a: [] as number[], b: [] as number[] }
  const carry = (from: 'a' | 'b') => (chunk: Buffer) => {
    written[from] = Buffer.concat([written[from], chunk])
    writes[from].push(chunk.length)
    const arrives = change === undefined ? chunk : change(Buffer.from(chunk), from)
    if (arrives === null) return []
    const pieces: Buffer[] = []
    for (let i = 0; i < arrives.length; i += chunkBytes) {
      pieces.push(Buffer.from(arrives.subarray(i, Math.min(i + chunkBytes, arrives.length))))
    }
    return pieces
  }
  const a = new End(carry('a'))
  const b = new End(carry('b'))
  a.peer = b
  b.peer = a
  return { a, b, written, writes }
}

/** Lets everything that is on its way arrive: some turns of the event loop, no time. */
export async function settle(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}
