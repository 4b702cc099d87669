// Mailboxes in memory: which mails wait in which box, and whether there is room for one more. Shared by the adapters,
// which decide what a mail carries and when it reaches a disk. Nothing here looks at a box other than the one asked for,
// and no sender can take so much room that others are refused.

/** What the table must know of a mail; adapters add the body. */
export interface Mail {
  readonly seq: number
  readonly box: string
  /** Whose share it counts against. */
  readonly from: string
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
  /** Mails and bytes of one sender in one box, unless it is an own one. */
  readonly senderBoxCount: number
  readonly senderBoxBytes: number
  /** Bytes of one sender in all boxes. */
  readonly senderTotalBytes: number
}

/** PROTOCOL 15 for a box; the total is about what a server of the embedded kind can hold in memory. */
export const MAILBOX_LIMITS: MailboxLimits = {
  boxCount: 5000,
  boxBytes: 64 * 2 ** 20,
  totalBytes: 2 ** 30,
  senderBoxCount: 1250,
  senderBoxBytes: 16 * 2 ** 20,
  senderTotalBytes: 64 * 2 ** 20,
}

/** Of other sizes, with the same shares of one sender (PROTOCOL 15). */
export function mailboxLimits(boxBytes: number, totalBytes: number): MailboxLimits {
  return {
    ...MAILBOX_LIMITS,
    ...{ boxBytes, totalBytes },
    senderBoxBytes: Math.floor(boxBytes / 4),
    senderTotalBytes: Math.floor(totalBytes / 16),
  }
}

/** Why a mail is not taken: for anybody, or only from this sender. */
export type NoRoom = 'full' | 'share-full'

/** What a mail must tell before it is taken. */
export interface Asking {
  readonly box: string
  readonly from: string
  readonly isOwn: boolean
}

interface Share {
  count: number
  bytes: number
}

interface Box<M> {
  /** By id; insertion order is the order of seq. */
  readonly mails: Map<string, M>
  bytes: number
  /** No mail of this box expires before. */
  soonest: number
  /** What each sender has here; null while the whole box holds no more than one of them may have. */
  senders: Map<string, Share> | null
}

export class BoxTable<M extends Mail> {
  readonly #limits: MailboxLimits
  readonly #boxes = new Map<string, Box<M>>()
  /** Bytes waiting by sender. */
  readonly #senders = new Map<string, number>()
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

  /** Null: there is room for a mail of this size. */
  refusal({ box: name, from, isOwn }: Asking, size: number): NoRoom | null {
    const limits = this.#limits
    const box = this.#boxes.get(name)
    const count = box?.mails.size ?? 0
    const bytes = box?.bytes ?? 0
    if (
      count >= limits.boxCount ||
      bytes + size > limits.boxBytes ||
      this.#bytes + size > limits.totalBytes
    ) {
      return 'full'
    }
    if ((this.#senders.get(from) ?? 0) + size > limits.senderTotalBytes) return 'share-full'
    if (isOwn) return null
    if (box === undefined) return size > limits.senderBoxBytes ? 'share-full' : null
    if (count < limits.senderBoxCount && bytes + size <= limits.senderBoxBytes) return null
    box.senders ??= sharesOf(box.mails.values())
    const share = box.senders.get(from)
    return (share?.count ?? 0) >= limits.senderBoxCount ||
      (share?.bytes ?? 0) + size > limits.senderBoxBytes
      ? 'share-full'
      : null
  }

  /** `mail.seq` is larger than that of every mail already in its box. */
  add(mail: M): void {
    let box = this.#boxes.get(mail.box)
    if (box === undefined) {
      box = { mails: new Map(), bytes: 0, soonest: Infinity, senders: null }
      this.#boxes.set(mail.box, box)
    }
    box.mails.set(mail.id, mail)
    box.bytes += mail.size
    box.soonest = Math.min(box.soonest, mail.expires)
    if (box.senders !== null) share(box.senders, mail)
    this.#count++
    this.#bytes += mail.size
    this.#senders.set(mail.from, (this.#senders.get(mail.from) ?? 0) + mail.size)
  }

  list(box: string, after: number, limit: number): M[] {
    const found: M[] = []
    for (const mail of this.#boxes.get(box)?.mails.values() ?? []) {
      if (found.length >= limit) break
      if (mail.seq > after) found.push(mail)
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
    const left = (this.#senders.get(mail.from) ?? 0) - mail.size
    if (left > 0) this.#senders.set(mail.from, left)
    else this.#senders.delete(mail.from)
    if (box.mails.size === 0) this.#boxes.delete(mail.box)
    else if (box.senders !== null) unshare(box.senders, mail)
  }
}

function sharesOf(mails: Iterable<Mail>): Map<string, Share> {
  const shares = new Map<string, Share>()
  for (const mail of mails) share(shares, mail)
  return shares
}

function share(shares: Map<string, Share>, { from, size }: Mail): void {
  const known = shares.get(from)
  if (known === undefined) shares.set(from, { count: 1, bytes: size })
  else {
    known.count++
    known.bytes += size
  }
}

function unshare(shares: Map<string, Share>, { from, size }: Mail): void {
  const known = shares.get(from)
  if (known === undefined) return
  known.count--
  known.bytes -= size
  if (known.count === 0) shares.delete(from)
}
