// The full screen around the App: which chats there are, what the keys do, older pages. The commands, the parser, the line
// being typed and the words are those of the line mode.
import type { ChatInfo, Session } from '../../../client/api.ts'
import type { ClientEvent, MessageView } from '../../../client/events.ts'
import type { Clock, Timer } from '../../../util/clock.ts'
import { peerRole } from '../../theme.ts'
import type { App } from '../app.ts'
import { chatTitle } from '../chat-commands.ts'
import { runLine } from '../dispatch.ts'
import type { OpenForm } from '../front.ts'
import type { Key } from '../keys.ts'
import { countShown } from '../life-commands.ts'
import { notice } from '../rows.ts'
import type { CreateScreen } from '../window.ts'
import type { NotifyHook } from '../notify-hook.ts'
import type { Ui } from '../ui.ts'
import { type Frame, frame, type ListedChat } from './frame.ts'
import { FullFront } from './full-front.ts'
import { type FullAction, fullAction } from './full-keys.ts'
import { FullScreen } from './full-screen.ts'
import { Panes } from './panes.ts'
import type { Pane } from './pane.ts'

/** Something that a key opens. */
interface Target {
  /** 0: everything. */
  readonly number: number
  /** Undefined: there is none of that number in the list. */
  readonly chat: string | null | undefined
}

const KEYS =
  'Alt-1 to Alt-9 open a chat, Alt-Up and Alt-Down the one above or below, Ctrl-N the next unread one; PgUp goes back, Esc shows everything.'
const HOME: Target = { number: 0, chat: null }
const PAGE = 50
/** The list is asked for at most so often; a burst of messages changes it once. */
const LIST_MS = 200

