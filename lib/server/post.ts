// From one accepted message to the mailboxes of its recipients (PROTOCOL 9.2). The sender hears `ok` when every mailbox
// has it durably or its device has acknowledged it; a mailbox that is full refuses, nothing is ever dropped in silence.
import type { Appended, Incoming, Mailboxes } from '../storage/ports.ts'
import type { Bytes } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import { encodeMailEntry, type Transmission } from './mail-entry.ts'
import type { Presence } from './presence.ts'
import { BoundedMap } from '../util/rate.ts'
import { Refusal } from './refusal.ts'
import type { Recipient, Stream } from './streams.ts'

/** A mailbox that was full is not asked again before its device acknowledges something or this time is over. */
const FULL_MS = 10_000
const FULL_BOXES_MAX = 10_000

export interface Message {
  readonly i: number
  readonly n: Bytes
  readonly c: Bytes
}

export class Post {
  readonly #mail: Mailboxes
  readonly #presence: Presence
  readonly #clock: Clock
  readonly #lifeMs: number
  /** Until when (monotonic). */
  readonly #full = new BoundedMap<number>(FULL_BOXES_MAX)
  accepted = 0

  constructor(deps: {
    readonly mail: Mailboxes
    readonly presence: Presence
    readonly clock: Clock
    /** How long a message waits for its device. */
    readonly lifeMs: number
  }) {
    this.#mail = deps.mail
    this.#presence = deps.presence
    this.#clock = deps.clock
    this.#lifeMs = deps.lifeMs
  }

  /** The device took mail out of its box. */
  emptied(box: string): void {
    if (this.#full.size > 0) this.#full.delete(box)
  }

  /**
   * Puts message `stream.next` of a complete stream into all mailboxes and pushes it. `done(null)`: accepted. After any
   * failure the stream is closed: what was stored is stored, its sender sends the rest again on another stream and
   * receivers drop what they know (PROTOCOL 9.3).
   */
  send(stream: Stream, message: Message, done: (error: unknown) => void): void {
    const full = this.#knownFull(stream.recipients)
    if (full !== null) {
      done(full)
      return
    }
    const { i } = message
    const waiting = [done]
    stream.next = i + 1
    stream.inFlight.set(i, waiting)
    const finish = (error: unknown): void => {
      stream.inFlight.delete(i)
      if (error === null) this.accepted++
      else stream.owner.drop(stream)
      for (const fn of waiting) fn(error)
    }
    const items = this.#entries(stream, message, this.#clock.now() + this.#lifeMs)
    this.#mail
      .append(items, (index, seq) => {
        const item = items[index]
        if (item !== undefined) this.#presence.mail(item.box, seq, item.body)
      })
      .then((results) => {
        finish(this.#refusedBy(stream.recipients, results))
      }, finish)
  }

  #entries(stream: Stream, message: Message, expires: number): Incoming[] {
    const { id: from, acct, dev } = stream.owner
    const transmission: Transmission = {
      acct,
      dev,
      st: stream.st,
      i: message.i,
      n: message.n,
      c: message.c,
    }
    const id = stream.idPrefix + String(message.i)
    // without a wrap inside, the same bytes go to every device
    const shared = message.i === 0 ? null : encodeMailEntry(transmission)
    const items = stream.recipients.map(({ box, isOwn }, k) => ({
      box,
      from,
      isOwn,
      id,
      body: shared ?? encodeMailEntry(transmission, stream.opening(k)),
      expires,
      likelyAcked: this.#presence.isHere(box),
    }))
    if (shared === null) stream.opened()
    return items
  }

  #refusedBy(recipients: readonly Recipient[], results: readonly Appended[]): Refusal | null {
    const who = new Set<Bytes>()
    results.forEach((result, k) => {
      const recipient = recipients[k]
      if (recipient === undefined) return
      if (result.status === 'full') {
        this.#full.set(recipient.box, this.#clock.monotonic() + FULL_MS)
      } else if (result.status !== 'share-full') return
      who.add(recipient.acct)
    })
    return who.size === 0 ? null : mailboxFull(who)
  }

  /** Spares the other recipients a copy of each attempt. */
  #knownFull(recipients: readonly Recipient[]): Refusal | null {
    if (this.#full.size === 0) return null
    const now = this.#clock.monotonic()
    const who = new Set<Bytes>()
    for (const { box, acct } of recipients) {
      const until = this.#full.get(box)
      if (until !== undefined && until > now) who.add(acct)
    }
    return who.size === 0 ? null : mailboxFull(who)
  }
}

function mailboxFull(who: ReadonlySet<Bytes>): Refusal {
  return new Refusal('E_MAILBOX_FULL', { who: [...who].slice(0, 100) })
}
