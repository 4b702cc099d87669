// Text to a descriptor without ever blocking the event loop: a paused terminal or a slow reader makes lines wait in bounded
// memory, beyond that they are lost and counted. Own code because the usual one (sonic-boom) retries a full disk or a
// closed terminal for ever at exit.
import { write } from 'node:fs'

const CHUNK_LINES = 500
const RETRY_MS = 20

export class LineWriter {
  readonly #fd: number
  readonly #maxBytes: number
  #waiting: string[] = []
  #waitingBytes = 0
  #current: Buffer | null = null
  #lost = 0
  #closed = false
  #flushers: (() => void)[] = []

  constructor(fd: number, maxBytes: number) {
    this.#fd = fd
    this.#maxBytes = maxBytes
  }

  /** `text` ends with a line feed. */
  write(text: string): void {
    if (this.#closed) return
    if (this.#waitingBytes + text.length > this.#maxBytes) {
      this.#lost++
      return
    }
    this.#waiting.push(text)
    this.#waitingBytes += text.length
    if (this.#current === null) this.#next()
  }

  /** How many texts were lost since the last call. */
  takeLost(): number {
    const lost = this.#lost
    this.#lost = 0
    return lost
  }

  /** Resolves when everything is written or given up, at the latest after `maxMs`. */
  flush(maxMs: number): Promise<void> {
    if (this.#current === null) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, maxMs)
      this.#flushers.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #next(): void {
    const texts = this.#waiting.splice(0, CHUNK_LINES)
    if (texts.length === 0) {
      this.#current = null
      for (const done of this.#flushers.splice(0)) done()
      return
    }
    for (const text of texts) this.#waitingBytes -= text.length
    this.#current = Buffer.from(texts.join(''))
    this.#writeRest()
  }

  #writeRest(): void {
    const rest = this.#current
    if (rest === null) return
    write(this.#fd, rest, (error, written) => {
      if (error !== null) this.#failed(error)
      else if (written < rest.length) {
        this.#current = rest.subarray(written)
        this.#writeRest()
      } else this.#next()
    })
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (error.code === 'EAGAIN') {
      setTimeout(() => {
        this.#writeRest()
      }, RETRY_MS)
      return
    }
    // A full disk may empty again; a reader or terminal that has gone does not come back.
    this.#lost++
    if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT') {
      this.#closed = true
      this.#waiting = []
    }
    this.#next()
  }
}
