// The messenger behind any front: which server, who is logged in, which chat is open, which questions wait.
// What a typed line does is in dispatch.ts, how an event is worded in present.ts.
import type { Connect, Session, Target, Unauthenticated } from '../../client/api.ts'
import type { ClientEvent } from '../../client/events.ts'
import type { ClientDeps } from '../../client/ports.ts'
import { codeOf, fail, SecureChatError } from '../../util/errors.ts'
import { EXIT, type ExitCode, exitCodeOf } from '../exit-codes.ts'
import { chatWord } from './chat-words.ts'
import type { Front } from './front.ts'
import { OwnPreferences } from './own-preferences.ts'
import type { Sound } from './media/sound.ts'

/** Reserved as usernames, so that they can mean oneself (PROTOCOL 5.1). */
const NOTES: readonly string[] = ['me', 'notes']

export interface AppOptions {
  readonly connect: Connect
  readonly deps: ClientDeps
  readonly front: Front
  readonly lock: boolean
  /** Shows an event. */
  readonly present: (event: ClientEvent, app: App) => void
  /** Ends the program: the front restores the terminal, then the process ends with this reason's exit code. */
  readonly quit: () => void
  /** For `!wait` and the like. */
  readonly sleep: (ms: number) => Promise<void>
  /** The password that came with the start of the program, for whoever has no terminal to ask on. */
  readonly password?: () => Promise<string | undefined>
  /** For `!voice` and `!play`. */
  readonly sound?: Sound
}

interface Asked {
  withdraw(): void
  /** It can still be answered. */
  stands(): boolean
}

export class App {
  readonly front: Front
  readonly deps: ClientDeps
  readonly lock: boolean
  readonly sleep: (ms: number) => Promise<void>
  readonly preferences: OwnPreferences
  readonly sound: Sound | undefined
  readonly #quit: () => void
  readonly #password: (() => Promise<string | undefined>) | undefined
  readonly #connect: Connect
  readonly #present: (event: ClientEvent, app: App) => void
  readonly #eventListeners: ((event: ClientEvent) => void)[] = []
  readonly #sessionListeners: ((session: Session | null) => void)[] = []
  readonly #undelivered = new Map<string, ExitCode>()
  readonly #questions = new Map<number, Asked>()
  #target: Target | null = null
  #lobby: Unauthenticated | null = null
  #session: Session | null = null
  #chat: string | null = null
  #chatConv = ''
  #ended = false
  #closing = false

