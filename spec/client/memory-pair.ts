// Two streams that are each other's network: real bytes, back-pressure, ends; nothing is recorded, so that large files cost
// no more than they must.
import { Duplex } from 'node:stream'

export interface Pair {
  readonly a: Duplex
  readonly b: Duplex
}

class End extends Duplex {
  peer: End | null = null
  #room: (() => void) | null = null

  override _read(): void {
    const go = this.#room
    this.#room = null
    go?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    setImmediate(() => {
      const { peer } = this
      if (peer === null || peer.destroyed) return
      if (peer.push(chunk)) done()
      else peer.#room = done
    })
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
}

export function memoryPair(): Pair {
  const options = { allowHalfOpen: false, highWaterMark: 256 * 1024 }
  const a = new End(options)
  const b = new End(options)
  a.peer = b
  b.peer = a
  return { a, b }
}
