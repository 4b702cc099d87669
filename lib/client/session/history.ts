// What was said, for the front end: chats with counters, pages of a conversation, read marks.
import { isKept } from '../archive/item.ts'
import type { ChatInfo, HistoryQuery } from '../api.ts'
import type { MessageView } from '../events.ts'
import type { MessageRow } from '../messages/row.ts'
import { seen } from '../messages/seen.ts'
import { AHEAD_MS, saidAt } from '../messages/timing.ts'
import { viewOf } from '../messages/view.ts'
import type { Party } from '../groups/parties.ts'
import { contactOf } from '../people/peer.ts'
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
    const parties = this.#core.parties.all()
    const lasts = await this.#core.messages.newest(parties.map(({ conv }) => conv))
    for (const party of parties) {
      const { conv, readTo } = party
      const newest = lasts.get(conv)
      const last = newest?.line.withheld === true ? undefined : newest?.line
      const isHidden = !this.#isListed(party) || this.#core.chats.find(conv)?.hidden === true
      if (last === undefined && isHidden) continue
      const state = chatState(this.#core, party)
      chats.push({
        number: last === undefined ? 0 : (newest?.number ?? 0),
        info: {
          conv,
          ...(party.is === 'peer'
            ? { contact: contactOf(party.peer) }
            : { contact: null, group: this.#core.groupInfo(party.group) }),
          notes: state.notes,
          unread: (newest?.number ?? 0) <= readTo ? 0 : (await this.#unreadRows(party)).length,
          last: last === undefined ? null : await this.#view(last),
          state,
        },
      })
    }
    return chats.sort((a, b) => b.number - a.number).map(({ info }) => info)
  }

  /** Also when nothing was said there. */
  #isListed(party: Party): boolean {
    if (party.is === 'group') return party.group.standing === 'member'
    return party.peer.accepted && !this.#core.isMe(party.peer.acct)
  }

  async page(chat: string, query: HistoryQuery = {}): Promise<MessageView[]> {
    const { before, limit = LIMIT, since = 0, until = Infinity } = query
    const { conv } = await chatOf(this.#core, chat)
    const found: MessageRow[] = []
    let cursor = before ?? null
    while (found.length < limit) {
      const size = Math.max(PAGE, Math.min(limit, 5 * PAGE))
      const rows = await this.#core.messages.page(conv, cursor, size)
      const first = rows[0]
      found.unshift(
        ...rows.filter(
          (row) => saidAt(row) >= since && saidAt(row) < until && row.withheld !== true,
        ),
      )
      // lines stand by times that may be ahead of when they came
      if (first === undefined || rows.length < size || saidAt(first) < since - AHEAD_MS) break
      cursor = first.number
    }
    return Promise.all(found.slice(-limit).map((row) => this.#view(row)))
  }

  async message(number: number): Promise<MessageView | null> {
    const row = await this.#core.messages.byNumber(number)
    return row === null || row.aside !== undefined ? null : this.#view(row)
  }

  /** As they came: a line that stands further up is unread as well. */
  async unread(chat: string): Promise<MessageView[]> {
    const rows = await this.#unreadRows(await chatOf(this.#core, chat))
    return Promise.all(rows.map((row) => this.#view(row)))
  }

  async markRead(chat: string, upTo = Infinity): Promise<void> {
    const { messages, parties, receipts, settings, sync } = this.#core
    const party = await chatOf(this.#core, chat)
    const rows = (await this.#unreadRows(party)).filter(({ number }) => number <= upTo)
    const last = rows.at(-1)
    if (last === undefined) return
    await parties.read(party.conv, last.number)
    sync.read(party.conv, last.key)
    // for a device that is new one day
    const kept = rows.findLast(isKept)
    if (kept !== undefined) await messages.update(kept.key, seen)
    if (settings.choices.readReceipts) await receipts.read(rows)
  }

  /** The newest of them, should there be more than are counted. */
  async #unreadRows({ conv, readTo }: Party): Promise<MessageRow[]> {
    const unread: MessageRow[] = []
    let size = FIRST_PAGE
    let cursor: number | null = null
    while (unread.length < UNREAD_MAX) {
      const rows: MessageRow[] = await this.#core.messages.arrivals(conv, cursor, size)
      const later = rows.filter((row) => row.number > readTo)
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
