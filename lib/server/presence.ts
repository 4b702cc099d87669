// Which devices are connected, and how a frame reaches them wherever they are: at once when the connection is in this
// process, through the Router otherwise. One connection per device: the newest wins (PROTOCOL 5.3).
import { randomBytes } from '../crypto/random.ts'
import { encodeFrame } from '../protocol/codec.ts'
import type { Frame } from '../protocol/frames.ts'
import type { Router } from '../storage/ports.ts'
import { type Bytes, concat, equal } from '../util/bytes.ts'
import type { Log } from '../util/log.ts'

/** What a device's connection does with what concerns it. */
export interface Attached {
  /** A mail for it has got its number; called in the order of the numbers. */
  mail(q: number, entry: Bytes): void
  /** There is new mail, stored by another node. */
  mailElsewhere(): void
  frame(bytes: Bytes): void
  /** A newer connection of the same device took over. */
  replaced(): void
  /** The device is no longer part of its account. */
  removed(): void
  /** The operator has closed the account. */
  shut(): void
}

// first byte of what nodes send each other
const MAIL = 1
const FRAME = 2
const REPLACED = 3
const REMOVED = 4
const SHUT = 5

export class Presence {
  readonly #here = new Map<string, Attached>()
  readonly #router: Router
  readonly #log: Log
  readonly #shared: boolean

  constructor(deps: {
    readonly router: Router
    readonly log: Log
    /** Other nodes append to the same mailboxes, see ServerDeps. */
    readonly shared: boolean
  }) {
    this.#router = deps.router
    this.#log = deps.log
    this.#shared = deps.shared
  }

  get count(): number {
    return this.#here.size
  }

  isHere(box: string): boolean {
    return this.#here.has(box)
  }

  /** Takes the device over from any older connection; resolves when pushes from every node arrive. */
  async claim(box: string, attached: Attached): Promise<() => void> {
    const older = this.#here.get(box)
    this.#here.set(box, attached)
    older?.replaced()
    const token = randomBytes(16)
    const detach = await this.#router.attach(box, (message) => {
      receive(attached, token, message)
    })
    this.#publish(box, REPLACED, token)
    return () => {
      if (this.#here.get(box) === attached) this.#here.delete(box)
      detach().catch((error: unknown) => {
        this.#log.warn('server.detach', { cause: String(error) })
      })
    }
  }

  /** The hot path: a mail that just got its number. */
  mail(box: string, q: number, entry: Bytes): void {
    const here = this.#here.get(box)
    if (here === undefined) this.#publish(box, MAIL)
    else if (this.#shared) here.mailElsewhere()
    else here.mail(q, entry)
  }

  /** Routers deliver at most once: from time to time everybody's mailbox is looked into. */
  lookAgain(): void {
    if (this.#shared) for (const attached of this.#here.values()) attached.mailElsewhere()
  }

  send(box: string, frame: Frame): void {
    const bytes = encodeFrame(frame)
    const here = this.#here.get(box)
    if (here === undefined) this.#publish(box, FRAME, bytes)
    else here.frame(bytes)
  }

  remove(box: string): void {
    this.#here.get(box)?.removed()
    this.#publish(box, REMOVED)
  }

  shut(box: string): void {
    this.#here.get(box)?.shut()
    this.#publish(box, SHUT)
  }

  #publish(box: string, kind: number, ...parts: readonly Bytes[]): void {
    this.#router.publish(box, concat(Buffer.of(kind), ...parts)).catch((error: unknown) => {
      // at most once by contract: the mailbox is the truth
      this.#log.warn('server.publish', { cause: String(error) })
    })
  }
}

function receive(attached: Attached, token: Bytes, message: Bytes): void {
  const rest = message.subarray(1)
  switch (message[0] ?? 0) {
    case MAIL:
      attached.mailElsewhere()
      return
    case FRAME:
      attached.frame(rest)
      return
    case REPLACED:
      if (!equal(rest, token)) attached.replaced()
      return
    case REMOVED:
      attached.removed()
      return
    case SHUT:
      attached.shut()
      return
    default:
    // a newer node may say things this one does not know
  }
}
