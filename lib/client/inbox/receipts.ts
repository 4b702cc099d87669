// Tells senders that their messages are stored here, and read: at most 64 at a time, within 2 s, to accepted contacts and the
// authors in small groups (PROTOCOL 8, 9.2). What is owed after a crash follows from the rows and a mark per author.
import { randomBytes } from '../../crypto/random.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { decodePayload, isContentKind } from '../../protocol/payloads.ts'
import { type Bytes, fromHex, hex } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { memberOf } from '../../envelope/group-state.ts'
import type { Parties, Party } from '../groups/parties.ts'
import type { MessageLog } from '../messages/message-log.ts'
import type { MessageRow } from '../messages/row.ts'
import type { OutItem } from '../outbox/item.ts'
import type { Destination, Outbox } from '../outbox/outbox.ts'
import type { Peers } from '../people/peers.ts'

const WITHIN_MS = 1500
const PER_RECEIPT = 64
const PAGE = 200

export interface ReceiptDeps {
  readonly parties: Parties
  readonly peers: Peers
  readonly messages: MessageLog
  readonly outbox: () => Outbox
  readonly clock: Clock
  readonly log: Log
}

/** Whose messages they are, and where. */
interface Author {
  readonly conv: string
  readonly acct: Bytes
}

interface Owed extends Author {
  readonly rows: { readonly number: number; readonly key: string }[]
}

/** Rows that the author wants to hear about. */
export function wantsReceipt(row: MessageRow): boolean {
  if (row.own || row.placeholder !== undefined || row.withheld === true) return false
  if (row.steps !== undefined) return false // a state of a group is nobody's in particular
  if (row.payload.length === 0) return true // deleted since
  const { k } = decodePayload(row.payload)
  return k === 'unsupported' || isContentKind(k)
}

export class Receipts {
  readonly #deps: ReceiptDeps
  readonly #owed = new Map<string, Owed>()
  /** Receipts under way: their message id, and how far the mark moves when they are accepted. */
  readonly #sent = new Map<string, Author & { readonly upTo: number }>()
  #timer: Timer | null = null
  #stopped = false

  constructor(deps: ReceiptDeps) {
    this.#deps = deps
  }

  /** What an earlier run stored without telling. */
  async load(): Promise<void> {
    for (const { conv } of this.#deps.parties.all()) await this.accepted(conv)
  }

  /** They may hear now what came before. What is older was told long ago, or nobody waits for it any more. */
  async accepted(conv: string): Promise<void> {
    const { messages, parties } = this.#deps
    const party = parties.find(conv)
    if (party === undefined || !isOpen(party)) return
    const from = Math.max(oldestMark(party), messages.recentFrom - 1)
    const rows: MessageRow[] = []
    // as they arrived: the line of that number may stand above all the others
    for (let before: number | null = null; ;) {
      const page: MessageRow[] = await messages.arrivals(conv, before, PAGE)
      rows.push(...page.filter(({ number }) => number > from))
      before = page[0]?.number ?? from
      if (page.length < PAGE || before <= from) break
    }
    for (let after = from; ;) {
      const page: MessageRow[] = await messages.changesAfter(conv, after, PAGE)
      rows.push(...page)
      after = page.at(-1)?.number ?? after
      if (page.length < PAGE) break
    }
    // what the mark passes over is not told again: in the order of the numbers
    for (const row of rows.sort((p, q) => p.number - q.number)) {
      if (row.number > parties.receiptedTo(conv, row.acct)) this.owe(row)
    }
  }

  owe(row: MessageRow): void {
    const author = this.#authorOf(row)
    if (author === null || !wantsReceipt(row)) return
    const key = keyOf(author)
    const owed = this.#owed.get(key) ?? { ...author, rows: [] }
    if (owed.rows.some((each) => each.number === row.number)) return
    owed.rows.push({ number: row.number, key: row.key })
    this.#owed.set(key, owed)
    this.#timer ??= this.#deps.clock.after(WITHIN_MS, () => {
      this.#timer = null
      this.#flush()
    })
  }

  /** The user has seen these. */
  async read(rows: readonly MessageRow[]): Promise<void> {
    const byAuthor = new Map<string, Author & { readonly keys: string[] }>()
    for (const row of rows) {
      const author = this.#authorOf(row)
      if (author === null || !wantsReceipt(row)) continue
      const key = keyOf(author)
      const read = byAuthor.get(key) ?? { ...author, keys: [] }
      read.keys.push(row.key)
      byAuthor.set(key, read)
    }
    for (const { keys, ...author } of byAuthor.values()) {
      for (let at = 0; at < keys.length; at += PER_RECEIPT) {
        await this.#send(author, 'read', keys.slice(at, at + PER_RECEIPT))
      }
    }
  }

  /** A receipt of ours was accepted: what it covers is owed no more. */
  settled(item: OutItem): void {
    const sent = this.#sent.get(item.mid)
    if (sent === undefined) return
    this.#sent.delete(item.mid)
    const { parties, log } = this.#deps
    parties.receipted(sent.conv, sent.acct, sent.upTo).catch((error: unknown) => {
      log.warn('client.receipts', { code: codeOf(error) })
    })
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** Null: whoever wrote it hears nothing of us. */
  #authorOf({ conv, acct }: Pick<MessageRow, 'conv' | 'acct'>): Author | null {
    const { parties, peers } = this.#deps
    const party = parties.find(conv)
    if (party === undefined || !isOpen(party) || peers.get(acct)?.blocked === true) return null
    if (party.is === 'peer') return { conv, acct: party.peer.acct }
    return memberOf(party.group.state, acct) === undefined ? null : { conv, acct }
  }

  #flush(): void {
    for (const [key, { rows, ...author }] of this.#owed) {
      this.#owed.delete(key)
      if (this.#authorOf(author) === null) continue
      for (let at = 0; at < rows.length; at += PER_RECEIPT) {
        const part = rows.slice(at, at + PER_RECEIPT)
        const upTo = part.at(-1)?.number ?? 0
        const keys = part.map((row) => row.key)
        this.#send(author, 'dlv', keys).then(
          (item) => {
            this.#sent.set(item.mid, { ...author, upTo })
          },
          (error: unknown) => {
            if (!this.#stopped) this.#deps.log.warn('client.receipts', { code: codeOf(error) })
          },
        )
      }
    }
  }

  #send(author: Author, y: 'dlv' | 'read', keys: readonly string[]): Promise<OutItem> {
    const { clock, outbox, parties } = this.#deps
    const m = keys.map(fromHex)
    const payload = { k: 'rcpt', id: randomBytes(16), ts: clock.now(), y, m } as const
    const { conv, acct } = author
    // in a group to the author alone
    const to: Destination = parties.find(conv)?.is === 'group' ? { conv, acct } : { conv }
    return outbox().add(payload, to)
  }
}

function keyOf({ conv, acct }: Author): string {
  return `${conv}/${hex(acct)}`
}

/** Receipts go there at all. */
function isOpen(party: Party): boolean {
  if (party.is === 'peer') return party.peer.accepted && !party.peer.blocked
  const { standing, state } = party.group
  return standing === 'member' && state.mem.length <= LIMITS.receiptMembers
}

/** Whatever is older was told to everybody. */
function oldestMark(party: Party): number {
  if (party.is === 'peer') return party.peer.receiptedTo
  const { group } = party
  const marks = group.state.mem.map(({ acct }) => group.receipted.get(hex(acct)) ?? 0)
  return Math.max(group.receiptedFrom, Math.min(...marks))
}
