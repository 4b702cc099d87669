// The only owner of the keyboard. Whoever attached last gets what is typed: the editor, or a form on top of it. The
// terminal is raw exactly while somebody is attached. Knows bytes and text, not keys.
import { StringDecoder } from 'node:string_decoder'

/** What this needs of process.stdin. */
export interface TerminalInput {
  readonly isTTY?: boolean
  setRawMode?(raw: boolean): unknown
  resume(): unknown
  pause(): unknown
  on(event: 'data', listener: (chunk: Buffer | string) => void): unknown
  on(event: 'end' | 'close', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'data', listener: (chunk: Buffer | string) => void): unknown
}

/** One read of the terminal, as text. */
export type Consumer = (chunk: string) => void

export class TtyInput {
  readonly #input: TerminalInput
  readonly #decoder = new StringDecoder('utf8')
  readonly #hangups = new Set<() => void>()
  #consumers: Consumer[] = []
  #open = false
  #gone = false

  constructor(input: TerminalInput) {
    this.#input = input
    // These stay to the end of the process: a late EIO without a listener would be a crash.
    input.on('end', this.#hangup)
    input.on('close', this.#hangup)
    input.on('error', this.#hangup)
  }

  /** The terminal was closed, or nothing can be read from it any more. */
  get gone(): boolean {
    return this.#gone
  }

  /** Tells `fn` once when the terminal is gone (at once if it is already). Returns how to stop. */
  onHangup(fn: () => void): () => void {
    if (this.#gone) fn()
    else this.#hangups.add(fn)
    return () => this.#hangups.delete(fn)
  }

  /** From now on `consumer` gets what is typed, until the function returned is called. */
  attach(consumer: Consumer): () => void {
    const mine: Consumer = (chunk) => {
      consumer(chunk)
    }
    this.#consumers.push(mine)
    this.#apply()
    return () => {
      this.#consumers = this.#consumers.filter((c) => c !== mine)
      this.#apply()
    }
  }

  /** Gives the terminal back to the shell while the process is stopped. Keeps reading: that keeps the process alive. */
  release(): void {
    if (this.#open) this.#raw(false)
  }

  /** After release(), or when the shell has changed the modes by itself. */
  reclaim(): void {
    if (this.#open) this.#raw(true)
  }

  /** The end: nobody gets keys any more, whoever waits for one is told that the terminal is gone. */
  close(): void {
    this.#consumers = []
    this.#apply()
    this.#hangup()
  }

  #apply(): void {
    const open = this.#consumers.length > 0
    if (open === this.#open || this.#gone) return
    this.#open = open
    if (open) this.#input.on('data', this.#data)
    else this.#input.off('data', this.#data)
    this.#raw(open)
    if (open) this.#input.resume()
    else this.#input.pause()
  }

  #raw(raw: boolean): void {
    try {
      this.#input.setRawMode?.(raw)
    } catch {
      this.#hangup() // EIO: the terminal is gone
    }
  }

  readonly #data = (chunk: Buffer | string): void => {
    const text = typeof chunk === 'string' ? chunk : this.#decoder.write(chunk)
    if (text !== '') this.#consumers.at(-1)?.(text)
  }

  readonly #hangup = (): void => {
    if (this.#gone) return
    this.#gone = true
    this.#input.off('data', this.#data)
    const listeners = [...this.#hangups]
    this.#hangups.clear()
    for (const fn of listeners) fn()
  }
}
