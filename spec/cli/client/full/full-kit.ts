// The full screen on a fake terminal, over a session that lives in memory: people, what they said, what is read.
import type { Session } from '../../../../lib/client/api.ts'
import type { ClientEvent, ContactInfo, MessageView } from '../../../../lib/client/events.ts'
import type { ClientDeps } from '../../../../lib/client/ports.ts'
import { App } from '../../../../lib/cli/client/app.ts'
import { runLine } from '../../../../lib/cli/client/dispatch.ts'
import type { Forms } from '../../../../lib/cli/client/front.ts'
import { FullMode } from '../../../../lib/cli/client/full/full-mode.ts'
import { present } from '../../../../lib/cli/client/present.ts'
import { silentLog } from '../../../../lib/util/log.ts'
import { ALICE } from '../../../helpers/fake-front.ts'
import { FakeClock } from '../../../helpers/fake-clock.ts'
import { FakeTerminal, type FakeTerminalOptions } from '../fake-terminal.ts'

const MINUTE = 60_000
/** 12:00 UTC of a Friday. */
const NOON = Date.UTC(2026, 10, 20, 12)

type Body = Partial<MessageView> & { readonly text?: string }

export class FullKit {
  readonly clock = new FakeClock(NOON)
  readonly mode = new FullMode(this.clock)
  readonly x: FakeTerminal
  readonly app: App
  readonly asked: { readonly chat: string; readonly before: number | undefined }[] = []
  #contacts: readonly ContactInfo[]
  readonly #said: MessageView[] = []
  readonly #readTo = new Map<string, number>()
  readonly #listeners = new Set<(event: ClientEvent) => void>()
  forms: Forms | null = null
  quits = 0