export class FullMode {
  readonly #clock: Clock
  readonly #panes: Panes
  #screen: FullScreen | null = null
  #front: FullFront | null = null
  #ui: Ui | null = null
  #app: App | null = null
  #watched: { readonly session: Session; readonly off: () => void } | null = null
  #chats: readonly ListedChat[] = []
  #room: Pick<Frame, 'cols' | 'height'> = { cols: 80, height: 20 }
  #listing: Timer | null = null
  /** What a key wants opened, until it is. */
  #wanted: Target | null = null
  #isOpening = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#panes = new Panes(() => clock.now())
    this.#panes.home.title = 'everything, as it happens'
  }

  /** What is left for the transcript. */
  get room(): { readonly cols: number; readonly rows: number } {
    return { cols: this.#room.cols, rows: this.#room.height }
  }

  readonly createScreen: CreateScreen = (options) => {
    const screen = new FullScreen(options, this.#panes, (block, cols, rows) => {
      const view = { pane: this.#panes.open, chats: this.#chats, place: this.#place() }
      const picture = frame(view, block, cols, rows)
      this.#room = picture
      return picture
    })
    this.#screen = screen
    return screen
  }

  readonly onKey = (key: Key): boolean => {
    const action = fullAction(key)
    if (action !== null) this.#act(action)
    return action !== null
  }

  front(ui: Ui, prompts: OpenForm, notify?: NotifyHook): FullFront {
    const front = new FullFront(
      ui,
      prompts,
      this.#clock,
      this.#panes,
      {
        onChange: () => {
          this.#listSoon()
          this.#screen?.schedule()
        },
        onNewPane: () => {
          void this.#older(this.#panes.open)
        },
        room: () => this.room,
      },
      notify,
    )
    this.#front = front
    this.#ui = ui
    return front
  }

  attach(app: App): void {
    this.#app = app
    this.#panes.print(notice('*', KEYS))
  }

  /** A line was entered. */
  typed(): void {
    this.#front?.typed()
    this.#listSoon()
  }

  /** For process.on('exit'): the ordinary screen is back whatever happened. */
  leave(): void {
    this.#screen?.leave()
  }

  end(): void {
    this.#listing?.cancel()
    this.#watched?.off()
  }

  #act(action: FullAction): void {
    const { open } = this.#panes
    const { cols, height } = this.#room
    switch (action.do) {
      case 'page':
        if (action.by > 0) open.down(Math.max(1, height - 1), cols)
        else {
          open.up(Math.max(1, height - 1), cols, height)
          if (open.isNearTop(cols, height)) void this.#older(open)
        }
        break
      case 'bottom':
        open.toBottom()
        break
      case 'open':
        this.#open(this.#target(action.number))
        break
      case 'step':
        this.#step(action.by)
        break
      case 'unread': {
        const next = this.#chats.find(({ chat, unread }) => unread > 0 && chat !== open.chat)
        if (next === undefined) this.#ui?.alert({ bell: true })
        else this.#open(next)
      }
    }
    this.#screen?.schedule()
  }

  #target(number: number): Target {
    if (number === 0) return HOME
    return { number, chat: this.#chats.find((each) => each.number === number)?.chat }
  }

  #step(by: -1 | 1): void {
    const from = this.#wanted === null ? this.#panes.open.chat : this.#wanted.chat
    const at = this.#chats.findIndex(({ chat }) => chat === from) + by
    const next = this.#chats[at]
    if (at === -1) this.#open(HOME)
    else if (next === undefined) this.#ui?.alert({ bell: true })
    else this.#open(next)
  }

  /** One at a time: two that are opened at once would print into each other. The last one asked for stays. */
  #open(target: Target): void {
    const app = this.#app
    this.#wanted = target
    if (app === null || this.#isOpening) return
    this.#isOpening = true
    void this.#openWanted(app).finally(() => {
      this.#isOpening = false
      this.#wanted = null
      this.#listSoon()
    })
  }

  async #openWanted(app: App): Promise<void> {
    let opened: Target | null = null
    while (this.#wanted !== null && this.#wanted !== opened) {
      opened = this.#wanted
      if (opened.chat === this.#panes.open.chat) continue
      if (opened.number === 0) app.openChat(null)
      else await runLine(app, `!chat ${String(opened.number)}`)
    }
  }

  /** Fetches what was said before the oldest message of a pane. */
  async #older(pane: Pane): Promise<void> {
    const app = this.#app
    const session = app?.session
    const { chat, oldest } = pane
    if (app === null || session === undefined || session === null) return
    if (chat === null || pane.isWhole || pane.isLoading) return
    pane.isLoading = true
    try {
      const query = oldest === undefined ? {} : { before: oldest }
      const views = await session.history(chat, { ...query, limit: PAGE })
      pane.isWhole = views.length < PAGE
      this.#renew(views)
      countShown(app, views)
    } catch (error) {
      app.showError(error)
    } finally {
      pane.isLoading = false
    }
    this.#screen?.schedule()
  }

  #renew(views: readonly MessageView[]): void {
    for (const view of views) this.#front?.renew(view)
  }

  #place(): string {
    const session = this.#app?.session ?? null
    if (session === null) return 'not logged in'
    return `${session.me.user}, ${session.status().connection.state}`
  }

  #listSoon(): void {
    this.#watch()
    this.#listing ??= this.#clock.after(LIST_MS, () => {
      void this.#list().finally(() => {
        this.#listing = null
      })
    })
  }

  async #list(): Promise<void> {
    const session = this.#app?.session ?? null
    const chats = session === null ? [] : await session.chats().catch(() => [])
    this.#chats = chats.map((each) => listed(each, this.#ui?.theme.glyphs.verified ?? ''))
    this.#screen?.schedule()
  }

  /** What becomes of messages that stand in a pane, and those that nobody prints: of muted chats, of files. */
  #watch(): void {
    queueMicrotask(() => {
      // the App listens first: the first listener gets what came before
      const session = this.#app?.session ?? null
      if (session === null || session === this.#watched?.session) return
      this.#watched?.off()
      const off = session.on((event) => {
        this.#event(event)
      })
      this.#watched = { session, off }
    })
  }

  #event(event: ClientEvent): void {
    switch (event.type) {
      case 'message': {
        const { message } = event
        const pane = this.#panes.of(message.chat)
        if (pane?.has(message.number) === false || event.fills) this.#renew([message])
        break
      }
      case 'message-change':
        this.#renew([event.message])
        break
      case 'message-expired':
        this.#panes.of(event.chat)?.remove(event.number)
        break
      case 'message-state':
      case 'file-offer':
      case 'file-progress':
      case 'file-done':
      case 'file-failed':
      case 'file-answer':
      case 'notice':
      case 'keys':
      case 'forced-logout':
      case 'closed':
        return
      case 'contact': {
        const pane = this.#panes.of(event.contact.user)
        if (pane !== undefined) pane.title = chatTitle(event.contact)
        break
      }
      case 'group':
      case 'connection':
      case 'direct':
      case 'restore':
        break
    }
    this.#listSoon()
    this.#screen?.schedule()
  }
}

function listed({ contact, group, unread, state }: ChatInfo, verified: string): ListedChat {
  return {
    role: contact === null ? 'chat' : peerRole(contact.acct),
    mark: contact?.trust === 'verified' ? verified : '',
    number: state.number,
    chat: group?.chat ?? contact?.user ?? state.user,
    unread,
    muted: state.mutedUntil > 0,
  }
}
