// What was said, for the front end: chats with counters, pages of a conversation, read marks.
import type { ChatInfo, HistoryQuery } from '../api.ts'
import type { MessageView } from '../events.ts'
import type { MessageRow } from '../messages/row.ts'
import { viewOf } from '../messages/view.ts'
import { contactOf, type Peer } from '../people/peer.ts'
import { chatOf, chatState } from './chat-of.ts'
import type { Core } from './core.ts'

const LIMIT = 50
const PAGE = 200
/** Enough to see that nothing is unread, in most chats. */
const FIRST_PAGE = 8
/** Counting stops here: "999+" is as good as more. */
const UNREAD_MAX = 999

export class History {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /** Newest conversation first; only those in which something was said. */
  async chats(): Promise<ChatInfo[]> {
    const chats: { info: ChatInfo; number: number }[] = []
    const peers = this.#core.peers.all()
    const lasts = await this.#core.messages.newest(peers.map((peer) => peer.conv))
    for (const peer of peers) {
      const newest = lasts.get(peer.conv)
      const last = newest?.withheld === true ? undefined : newest
      const notes = this.#core.isMe(peer.acct)
      const isHidden = notes || !peer.accepted || this.#core.chats.find(peer.conv)?.hidden === true
      if (last === undefined && isHidden) continue
      chats.push({
        number: last?.number ?? 0,
        info: {
          conv: peer.conv,
          contact: contactOf(peer),
          notes,
          unread: last === undefined || last.number <= peer.readTo ? 0 : await this.#unread(peer),
          last: last === undefined ? null : await this.#view(last),
          state: chatState(this.#core, peer),
        },
      })
    }
    return chats.sort((a, b) => b.number - a.number).map(({ info }) => info)
  }

  async page(chat: string, query: HistoryQuery = {}): Promise<MessageView[]> {
    const { before, limit = LIMIT, since = 0, until = Infinity } = query
    const peer = await chatOf(this.#core, chat)
    const found: MessageRow[] = []
    let cursor = before ?? null
    while (found.length < limit) {
      const size = Math.max(PAGE, Math.min(limit, 5 * PAGE))
      const rows = await this.#core.messages.page(peer.conv, cursor, size)
      const first = rows[0]
      found.unshift(
        ...rows.filter((row) => row.at >= since && row.at < until && row.withheld !== true),
      )
      if (first === undefined || rows.length < size || first.at < since) break
      cursor = first.number
    }
    return Promise.all(found.slice(-limit).map((row) => this.#view(row)))
  }

  async message(number: number): Promise<MessageView | null> {
    const row = await this.#core.messages.byNumber(number)
    return row === null || row.aside !== undefined ? null : this.#view(row)
  }

  async markRead(chat: string): Promise<void> {
    const { peers, receipts, settings, sync } = this.#core
    const peer = await chatOf(this.#core, chat)
    const rows = await this.#unreadRows(peer)
    const last = rows.at(-1)
    if (last === undefined) return
    await peers.change(peer.id, (p) => ({ ...p, readTo: Math.max(p.readTo, last.number) }))
    sync.read(peer.conv, last.key)
    if (settings.choices.readReceipts) await receipts.read(peer, rows)
  }

  async #unread(peer: Peer): Promise<number> {
    return (await this.#unreadRows(peer)).length
  }

  /** The newest of them, should there be more than are counted. */
  async #unreadRows(peer: Peer): Promise<MessageRow[]> {
    const unread: MessageRow[] = []
    let size = FIRST_PAGE
    let cursor: number | null = null
    while (unread.length < UNREAD_MAX) {
      const rows: MessageRow[] = await this.#core.messages.page(peer.conv, cursor, size)
      const later = rows.filter((row) => row.number > peer.readTo)
      unread.unshift(...later.filter((row) => !row.own && row.withheld !== true))
      if (later.length < size) break
      cursor = rows[0]?.number ?? null
      size = PAGE
    }
    return unread.slice(-UNREAD_MAX)
  }

  async #view(row: MessageRow): Promise<MessageView> {
    return viewOf(row, this.#core.names, await this.#core.answeredBy(row))
  }
}
