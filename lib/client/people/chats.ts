// What this device keeps of each conversation besides its messages: its short number, mute, pins, and the timer that both
// sides agreed on (PROTOCOL 7.1 timer). In memory and in the sealed store; by conversation, whoever is in it.
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { b, check, flag, list, map, opt, s, tuple, u } from '../../protocol/shape.ts'
import type { Records } from '../../storage/ports.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import { GroupCommit } from '../group-commit.ts'

const KIND = 'chat'
const PAGE = 500
export const PINS_MAX = 100
/** An account has had at most 42 devices that anybody remembers. */
const GONE_MAX = 42

/** Which of two timers set at once counts: the later one, in the same way on all devices. */
export interface ChatTimer {
  /** 0: messages stay. */
  readonly seconds: number
  readonly ts: number
  /** hex of the mid. */
  readonly id: string
}

export interface Chat {
  /** hex */
  readonly conv: string
  /** What people type; never changes, never given to another chat. */
  readonly number: number
  /** ms since 1970; MUTED_FOR_EVER for no end. */
  readonly mutedUntil: number
  /** Numbers of pinned messages, oldest pin first. */
  readonly pins: readonly number[]
  readonly timer: ChatTimer
  /** Deleted by its owner: not listed before something is said again. */
  readonly hidden: boolean
  /** On which devices it was deleted last, and when (PROTOCOL 11). */
  readonly gone: readonly GoneOn[]
}

export interface GoneOn {
  readonly dev: Bytes
  /** Of the mark on that device. */
  readonly number: number
  /** ms */
  readonly at: number
}

export const MUTED_FOR_EVER: number = Number.MAX_SAFE_INTEGER

const CHAT = map({
  c: s(32),
  n: u,
  mu: opt(u),
  pi: opt(list(u, PINS_MAX)),
  ts: opt(u),
  tt: opt(u),
  ti: opt(s(32)),
  hi: opt(flag),
  go: opt(list(tuple(b(8), u, u), GONE_MAX)),
})

export class Chats {
  readonly #byConv = new Map<string, Chat>()
  readonly #commit: GroupCommit<string>
  #next = 1

  private constructor(records: Records) {
    this.#commit = new GroupCommit(async (convs) => {
      const chats = [...new Set(convs)].flatMap((conv) => this.#byConv.get(conv) ?? [])
      const items = chats.map((chat) => ({
        id: chat.conv,
        body: encodeChat(chat),
        keys: { index: { all: 'yes' } },
      }))
      await records.putMany(KIND, items)
      return convs.map(() => undefined)
    })
  }

  static async open(records: Records): Promise<Chats> {
    const chats = new Chats(records)
    let after: string | null = null
    for (;;) {
      const page = await records.list(KIND, 'all', 'yes', after, PAGE)
      for (const { body } of page) {
        const chat = decodeChat(body)
        chats.#byConv.set(chat.conv, chat)
        chats.#next = Math.max(chats.#next, chat.number + 1)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return chats
      after = last.id
    }
  }

  /** Undefined: nothing was ever said or set there. */
  find(conv: string): Chat | undefined {
    return this.#byConv.get(conv)
  }

  byNumber(number: number): Chat | undefined {
    return [...this.#byConv.values()].find((chat) => chat.number === number)
  }

  /** Gives the conversation its number if it has none. */
  of(conv: string): Chat {
    const known = this.#byConv.get(conv)
    if (known !== undefined) return known
    const chat = {
      conv,
      number: this.#next++,
      mutedUntil: 0,
      pins: [],
      timer: { seconds: 0, ts: 0, id: '' },
      hidden: false,
      gone: [],
    }
    this.#byConv.set(conv, chat)
    // a number that is lost in a crash was seen by nobody for longer than the crash took
    this.#commit.add(conv).catch(() => undefined)
    return chat
  }

  /** In memory at once; resolves when it is durable. */
  async change(conv: string, change: (chat: Chat) => Chat): Promise<Chat> {
    const before = this.of(conv)
    const after = change(before)
    if (after === before) return after
    this.#byConv.set(conv, after)
    await this.#commit.add(conv)
    return after
  }

  isMuted(conv: string, now: number): boolean {
    return (this.#byConv.get(conv)?.mutedUntil ?? 0) > now
  }

  isPinned(conv: string, number: number): boolean {
    return this.#byConv.get(conv)?.pins.includes(number) === true
  }

  /** The timer that somebody set; durable when it resolves. False: a later one counts. */
  async setTimer(conv: string, timer: ChatTimer): Promise<boolean> {
    const after = await this.change(conv, (chat) =>
      isLater(timer, chat.timer) ? { ...chat, timer } : chat,
    )
    return after.timer === timer
  }

  /** Deleted, here or on another device: pins go with it. Durable when it resolves. */
  async gone(conv: string, on: GoneOn): Promise<void> {
    await this.change(conv, (chat) => {
      const known = chat.gone.find(({ dev }) => equal(dev, on.dev))
      if (known !== undefined && known.number >= on.number) return chat
      const others = chat.gone.filter((each) => each !== known)
      return { ...chat, pins: [], hidden: true, gone: [...others, on].slice(-GONE_MAX) }
    })
  }

  idle(): Promise<void> {
    return this.#commit.idle()
  }
}

function isLater(p: ChatTimer, q: ChatTimer): boolean {
  return p.ts !== q.ts ? p.ts > q.ts : p.id > q.id
}

function encodeChat({ conv, number, mutedUntil, pins, timer, hidden, gone }: Chat): Buffer {
  return encode({
    c: conv,
    n: number,
    mu: mutedUntil === 0 ? undefined : mutedUntil,
    pi: pins.length === 0 ? undefined : pins,
    hi: hidden ? true : undefined,
    go: gone.length === 0 ? undefined : gone.map((on) => [on.dev, on.number, on.at]),
    ...(timer.id === '' ? {} : { ts: timer.seconds, tt: timer.ts, ti: timer.id }),
  })
}

function decodeChat(body: Uint8Array): Chat {
  const f = check(CHAT, decodeStrict(body), 'chat')
  return {
    conv: f.c,
    number: f.n,
    mutedUntil: f.mu ?? 0,
    pins: f.pi ?? [],
    timer: { seconds: f.ts ?? 0, ts: f.tt ?? 0, id: f.ti ?? '' },
    hidden: f.hi === true,
    gone: (f.go ?? []).map(([dev, number, at]) => ({ dev, number, at })),
  }
}
