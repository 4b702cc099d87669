// All that the full screen can show, and which of it is open: one pane for everything that happens, as the line mode shows
// it, and one for each chat that was opened. Says where a row that is printed belongs. Knows no terminal.
import type { MessageView } from '../../../client/events.ts'
import type { Entry } from '../rows.ts'
import { type Item, Pane } from './pane.ts'

/** Chats whose rows are kept while another one is open. */
const MAX_KEPT = 30

/** What of a message says where it belongs. */
export type Addressed = Pick<MessageView, 'chat' | 'number' | 'before' | 'ts' | 'mid' | 'saidAt'>

export class Panes {
  readonly home: Pane
  readonly #now: () => number
  readonly #chats = new Map<string, Pane>()
  #open: Pane
  #collected: { entries: Entry[]; ids: string[] } | null = null

  constructor(now: () => number) {
    this.#now = now
    this.home = new Pane(null, now())
    this.#open = this.home
  }

  get open(): Pane {
    return this.#open
  }

  of(chat: string): Pane | undefined {
    return this.#chats.get(chat)
  }

  /** True: that pane is new and empty. */
  show(chat: string | null): boolean {
    const known = chat === null ? this.home : this.#chats.get(chat)
    this.#open = known ?? new Pane(chat, this.#now())
    if (chat === null) return false
    this.#chats.delete(chat)
    this.#chats.set(chat, this.#open) // the one used last is the last one to go
    const [oldest] = this.#chats.keys()
    if (this.#chats.size > MAX_KEPT && oldest !== undefined) this.#chats.delete(oldest)
    return known === undefined
  }

  /** Forgets chats that are not open: somebody else is logged in. */
  forget(): void {
    this.#chats.clear()
    this.show(null)
  }

  /** Rows of ours: where one looks, and in the pane of everything. */
  print(entry: Entry, id?: string): void {
    const ids = id === undefined ? [] : [id]
    if (this.#collected !== null) {
      this.#collected.entries.push(entry)
      this.#collected.ids.push(...ids)
      return
    }
    this.home.add({ entries: [entry], ids })
    if (this.#open !== this.home) this.#open.add({ entries: [entry], ids })
  }

  /** A message that came or was written just now; `show` prints it. */
  arrived(view: Addressed, show: () => void): void {
    const item = this.#item(view, show)
    this.home.add(item)
    this.of(view.chat)?.put(item)
  }

  /** A message of a chat for its place there; what was shown of it before is replaced. */
  place(view: Addressed, show: () => void): void {
    const item = this.#item(view, show)
    this.of(view.chat)?.put(item)
    if (this.home.has(view.number)) this.home.put(item)
  }

  /** A message of the past as the answer to a command. */
  answer(view: Addressed, show: () => void): void {
    const { entries, ids } = this.#item(view, show)
    this.#open.add({ at: view.saidAt, entries, ids })
  }

  stale(id: string): boolean {
    return [this.home, ...this.#chats.values()].filter((pane) => pane.stale(id)).length > 0
  }

  clear(): void {
    for (const pane of [this.home, ...this.#chats.values()]) pane.clear()
  }

  #item(view: Addressed, show: () => void): Item & { readonly number: number } {
    const { number, saidAt: at, ts, mid, before } = view
    const collected = { entries: [], ids: [] }
    this.#collected = collected
    try {
      show()
    } finally {
      this.#collected = null
    }
    return { number, at, ts, key: mid, ...(before === undefined ? {} : { before }), ...collected }
  }
}
