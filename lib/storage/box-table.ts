// Mailboxes in memory: which mails wait in which box, and whether there is room for one more. Shared by the adapters,
// which decide what a mail carries and when it reaches a disk. Nothing here looks at a box other than the one asked for.

/** What the table must know of a mail; adapters add the body. */
export interface Mail {
  readonly seq: number
  readonly box: string
  readonly id: string
  /** Bytes of the body. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly expires: number
}

export interface MailboxLimits {
  /** Mails waiting in one box. */
  readonly boxCount: number
  /** Bytes of bodies waiting in one box. */
  readonly boxBytes: number
  /** Bytes of bodies waiting in all boxes: everything that waits is also held in memory. */
  readonly totalBytes: number
}

/** PROTOCOL 15 for a box; the total is about what a server of the embedded kind can hold in memory. */
export const MAILBOX_LIMITS: MailboxLimits = {
  boxCount: 5000,
  boxBytes: 64 * 2 ** 20,
  totalBytes: 2 ** 30,
}

interface Box<M> {
  /** By id; insertion order is the order of seq. */
  readonly mails: Map<string, M>
  bytes: number
  /** No mail of this box expires before. */
  soonest: number
}

export class BoxTable<M extends Mail> {
  readonly #limits: MailboxLimits
  readonly #boxes = new Map<string, Box<M>>()
  #count = 0
  #bytes = 0

  constructor(limits: Partial<MailboxLimits> = {}) {
    this.#limits = { ...MAILBOX_LIMITS, ...limits }
  }

  /** Mails and bytes of all boxes. */
  get total(): { readonly count: number; readonly bytes: number } {
    return { count: this.#count, bytes: this.#bytes }
  }

  find(box: string, id: string): M | undefined {
    return this.#boxes.get(box)?.mails.get(id)
  }

  hasRoom(box: string, size: number): boolean {
    const { count, bytes } = this.usage(box)
    return (
      count < this.#limits.boxCount &&
      bytes + size <= this.#limits.boxBytes &&
      this.#bytes + size <= this.#limits.totalBytes
    )
  }

  /** `mail.seq` is larger than that of every mail already in its box. */
  add(mail: M): void {
    let box = this.#boxes.get(mail.box)
    if (box === undefined) {
      box = { mails: new Map(), bytes: 0, soonest: Infinity }
      this.#boxes.set(mail.box, box)
    }
    box.mails.set(mail.id, mail)
    box.bytes += mail.size
    box.soonest = Math.min(box.soonest, mail.expires)
    this.#count++
    this.#bytes += mail.size
  }

  list(box: string, after: number, limit: number, now: number): M[] {
    const found: M[] = []
    for (const mail of this.#boxes.get(box)?.mails.values() ?? []) {
      if (found.length >= limit) break
      if (mail.seq > after && mail.expires > now) found.push(mail)
    }
    return found
  }

  /** Removes and returns the mails with seq <= upTo. */
  takeUpTo(name: string, upTo: number): M[] {
    const taken: M[] = []
    for (const mail of this.#boxes.get(name)?.mails.values() ?? []) {
      if (mail.seq > upTo) break
      taken.push(mail)
    }
    for (const mail of taken) this.#remove(mail)
    return taken
  }

  takeAll(name: string): M[] {
    return this.takeUpTo(name, Infinity)
  }

  /** Removes and returns what expired at or before `now`. */
  takeExpired(now: number): M[] {
    const taken: M[] = []
    for (const box of this.#boxes.values()) {
      if (box.soonest > now) continue
      let soonest = Infinity
      for (const mail of box.mails.values()) {
        if (mail.expires <= now) taken.push(mail)
        else soonest = Math.min(soonest, mail.expires)
      }
      box.soonest = soonest
    }
    for (const mail of taken) this.#remove(mail)
    return taken
  }

  usage(name: string): { readonly count: number; readonly bytes: number } {
    const box = this.#boxes.get(name)
    return { count: box?.mails.size ?? 0, bytes: box?.bytes ?? 0 }
  }

  #remove(mail: M): void {
    const box = this.#boxes.get(mail.box)
    if (box?.mails.delete(mail.id) !== true) return
    box.bytes -= mail.size
    this.#count--
    this.#bytes -= mail.size
    if (box.mails.size === 0) this.#boxes.delete(mail.box)
  }
}
