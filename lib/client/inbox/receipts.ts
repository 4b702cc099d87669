// Tells senders that their messages are stored here, and read: at most 64 at a time, within 2 s, to accepted contacts only
// (PROTOCOL 9.2). What is owed after a crash follows from the rows and one mark per contact.
import { randomBytes } from '../../crypto/random.ts'
import { decodePayload, isContentKind } from '../../protocol/payloads.ts'
import { fromHex } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { MessageLog } from '../messages/log.ts'
import type { MessageRow } from '../messages/row.ts'
import type { OutItem } from '../outbox/item.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Peer } from '../people/peer.ts'
import type { Peers } from '../people/peers.ts'

const WITHIN_MS = 1500
const PER_RECEIPT = 64
const PAGE = 200

export interface ReceiptDeps {
  readonly peers: Peers
  readonly messages: MessageLog
  readonly outbox: () => Outbox
  readonly clock: Clock
  readonly log: Log
}

interface Owed {
  readonly number: number
  readonly key: string
}

/** Rows that the author wants to hear about. */
export function wantsReceipt(row: MessageRow): boolean {
  if (row.own || row.placeholder !== undefined) return false
  if (row.payload.length === 0) return true // deleted since
  const { k } = decodePayload(row.payload)
  return k === 'unsupported' || isContentKind(k)
}

export class Receipts {
  readonly #deps: ReceiptDeps
  readonly #owed = new Map<string, Owed[]>()
  /** Receipts under way: their message id, and how far the mark moves when they are accepted. */
  readonly #sent = new Map<string, { readonly peer: string; readonly upTo: number }>()
  #timer: Timer | null = null
  #stopped = false

  constructor(deps: ReceiptDeps) {
    this.#deps = deps
  }

  /** What an earlier run stored without telling. */
  async load(): Promise<void> {
    const { recentFrom } = this.#deps.messages
    for (const peer of this.#deps.peers.all()) {
      // what is older was told long ago, or nobody waits for it any more
      if (peer.accepted) await this.#oweFrom(peer, Math.max(peer.receiptedTo, recentFrom - 1))
    }
  }

  /** The contact may hear now what came before it was accepted. */
  accepted(peer: Peer): Promise<void> {
    return this.#oweFrom(peer, peer.receiptedTo)
  }

  async #oweFrom(peer: Peer, from: number): Promise<void> {
    const { messages } = this.#deps
    const rows: MessageRow[] = []
    for (const next of [messages.after.bind(messages), messages.changesAfter.bind(messages)]) {
      let after = from
      for (;;) {
        const page: MessageRow[] = await next(peer.conv, after, PAGE)
        rows.push(...page)
        after = page.at(-1)?.number ?? after
        if (page.length < PAGE) break
      }
    }
    // what the mark passes over is not told again: in the order of the numbers
    for (const row of rows.sort((p, q) => p.number - q.number)) this.owe(peer, row)
  }

  owe(peer: Peer, row: MessageRow): void {
    if (!peer.accepted || peer.blocked || !wantsReceipt(row)) return
    const owed = this.#owed.get(peer.id) ?? []
    if (owed.some((each) => each.number === row.number)) return
    owed.push({ number: row.number, key: row.key })
    this.#owed.set(peer.id, owed)
    this.#timer ??= this.#deps.clock.after(WITHIN_MS, () => {
      this.#timer = null
      this.#flush()
    })
  }

  /** The user has seen these. */
  async read(peer: Peer, rows: readonly MessageRow[]): Promise<void> {
    if (!peer.accepted || peer.blocked) return
    const keys = rows.filter(wantsReceipt).map((row) => row.key)
    for (let at = 0; at < keys.length; at += PER_RECEIPT) {
      await this.#send(peer, 'read', keys.slice(at, at + PER_RECEIPT))
    }
  }

  /** A receipt of ours was accepted: what it covers is owed no more. */
  settled(item: OutItem): void {
    const sent = this.#sent.get(item.mid)
    if (sent === undefined) return
    this.#sent.delete(item.mid)
    const { peers, log } = this.#deps
    peers
      .change(sent.peer, (peer) => ({
        ...peer,
        receiptedTo: Math.max(peer.receiptedTo, sent.upTo),
      }))
      .catch((error: unknown) => {
        log.warn('client.receipts', { code: codeOf(error) })
      })
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #flush(): void {
    for (const [id, owed] of this.#owed) {
      const peer = this.#deps.peers.get(id)
      this.#owed.delete(id)
      if (peer === undefined || peer.blocked) continue
      for (let at = 0; at < owed.length; at += PER_RECEIPT) {
        const part = owed.slice(at, at + PER_RECEIPT)
        const upTo = part.at(-1)?.number ?? 0
        this.#send(
          peer,
          'dlv',
          part.map(({ key }) => key),
        ).then(
          (item) => {
            this.#sent.set(item.mid, { peer: id, upTo })
          },
          (error: unknown) => {
            if (!this.#stopped) this.#deps.log.warn('client.receipts', { code: codeOf(error) })
          },
        )
      }
    }
  }

  #send(peer: Peer, y: 'dlv' | 'read', keys: readonly string[]): Promise<OutItem> {
    const { clock, outbox } = this.#deps
    const m = keys.map(fromHex)
    const payload = { k: 'rcpt', id: randomBytes(16), ts: clock.now(), y, m } as const
    return outbox().add(payload, { conv: peer.conv, acct: peer.acct })
  }
}
