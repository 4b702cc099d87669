// What was said, for the front end: chats with counters, pages of a conversation, read marks.
import { parseUsername } from '../../protocol/names.ts'
import { fail } from '../../util/errors.ts'
import type { ChatInfo, HistoryQuery } from '../api.ts'
import type { MessageView } from '../events.ts'
import type { MessageRow } from '../messages/row.ts'
import { viewOf } from '../messages/view.ts'
import { contactOf, type Peer } from '../people/peer.ts'
import type { Core } from './core.ts'

const LIMIT = 50
const PAGE = 200
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
    for (const peer of this.#core.peers.all()) {
      const [last] = await this.#core.messages.page(peer.conv, null, 1)
      if (last === undefined && !peer.accepted) continue
      const notes = this.#core.isMe(peer.acct)
      if (last === undefined && notes) continue
      chats.push({
        number: last?.number ?? 0,
        info: {
          conv: peer.conv,
          contact: contactOf(peer),
          notes,
          unread: await this.#unread(peer),
          last: last === undefined ? null : this.#view(last),
        },
      })
    }
    return chats.sort((a, b) => b.number - a.number).map(({ info }) => info)
  }

  async page(chat: string, query: HistoryQuery = {}): Promise<MessageView[]> {
    const { before, limit = LIMIT, since = 0, until = Infinity } = query
    const peer = await this.#peer(chat)
    const found: MessageRow[] = []
    let cursor = before ?? null
    while (found.length < limit) {
      const rows = await this.#core.messages.page(peer.conv, cursor, PAGE)
      const first = rows[0]
      found.unshift(...rows.filter((row) => row.at >= since && row.at < until))
      if (first === undefined || rows.length < PAGE || first.at < since) break
      cursor = first.number
    }
    return found.slice(-limit).map((row) => this.#view(row))
  }

  async message(number: number): Promise<MessageView | null> {
    const row = await this.#core.messages.byNumber(number)
    return row === null ? null : this.#view(row)
  }

  async markRead(chat: string): Promise<void> {
    const { peers, receipts, settings, sync } = this.#core
    const peer = await this.#peer(chat)
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

  async #unreadRows(peer: Peer): Promise<MessageRow[]> {
    const unread: MessageRow[] = []
    let cursor: number | null = null
    while (unread.length < UNREAD_MAX) {
      const rows: MessageRow[] = await this.#core.messages.page(peer.conv, cursor, PAGE)
      const later = rows.filter((row) => row.number > peer.readTo)
      unread.unshift(...later.filter((row) => !row.own))
      if (later.length < PAGE) break
      cursor = rows[0]?.number ?? null
    }
    return unread.slice(-UNREAD_MAX)
  }

  async #peer(chat: string): Promise<Peer> {
    const user = parseUsername(chat.replace(/^@/, ''))
    const known = this.#core.peers.byName(user)
    if (known !== undefined) return known
    await this.#core.meet(user)
    return this.#core.peers.byName(user) ?? fail('E_NOT_FOUND', `No user called @${user}.`)
  }

  #view(row: MessageRow): MessageView {
    return viewOf(row, this.#core.names)
  }
}
