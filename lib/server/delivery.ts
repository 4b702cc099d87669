// Mail to one connected device (PROTOCOL 9.2): the backlog first, then every mail at once, always in the order of q, with
// a bounded number unacknowledged. What does not fit waits in the mailbox, not here.
//
// Ordering, MUST: (1) q on one connection only grows; (2) no mail is sent while one with a smaller q has not been: an
// acknowledgement is cumulative and would drop it; (3) only what was sent on this connection is acknowledged to the store.
import { encodeFrame } from '../protocol/codec.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Mailboxes } from '../storage/ports.ts'
import type { Bytes } from '../util/bytes.ts'
import type { Log } from '../util/log.ts'
import { mailFrame } from './mail-entry.ts'

/** Entries per read of the mailbox: small ones fill a record, large ones stay far below the window. */
const READ_COUNT = 64
/** What arrives during one read is kept up to this number, then read again from the mailbox. */
const EARLY_MAX = 64

type Mode =
  /** Reading the mailbox; pushes wait. */
  | 'reading'
  /** Everything in the mailbox has been sent; pushes go straight out. */
  | 'live'
  /** The window is full; the mailbox is read on when the device acknowledges. */
  | 'full'
  | 'stopped'

export class Delivery {
  readonly #mail: Mailboxes
  readonly #box: string
  readonly #send: (frame: Bytes) => void
  readonly #failed: (error: unknown) => void
  readonly #log: Log
  #mode: Mode = 'reading'
  /** q of the last mail sent on this connection. */
  #sent = 0
  /** Sent, not acknowledged: [q, bytes] alternating, from #first on. */
  readonly #window: number[] = []
  #first = 0
  #windowBytes = 0
  #early: { readonly q: number; readonly entry: Bytes }[] = []
  /** How often something new was only heard of, not kept. */
  #missed = 0
  #endSent = false
  #acked = 0
  #ackStored = 0

  constructor(deps: {
    readonly mail: Mailboxes
    readonly box: string
    readonly send: (frame: Bytes) => void
    /** The mailbox cannot be read: the connection is of no use. */
    readonly failed: (error: unknown) => void
    readonly log: Log
  }) {
    this.#mail = deps.mail
    this.#box = deps.box
    this.#send = deps.send
    this.#failed = deps.failed
    this.#log = deps.log
  }

  /** Sends the backlog, then `mail.end`, then goes live. */
  start(): void {
    void this.#read()
  }

  stop(): void {
    this.#mode = 'stopped'
    this.#early = []
  }

  /** A mail has got its number in this process; calls come in the order of the numbers. */
  push(q: number, entry: Bytes): void {
    if (this.#mode === 'live') {
      if (q <= this.#sent) return
      if (this.#hasRoom()) this.#out(q, entry)
      else this.#mode = 'full'
    } else if (this.#mode === 'reading') {
      if (this.#early.length < EARLY_MAX) this.#early.push({ q, entry })
      else this.#missed++
    }
  }

  /** There is mail that was not pushed here: another node stored it. */
  lookAgain(): void {
    if (this.#mode === 'live') void this.#read()
    else if (this.#mode === 'reading') this.#missed++
  }

  /** Cumulative (PROTOCOL 14.2); takes effect in the store with the next `flush`. */
  ack(q: number): void {
    const window = this.#window
    while (this.#first < window.length && (window[this.#first] ?? 0) <= q) {
      this.#windowBytes -= window[this.#first + 1] ?? 0
      this.#first += 2
    }
    if (this.#first === window.length) {
      window.length = 0
      this.#first = 0
    } else if (this.#first > 512) {
      window.splice(0, this.#first)
      this.#first = 0
    }
    this.#acked = Math.max(this.#acked, Math.min(q, this.#sent))
  }

  /** Tells the store once for all acknowledgements of one record, and sends on. */
  flush(): void {
    if (this.#acked > this.#ackStored) {
      this.#ackStored = this.#acked
      this.#mail.ack(this.#box, this.#acked).catch((error: unknown) => {
        // harmless: what stays is delivered once more
        this.#log.warn('server.ack', { cause: String(error) })
      })
    }
    if (this.#mode === 'full' && this.#isHalfEmpty()) void this.#read()
  }

  #hasRoom(): boolean {
    return (
      this.#window.length - this.#first < 2 * LIMITS.unackedMails &&
      this.#windowBytes < LIMITS.unackedMailBytes
    )
  }

  /** Reading on at every single acknowledgement would read the mailbox mail by mail. */
  #isHalfEmpty(): boolean {
    return (
      this.#window.length - this.#first <= LIMITS.unackedMails &&
      this.#windowBytes <= LIMITS.unackedMailBytes / 2
    )
  }

  #out(q: number, entry: Bytes): void {
    const frame = mailFrame(q, entry)
    this.#sent = q
    this.#window.push(q, frame.length)
    this.#windowBytes += frame.length
    this.#send(frame)
  }

  async #read(): Promise<void> {
    this.#mode = 'reading'
    try {
      while (await this.#readSome());
    } catch (error) {
      if (!this.#isStopped()) this.#failed(error)
    }
  }

  /** True: read on. */
  async #readSome(): Promise<boolean> {
    this.#early = []
    const missed = this.#missed
    const entries = await this.#mail.read(this.#box, this.#sent, READ_COUNT)
    if (this.#isStopped()) return false
    for (const { seq, body } of entries) {
      if (!this.#hasRoom()) return this.#fill()
      this.#out(seq, body)
    }
    if (entries.length === READ_COUNT || this.#missed !== missed) return true
    const early = this.#early
    this.#early = []
    for (const { q, entry } of early) {
      if (q <= this.#sent) continue
      if (!this.#hasRoom()) return this.#fill()
      this.#out(q, entry)
    }
    this.#mode = 'live'
    if (!this.#endSent) {
      this.#endSent = true
      this.#send(encodeFrame({ t: 'mail.end', q: this.#sent }))
    }
    return false
  }

  #fill(): false {
    this.#mode = 'full'
    this.#early = []
    return false
  }

  /** A function, because the mode changes while #readSome waits. */
  #isStopped(): boolean {
    return this.#mode === 'stopped'
  }
}