  constructor(options: AppOptions) {
    this.front = options.front
    this.deps = options.deps
    this.lock = options.lock
    this.#quit = options.quit
    this.#password = options.password
    this.sleep = options.sleep
    this.sound = options.sound
    this.#connect = options.connect
    this.#present = options.present
    this.front.contacts?.(() => this.#session?.contacts() ?? [])
    this.preferences = new OwnPreferences(options.deps.log)
    this.preferences.onChange((now) => {
      this.front.preferences?.(now)
    })
    this.onSession((session) => {
      this.preferences.use(session)
    })
  }

  get session(): Session | null {
    return this.#session
  }

  /** Somebody is logged in from now on, or (null) nobody. */
  onSession(tell: (session: Session | null) => void): void {
    this.#sessionListeners.push(tell)
  }

  /** What was shown, afterwards. */
  onEvent(tell: (event: ClientEvent) => void): void {
    this.#eventListeners.push(tell)
  }

  /** Somebody has asked to leave. */
  get ended(): boolean {
    return this.#ended
  }

  async givenPassword(): Promise<string | undefined> {
    return this.front.forms === null ? this.#password?.() : undefined
  }

  get chat(): string | null {
    return this.#chat
  }

  quit(): void {
    this.#ended = true
    this.#quit()
  }

  /** @throws E_NOT_LOGGED_IN with the words to type next */
  requireSession(): Session {
    return (
      this.#session ??
      fail('E_NOT_LOGGED_IN', 'Log in or register first: !login, !register (or !help).')
    )
  }

  /** The connection before login, made anew when the server has closed the old one. */
  async lobby(): Promise<Unauthenticated> {
    if (this.#session !== null) fail('E_STATE', 'You are logged in. !logout first.')
    if (this.#target === null) fail('E_CONNECT', 'No server yet. Start again with its address.')
    this.#lobby ??= await this.connect(this.#target)
    return this.#lobby
  }

  async connect(target: Target): Promise<Unauthenticated> {
    const lobby = await this.#connect(this.deps, target)
    this.#target = target
    this.#lobby = lobby
    void lobby.closed.then(({ code, reason }) => {
      if (this.#lobby !== lobby) return
      this.#lobby = null
      if (code !== 'E_CLOSED') this.front.row('!', reason)
    })
    return lobby
  }

  /** Takes over a fresh session: shows its events from now on. */
  enter(session: Session): void {
    this.#lobby = null
    this.#session = session
    this.#place()
    for (const tell of this.#sessionListeners) tell(session)
    session.on((event) => {
      if (event.type === 'closed' || event.type === 'forced-logout') this.leave(session)
      if (this.#closing && event.type === 'connection') return // we hang up ourselves
      if (event.type === 'message-state') this.#tally(event)
      if (event.type === 'contact') this.#renamed(event.contact.conv, event.contact.user)
      if (event.type === 'group') this.#renamed(event.group.conv, event.group.chat)
      this.#present(event, this)
      if (event.type === 'direct') this.#place()
      if (event.type === 'contact' || event.type === 'group') this.#withdrawSettled()
      if (event.type === 'contact') this.#place() // whom one writes to may be verified now, or not any more
      for (const tell of this.#eventListeners) tell(event)
    })
  }

  /** What the first message that is held or has failed means to whoever cannot read the notice. */
  get undelivered(): ExitCode {
    return [...this.#undelivered.values()][0] ?? EXIT.ok
  }

  #tally({ mid, state, code }: Extract<ClientEvent, { type: 'message-state' }>): void {
    // held: it goes out by itself when what it waits for comes
    if (state === 'held') this.#undelivered.set(mid, EXIT.temporary)
    else if (state === 'failed') {
      this.#undelivered.set(mid, exitCodeOf(new SecureChatError(code ?? 'E_INTERNAL')))
    } else this.#undelivered.delete(mid)
  }

  /** The session is over, whoever ended it. */
  leave(session: Session): void {
    if (this.#session !== session) return
    this.#session = null
    this.#chat = null
    for (const question of this.#questions.values()) question.withdraw()
    this.#questions.clear()
    this.#place()
    for (const tell of this.#sessionListeners) tell(null)
  }

  /** What is said in this chat goes over a direct connection now. */
  isDirect(chat: string): boolean {
    const all = this.#session?.direct.list() ?? []
    return all.some(({ user, state }) => user === chat && state === 'up')
  }

  /** The name of the account has changed. */
  enterName(): void {
    this.#place()
  }

  /** `conv`: whoever is in it, the name may change while it is open. */
  openChat(chat: string | null, conv = ''): void {
    this.#chat = chat
    this.#chatConv = conv
    this.#place()
  }

  /** The conversation is called so now. */
  #renamed(conv: string, chat: string): void {
    if (this.#chat !== null && this.#chatConv === conv && this.#chat !== chat) {
      this.openChat(chat, conv)
    }
  }

  /**
   * A question that belongs to a transfer or request number, so that !accept and !decline can take it back. `stands`: it
   * was not answered by other means, as by writing back or on another device.
   */
  question(
    number: number,
    text: string,
    hint: string,
    answer: (yes: boolean) => Promise<unknown>,
    stands = (): boolean => true,
  ): void {
    this.#questions.get(number)?.withdraw()
    const asked = this.front.question(text, hint, (yes) => {
      this.#questions.delete(number)
      answer(yes).catch((error: unknown) => {
        this.showError(error)
      })
    })
    this.#questions.set(number, {
      withdraw: () => {
        asked.withdraw()
      },
      stands,
    })
  }

  #withdrawSettled(): void {
    for (const [number, asked] of this.#questions) {
      if (!asked.stands()) this.withdrawQuestion(number)
    }
  }

  isAsking(number: number): boolean {
    return this.#questions.has(number)
  }

  withdrawQuestion(number: number): void {
    this.#questions.get(number)?.withdraw()
    this.#questions.delete(number)
  }

  showError(error: unknown): SecureChatError {
    const coded =
      error instanceof SecureChatError
        ? error
        : new SecureChatError('E_INTERNAL', 'Something went wrong inside the program.', {
            cause: error,
          })
    if (coded.code === 'E_CANCELLED') this.front.row('*', 'Cancelled. Nothing was changed.')
    else this.front.rows('!', coded.message.split('\n'))
    if (codeOf(error) === 'E_INTERNAL') this.deps.log.error('internal', { what: String(error) })
    return coded
  }

  /** What the connection says while we hang up ourselves is no news. */
  async hangUp(work: () => Promise<void>): Promise<void> {
    this.#closing = true
    await work()
    this.#closing = false
  }

  async close(): Promise<void> {
    this.#closing = true
    this.sound?.stop()
    const session = this.#session
    const lobby = this.#lobby
    this.#lobby = null
    await Promise.all([session?.close(), lobby?.close()])
  }

  async say(user: string, text: string): Promise<void> {
    const session = this.requireSession()
    if (user === '') fail('E_USAGE', 'Who is it for? Example: @alice hello')
    if (text === '') fail('E_USAGE', `Nothing to send. Example: ${chatWord(user)} hello`)
    const sent = await session.send(NOTES.includes(user) ? session.me.user : user, text)
    await this.answered(sent.chat)
  }

  /** Whoever answers has read what was said before. */
  async answered(chat: string): Promise<void> {
    if (this.front.attended) await this.requireSession().markRead(chat)
  }

  #place(): void {
    const isDirect = this.#chat !== null && this.isDirect(this.#chat)
    this.front.place(this.#session?.me.user ?? null, this.#chat, isDirect)
  }
}
