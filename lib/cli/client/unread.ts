// How much is unread elsewhere, for the row above the prompt: counted anew a moment after something has changed, so that a
// burst of messages is one count.
import type { ChatInfo, Session } from '../../client/api.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { bareChat } from './chat-words.ts'

export interface UnreadChat {
  /** `alice`, `#team`. */
  readonly chat: string
  /** For the eyes. */
  readonly name: string
  /** For `!chat`. */
  readonly number: number
  readonly count: number
}

const DELAY_MS = 300
/** Counting stops at 999. */
const COUNT_MAX = 998

/** Chats with something unread, newest last word first; what is muted asks for nobody. */
export function unreadOf(chats: readonly ChatInfo[], open: string | null): UnreadChat[] {
  return chats
    .filter((each) => each.unread > 0 && each.state.mutedUntil === 0)
    .map(({ contact, group, state, unread }) => {
      const chat = group?.chat ?? contact?.user ?? state.user
      return { chat, name: bareChat(chat), number: state.number, count: unread }
    })
    .filter(({ chat }) => chat !== open)
}

/** `alice 2, #team 1 and 3 more`; empty when nothing is. */
export function unreadWords(list: readonly UnreadChat[], most = 3): string {
  const shown = list
    .slice(0, most)
    .map(({ name, count }) => `${name} ${count > COUNT_MAX ? '999+' : String(count)}`)
    .join(', ')
  return list.length > most ? `${shown} and ${String(list.length - most)} more` : shown
}

export interface UnreadOptions {
  readonly clock: Clock
  readonly session: () => Session | null
  /** The chat that is open: what arrives there is read. */
  readonly openChat: () => string | null
  readonly show: (list: readonly UnreadChat[]) => void
}

export class UnreadCount {
  readonly #options: UnreadOptions
  #timer: Timer | null = null

  constructor(options: UnreadOptions) {
    this.#options = options
  }

  /** Something was said or read. */
  changed(): void {
    this.#timer ??= this.#options.clock.after(DELAY_MS, () => {
      this.#timer = null
      void this.count()
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  async count(): Promise<readonly UnreadChat[]> {
    const { session, openChat, show } = this.#options
    const now = session()
    let list: readonly UnreadChat[] = []
    try {
      list = now === null ? [] : unreadOf(await now.chats(), openChat())
    } catch {
      // the session ended meanwhile
    }
    if (session() === now) show(list)
    return list
  }
}