  constructor(users: readonly string[], options: FakeTerminalOptions = {}) {
    this.#contacts = users.map((user, i) => ({
      ...ALICE,
      user,
      acct: String(i).padStart(8, '0'),
      conv: `c-${user}`,
    }))
    this.x = new FakeTerminal({
      cols: 80,
      rows: 16,
      clock: this.clock,
      idle: true,
      createScreen: this.mode.createScreen,
      onKey: this.mode.onKey,
      onLine: (line) => {
        this.mode.typed()
        void runLine(this.app, line)
      },
      onEscape: () => {
        this.app.openChat(null)
      },
      ...options,
    })
    const front = this.mode.front(this.x.ui, {
      form: (fn) => fn(this.forms ?? ({} as Forms)),
    })
    this.app = new App({
      connect: () => Promise.reject(new Error('no network in this test')),
      deps: { clock: this.clock, log: silentLog } as unknown as ClientDeps,
      front,
      lock: false,
      present,
      quit: () => (this.quits += 1),
      sleep: () => Promise.resolve(),
    })
    this.mode.attach(this.app)
  }

  /** Logged in as bob, the window is up. */
  async start(): Promise<this> {
    this.app.enter(this.#session())
    this.x.ui.start()
    await this.settled()
    return this
  }

  /** The list is asked for after a while. */
  async settled(): Promise<void> {
    await this.x.settled()
    await this.x.advance(250)
    await this.x.settled()
  }

  async type(keys: string): Promise<void> {
    await this.x.type(keys)
    await this.settled()
  }

  /** In the store only: it was said before. */
  past(chat: string, text: string, more: Body = {}): MessageView {
    const number = this.#said.length + 1
    const { at = this.clock.now() - (1000 - number) * MINUTE } = more
    const view: MessageView = {
      number,
      mid: `m${String(number)}`,
      conv: `c-${chat}`,
      chat,
      from: chat,
      acct: this.#contacts.find(({ user }) => user === chat)?.acct ?? '',
      own: false,
      ts: at,
      at,
      saidAt: at,
      timeDoubtful: false,
      body: { kind: 'text', text },
      resent: false,
      ...more,
    }
    this.#said.push(view)
    return view
  }

  /** Somebody says something now. */
  async says(chat: string, text: string, more: Body = {}): Promise<MessageView> {
    const view = this.past(chat, text, { at: this.clock.now(), ts: this.clock.now(), ...more })
    await this.emit({ type: 'message', message: view, fills: false })
    return view
  }

  async changed(view: MessageView): Promise<void> {
    this.#said[view.number - 1] = view
    await this.emit({
      type: 'message-change',
      change: 'edited',
      message: view,
      was: { kind: 'text', text: '' },
      by: view.from,
      own: view.own,
    })
  }

  /** The safety number of somebody was compared, or does not hold any more. */
  async trust(user: string, trust: ContactInfo['trust']): Promise<void> {
    this.#contacts = this.#contacts.map((each) => (each.user === user ? { ...each, trust } : each))
    for (const contact of this.#contacts.filter((each) => each.user === user)) {
      await this.emit({ type: 'contact', change: 'verified', contact })
    }
  }

  /** An own message reached its reader. */
  async delivered(number: number): Promise<void> {
    const view = this.#said[number - 1]
    if (view === undefined) return
    const { mid, chat } = view
    this.#said[number - 1] = { ...view, state: 'delivered' }
    await this.emit({ type: 'message-state', number, mid, chat, state: 'delivered' })
  }

  async emit(event: ClientEvent): Promise<void> {
    for (const listener of this.#listeners) listener(event)
    await this.settled()
  }

  #session(): Session {
    const number = (user: string): number =>
      this.#contacts.findIndex((contact) => contact.user === user) + 1
    const userOf = (chat: string): string => this.#contacts[Number(chat) - 1]?.user ?? chat
    const contactOf = (chat: string): ContactInfo => {
      const user = userOf(chat)
      const found = this.#contacts.find((contact) => contact.user === user)
      if (found === undefined) throw new Error(`nobody is called ${user}`)
      return found
    }
    const session = {
      me: { user: 'bob', displayName: '', acct: 'bb', dev: '', srv: '', fingerprint: '', uri: '' },
      on: (listener: (event: ClientEvent) => void) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
      contacts: () => this.#contacts,
      groups: { list: () => [] },
      direct: { list: () => [] },
      status: () => ({ connection: { state: 'online' } }),
      archive: { status: () => ({ restore: { restored: 0, expected: 0, done: true } }) },
      life: {
        isMuted: () => false,
        choice: () => 'on',
        shown: () => Promise.resolve(),
        contactOf: (chat: string) => Promise.resolve(contactOf(chat)),
        chatOf: (chat: string) => Promise.resolve({ user: userOf(chat) }),
      },
      history: (
        chat: string,
        { before = Infinity, limit = 50 }: { before?: number; limit?: number } = {},
      ) => {
        this.asked.push({ chat, before: before === Infinity ? undefined : before })
        const all = this.#said.filter((view) => view.chat === chat && view.number < before)
        return Promise.resolve(all.slice(-limit))
      },
      unread: () => Promise.resolve([]),
      markRead: (chat: string) => {
        this.#readTo.set(chat, this.#said.length)
        return Promise.resolve()
      },
      send: async (chat: string, text: string) => {
        const own = { own: true, from: 'bob', state: 'queued' as const }
        const { mid, number: n, conv } = await this.says(chat, text, own)
        return { mid, number: n, chat, conv, state: 'queued' }
      },
      chats: () =>
        Promise.resolve(
          this.#contacts.map((contact) => {
            const mine = this.#said.filter((view) => view.chat === contact.user)
            const readTo = this.#readTo.get(contact.user) ?? 0
            return {
              conv: contact.conv,
              contact,
              notes: false,
              unread: mine.filter((view) => !view.own && view.number > readTo).length,
              last: mine.at(-1) ?? null,
              state: {
                conv: contact.conv,
                number: number(contact.user),
                user: contact.user,
                notes: false,
                mutedUntil: 0,
                timerSeconds: 0,
              },
            }
          }),
        ),
    }
    return session as unknown as Session
  }
}
