// Sending: one device, one conversation, one list of recipient devices, one secret (PROTOCOL 6.2-6.4). Lives in memory only:
// after a restart the next message opens a new stream.
import { inspect } from 'node:util'

import { randomBytes } from '../crypto/random.ts'
import type { RsaPrivateKey } from '../crypto/rsa.ts'
import { generateX25519 } from '../crypto/x25519.ts'
import type { VerifiedBundle } from '../identity/bundle.ts'
import type { Wrap } from '../protocol/composites.ts'
import { LIMITS } from '../protocol/limits.ts'
import { type Bytes, equal, hex } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { commitment, firstChainKey, headHash, ratchet } from './chain.ts'
import { encodeGossip, type Gossip } from './gossip.ts'
import { encodeHead, inHeadOrder } from './head.ts'
import { checkMessageSize, messageStatement, type SealedMessage, sealMessage } from './message.ts'
import { wrapSecret } from './wrap.ts'

export interface SenderOptions {
  readonly srv: Bytes
  readonly conv: Bytes
  /** H(group state); absent in one-to-one conversations and notes. */
  readonly gs?: Bytes
  readonly from: { readonly acct: Bytes; readonly dev: Bytes }
  readonly dsk: RsaPrivateKey
  /** Every device of every member with a live bundle, also the sender's others; any order. */
  readonly recipients: readonly VerifiedBundle[]
  readonly now: number
}

/** RSA wraps in the thread pool at once; between batches the event loop runs. */
const WRAPS_AT_ONCE = 8

function recipientsInOrder({ recipients, from, srv }: SenderOptions): VerifiedBundle[] {
  const sorted = [...recipients].sort(inHeadOrder)
  if (sorted.length === 0) throw new RangeError('a stream needs a recipient')
  if (sorted.length > LIMITS.streamDevices) {
    fail('E_TOO_BIG', `A conversation reaches at most ${LIMITS.streamDevices} devices.`)
  }
  for (const [i, r] of sorted.entries()) {
    const before = sorted[i - 1]
    if (before !== undefined && inHeadOrder(before, r) === 0) {
      throw new RangeError('a recipient is listed twice')
    }
    if (!equal(r.srv, srv)) throw new RangeError('recipients live on the own server')
    if (equal(r.acct, from.acct) && equal(r.dev, from.dev)) {
      throw new RangeError('a device does not send to itself')
    }
  }
  return sorted
}

async function wrapForAll(
  recipients: readonly VerifiedBundle[],
  wrapOne: (bundle: VerifiedBundle, position: number) => Promise<Wrap>,
): Promise<Wrap[]> {
  const wraps: Wrap[] = []
  for (let at = 0; at < recipients.length; at += WRAPS_AT_ONCE) {
    const batch = recipients.slice(at, at + WRAPS_AT_ONCE)
    wraps.push(...(await Promise.all(batch.map((bundle, i) => wrapOne(bundle, at + i)))))
  }
  return wraps
}

export class SenderStream {
  readonly st: Buffer
  /** H(group state); absent in one-to-one conversations and notes. */
  readonly gs: Bytes | undefined
  readonly head: Buffer
  /** One per recipient device, in the order of the flattened `to`. */
  readonly wraps: readonly Wrap[]
  readonly #hp: Buffer
  readonly #dsk: RsaPrivateKey
  readonly #openedAt: number
  readonly #klids: ReadonlySet<string>
  #chainKey: Buffer
  #next = 0
  #last: Promise<unknown> = Promise.resolve()

  private constructor(
    options: SenderOptions,
    opened: { readonly st: Buffer; readonly head: Buffer; readonly hp: Buffer },
    wraps: readonly Wrap[],
    chainKey: Buffer,
  ) {
    this.st = opened.st
    this.gs = options.gs
    this.head = opened.head
    this.wraps = wraps
    this.#hp = opened.hp
    this.#dsk = options.dsk
    this.#openedAt = options.now
    this.#klids = new Set(options.recipients.map((r) => hex(r.klid)))
    this.#chainKey = chainKey
  }

  /** About a millisecond per recipient device. @throws E_TOO_BIG above 512 devices */
  static async open(options: SenderOptions): Promise<SenderStream> {
    const to = recipientsInOrder(options)
    const { srv, conv, from, gs = Buffer.alloc(32) } = options
    const secret = randomBytes(32)
    const st = randomBytes(16)
    const ephemeral = generateX25519()
    const com = commitment(secret, st)
    const fields = { srv, conv, st, gs, from, t: options.now, x: ephemeral.publicKey, com, to }
    const head = encodeHead(fields)
    const hp = headHash(head)
    const wraps = await wrapForAll(to, (bundle, position) =>
      wrapSecret(secret, hp, position, ephemeral, bundle),
    )
    return new SenderStream(options, { st, head, hp }, wraps, firstChainKey(secret, hp))
  }

  /** The index of the next message. */
  get next(): number {
    return this.#next
  }

  /** After 24 hours or 1000 messages a new stream is due (PROTOCOL 6.4). */
  isSpent(now: number): boolean {
    return this.#next >= LIMITS.streamMessages || now - this.#openedAt >= LIMITS.streamLifeMs
  }

  /** False when somebody's devices or inbox keys have changed since: a new stream is due. */
  reaches(recipients: readonly VerifiedBundle[]): boolean {
    return (
      recipients.length === this.#klids.size &&
      recipients.every((r) => this.#klids.has(hex(r.klid)))
    )
  }

  /**
   * Seals the next message. Indices follow the order of calls, and so do the results: a later message is never ready
   * before an earlier one.
   *
   * @throws E_TOO_BIG, using up no index
   */
  async seal(payload: Bytes, gossip: Gossip = {}): Promise<SealedMessage> {
    const g = encodeGossip(gossip)
    checkMessageSize(payload, g)
    if (this.#next >= LIMITS.streamMessages) throw new RangeError('the stream is spent')
    const i = this.#next++
    const { messageKey, next } = ratchet(this.#chainKey)
    this.#chainKey = next
    const sealed = this.#signAndSeal(messageKey, i, payload, g)
    const inOrder = Promise.all([sealed, this.#last]).then(([message]) => message)
    this.#last = inOrder
    return inOrder
  }

  async #signAndSeal(messageKey: Buffer, i: number, p: Bytes, g: Bytes): Promise<SealedMessage> {
    const n = randomBytes(16)
    const s = await this.#dsk.signAsync(messageStatement(this.#hp, i, p, g))
    return { st: this.st, i, n, c: sealMessage(messageKey, this.#hp, i, n, { p, g, s }) }
  }

  toJSON(): string {
    return `SenderStream(${hex(this.st)})`
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}
