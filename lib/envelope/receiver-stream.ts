// Receiving: the ratchet of one stream, with keys kept for messages that were skipped (PROTOCOL 6.5, rules 4 and 5).
// State moves only after a message is decrypted, its signature checked and its content decoded.
import { inspect } from 'node:util'

import { RsaPublicKey } from '../crypto/rsa.ts'
import { messageId } from '../identity/conversation.ts'
import type { Wrap } from '../protocol/composites.ts'
import { LIMITS } from '../protocol/limits.ts'
import { decodePayload, type Payload, type UnsupportedPayload } from '../protocol/payloads.ts'
import { type Bytes, equalSecret, hex } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { commitment, firstChainKey, ratchet } from './chain.ts'
import { decodeGossip, type Gossip } from './gossip.ts'
import type { AcceptedHead } from './head-check.ts'
import type { InboxKeys } from './inbox-keys.ts'
import { openMessage, type SealedMessage } from './message.ts'
import {
  decodeStreamState,
  encodeStreamState,
  type StreamGroup,
  type StreamState,
} from './stream-state.ts'
import { unwrapSecret } from './wrap.ts'

export interface OpenedMessage {
  readonly i: number
  readonly mid: Buffer
  readonly payload: Payload | UnsupportedPayload
  /** The payload as it was signed: equal bytes = the same message. */
  readonly bytes: Bytes
  readonly gossip: Gossip
}

/** How far the ratchet would be after one more message. */
interface Advance {
  readonly messageKey: Bytes
  readonly chainKey: Bytes
  readonly next: number
  readonly skipped: readonly (readonly [i: number, messageKey: Bytes])[]
}

/** Indices travel as u32 inside contexts. */
const INDEX_MAX = 2 ** 32 - 2

export class ReceiverStream {
  #state: StreamState
  readonly #senderKey: RsaPublicKey

  private constructor(state: StreamState, senderKey: RsaPublicKey) {
    this.#state = state
    this.#senderKey = senderKey
  }

  /**
   * Rule 4. `inboxKeys`: the live set with this id, if any.
   *
   * @throws E_NO_KEY E_UNWRAP E_COMMIT
   */
  static async open(
    { head, position, klid, senderKey, peer, group }: AcceptedHead,
    wrap: Wrap,
    inboxKeys: (klid: Bytes) => InboxKeys | undefined,
  ): Promise<ReceiverStream> {
    const keys =
      inboxKeys(klid) ?? fail('E_NO_KEY', 'Sent to a key that this device no longer has.')
    const { hp, st, conv, from, t, x, com } = head
    const secret = await unwrapSecret(keys, wrap, { hp, klid, position }, x)
    if (!equalSecret(commitment(secret, st), com)) {
      fail('E_COMMIT', 'The sender gave this device another secret than the others.')
    }
    const chainKey = firstChainKey(secret, hp)
    const dsk = senderKey.spki
    const state = { st, hp, conv, from, peer, t, dsk, chainKey, next: 0, kept: new Map() }
    return new ReceiverStream(group === undefined ? state : { ...state, group }, senderKey)
  }

  /** Exactly the stream that was serialised. @throws E_FORMAT */
  static restore(bytes: Bytes): ReceiverStream {
    const state = decodeStreamState(bytes)
    return new ReceiverStream(state, RsaPublicKey.fromSpki(state.dsk, 2048))
  }

  /** Secret: for the sealed store of this device only. */
  serialize(): Buffer {
    return encodeStreamState(this.#state)
  }

  get st(): Bytes {
    return this.#state.st
  }

  /** The hash of the head that opened it (PROTOCOL 6.2). */
  get hp(): Bytes {
    return this.#state.hp
  }

  get conv(): Bytes {
    return this.#state.conv
  }

  get from(): { readonly acct: Bytes; readonly dev: Bytes } {
    return this.#state.from
  }

  /** Absent between two. */
  get group(): StreamGroup | undefined {
    return this.#state.group
  }

  /** The other account of the conversation; my own in notes, the sender's in groups. */
  get peer(): Bytes {
    return this.#state.peer
  }

  /** One past the highest index opened. */
  get next(): number {
    return this.#state.next
  }

  /** The returned function takes back every message opened since. */
  checkpoint(): () => void {
    const state = this.#state
    return () => {
      this.#state = state
    }
  }

  /** Indices below `next` that have not come, ascending. */
  missing(): number[] {
    return [...this.#state.kept.keys()]
  }

  /**
   * Rule 5, and the payload that comes out of it. Any failure leaves the stream as it was.
   *
   * @throws E_DUPLICATE E_SKIP E_DECRYPT E_SIG; E_FORMAT when the device signed something that is no payload
   */
  open(message: Pick<SealedMessage, 'i' | 'n' | 'c'>, now: number): OpenedMessage {
    const { hp, conv, from } = this.#state
    const advance = this.#advanceTo(message.i, now)
    const opened = openMessage(advance.messageKey, hp, this.#senderKey, message)
    const payload = decodePayload(opened.payload)
    const gossip = decodeGossip(opened.gossip)
    this.#commit(message.i, advance, now)
    const mid = messageId(conv, from.acct, payload.id)
    return { i: message.i, mid, payload, bytes: opened.payload, gossip }
  }

  #advanceTo(i: number, now: number): Advance {
    const { next, kept } = this.#state
    if (i < next) {
      const old = kept.get(i)
      if (old === undefined || now - old.at > LIMITS.skippedKeyLifeMs) {
        fail('E_DUPLICATE', 'The message was opened before, or its key was given up.')
      }
      return { messageKey: old.messageKey, chainKey: this.#state.chainKey, next, skipped: [] }
    }
    if (i - next > LIMITS.skipMessages || i > INDEX_MAX) {
      fail('E_SKIP', 'Too many messages are missing before this one.')
    }
    const skipped: [number, Bytes][] = []
    let step = ratchet(this.#state.chainKey)
    for (let at = next; at < i; at++) {
      skipped.push([at, step.messageKey])
      step = ratchet(step.next)
    }
    return { messageKey: step.messageKey, chainKey: step.next, next: i + 1, skipped }
  }

  #commit(i: number, { chainKey, next, skipped }: Advance, now: number): void {
    const kept = new Map(
      [...this.#state.kept].filter(
        ([at, key]) => at !== i && now - key.at <= LIMITS.skippedKeyLifeMs,
      ),
    )
    for (const [at, messageKey] of skipped) kept.set(at, { messageKey, at: now })
    for (const at of kept.keys()) {
      if (kept.size <= LIMITS.skippedKeys) break
      kept.delete(at)
    }
    this.#state = { ...this.#state, chainKey, next, kept }
  }

  toJSON(): string {
    return `ReceiverStream(${hex(this.#state.st)})`
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}
