// One sender stream on the way to the server: its header, its recipients, its messages (PROTOCOL 6.2-6.4, 14.2 st.open). A
// group stream begins with the state of the group; that message belongs to the stream and travels with its header.
import type { Gossip } from '../../envelope/gossip.ts'
import type { SenderStream } from '../../envelope/sender-stream.ts'
import type { VerifiedBundle } from '../../identity/bundle.ts'
import { LIMITS, sendCost } from '../../protocol/limits.ts'
import type { Bytes } from '../../util/bytes.ts'
import type { Link } from '../link.ts'
import type { OutItem } from './item.ts'

export interface SealedMessage {
  readonly i: number
  readonly n: Bytes
  readonly c: Bytes
}

export interface OutgoingOptions {
  readonly stream: SenderStream | null
  readonly recipients: readonly VerifiedBundle[]
  readonly link: Pick<Link, 'request'>
  /** Nobody charges for it: it does not go over the server. */
  readonly isFree?: boolean
  /** The payload it begins with, if there is one. */
  readonly opening: Bytes | null
  /** What goes beside the next payload (PROTOCOL 6.3 g). */
  readonly gossip: (first: boolean) => Gossip
  /** Whether it goes to exactly the devices that this item must reach now (PROTOCOL 6.4). */
  readonly isCurrent: (item: OutItem) => boolean
}

export class Outgoing {
  /** Nobody is in it: notes to oneself on an only device. */
  readonly empty: boolean
  readonly st: Bytes
  /** H of the group state it rests on. */
  readonly gs: Bytes | undefined
  /** acct || dev of each. */
  readonly devices: readonly Bytes[]
  /** What the server charges for a message. */
  readonly cost: number
  /** And for what the stream begins with. */
  readonly openingCost: number
  readonly #stream: SenderStream | null
  readonly #first: SealedMessage | null
  readonly #link: Pick<Link, 'request'>
  readonly #gossip: (first: boolean) => Gossip
  readonly #isCurrent: (item: OutItem) => boolean
  #announced = false

  private constructor(options: OutgoingOptions, first: SealedMessage | null) {
    this.#stream = options.stream
    this.#first = first
    this.empty = options.stream === null
    this.st = options.stream?.st ?? new Uint8Array(16)
    this.gs = options.stream?.gs
    this.devices = options.recipients.map(({ acct, dev }) => Buffer.concat([acct, dev]))
    this.cost = options.isFree === true ? 0 : sendCost(this.devices.length)
    this.openingCost = first === null ? 0 : this.cost
    this.#link = options.link
    this.#gossip = options.gossip
    this.#isCurrent = options.isCurrent
  }

  static async open(options: OutgoingOptions): Promise<Outgoing> {
    const { stream, opening, gossip } = options
    const first = opening === null ? null : await stream?.seal(opening, gossip(true))
    return new Outgoing(options, first ?? null)
  }

  /** Not to be used for this item any more. With nobody in it, it holds for one message: nothing would tell when somebody is there. */
  expired(now: number, item: OutItem): boolean {
    return this.empty || this.#stream?.isSpent(now) === true || !this.#isCurrent(item)
  }

  lostConnection(): void {
    this.#announced = false
  }

  /** Sends `st.open` and what the stream begins with, unless this connection has it; null when there is nothing to wait for. */
  announce(): Promise<void> | null {
    const stream = this.#stream
    if (this.#announced || stream === null) return null
    this.#announced = true
    const parts: Promise<unknown>[] = []
    for (let at = 0; at < stream.wraps.length; at += LIMITS.wrapsPerFrame) {
      const w = stream.wraps.slice(at, at + LIMITS.wrapsPerFrame)
      const head = at === 0 ? { head: stream.head } : {}
      parts.push(this.#link.request('st.open', { st: stream.st, at, w, ...head }))
    }
    if (this.#first !== null) parts.push(this.put(this.#first))
    return Promise.all(parts).then(() => undefined)
  }

  async seal(payload: Bytes): Promise<SealedMessage> {
    if (this.#stream === null) throw new RangeError('nobody to seal for')
    return this.#stream.seal(payload, this.#gossip(this.#stream.next === 0))
  }

  async put({ i, n, c }: SealedMessage): Promise<void> {
    await this.#link.request('msg.put', { st: this.st, i, n, c })
  }
}
