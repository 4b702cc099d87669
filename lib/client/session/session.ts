// A logged-in device: the Session of api.ts over the parts that core.ts ties together. Starts them, ends them, and passes
// calls on.
import { codeOf, type ErrorCode, SecureChatError } from '../../util/errors.ts'
import type {
  ChatInfo,
  ChatRequest,
  HistoryQuery,
  Me,
  SafetyNumber,
  Session,
  SessionStatus,
} from '../api.ts'
import type { Archive } from '../archive/archive.ts'
import type { DirectApi } from '../direct-api.ts'
import { Emitter } from '../emitter.ts'
import type { ClientEvent, ContactInfo, MessageView, Offer, SentMessage } from '../events.ts'
import { Link, requireOnline } from '../link.ts'
import type { WhoApi } from '../who-api.ts'
import { LiveAccount } from './account-actions.ts'
import { begin, type SessionOptions } from './begin.ts'
import { buildCore } from './build-core.ts'
import { acceptFile, endFile, pauseFile, shownFiles, unpauseFile } from './file-actions.ts'
import type { Core } from './core.ts'
import { History } from './history.ts'
import { GroupActions } from './group-actions.ts'
import { LifeActions } from './life.ts'
import { logOut } from './log-out.ts'
import { RecordNotebook } from './notebook.ts'
import { PeopleActions } from './people-actions.ts'
import { reopen } from './reopen.ts'
import { meOf, statusOf } from './status.ts'
import { DailyUpkeep } from './upkeep.ts'
import { Writing } from './writing.ts'

export class LiveSession implements Session {
  readonly account: LiveAccount
  readonly archive: Archive
  readonly #core: Core
  readonly #options: SessionOptions
  readonly #writing: Writing
  readonly #people: PeopleActions
  readonly #history: History
  readonly life: LifeActions
  readonly groups: GroupActions
  readonly notebook: RecordNotebook
  #upkeep: DailyUpkeep | null = null
  #closing: Promise<void> | null = null

  private constructor(core: Core, options: SessionOptions) {
    this.#core = core
    this.archive = core.archive
    this.#options = options
    this.account = new LiveAccount({ ...options, core, close: () => this.close() })
    this.#writing = new Writing(core)
    this.#history = new History(core)
    this.life = new LifeActions(core, this.#writing, (work) => this.#open(work))
    this.groups = new GroupActions(core, (work) => this.#open(work))
    const { records } = core.profile.store
    this.notebook = new RecordNotebook(records, (work) => this.#open(work))
    this.#people = new PeopleActions(core, this.groups)
  }

  /** On failure the profile is closed and the wire as well. */
  static async start(options: SessionOptions): Promise<LiveSession> {
    const { deps, profile, wire } = options
    const emitter = new Emitter(deps.log)
    const link = new Link({
      clock: deps.clock,
      log: deps.log,
      open: (listed) => reopen(options, listed),
    })
    let session: LiveSession | null = null
    try {
      const core = await buildCore({
        deps,
        profile,
        link,
        emitter,
        broken: (error) => session?.broken(error),
      })
      session = new LiveSession(core, options)
      await session.#begin()
      return session
    } catch (error) {
      wire.destroy('E_CLOSED', 'The session did not start.')
      if (session === null) await profile.close()
      else await session.close()
      throw error
    }
  }

  get me(): Me {
    return meOf(this.#core, this.#options.server)
  }

  get direct(): DirectApi {
    return this.#core.direct
  }

  get who(): WhoApi {
    return this.#core.lookout
  }

  on(listener: (event: ClientEvent) => void): () => void {
    return this.#core.emitter.on(listener)
  }

  send(to: string, text: string): Promise<SentMessage> {
    return this.#open(() => this.#writing.send(to, text))
  }

  offerFile(to: string, path: string): Promise<Offer> {
    return this.#open(() => this.#writing.offerFile(to, path))
  }

  files(): Promise<readonly Offer[]> {
    return this.#open(() => Promise.resolve(shownFiles(this.#core)))
  }

  accept(number: number): Promise<Offer | ChatRequest> {
    return this.#open(async () => {
      const request = await this.#people.answerRequest(number, true)
      return request ?? acceptFile(this.#core, number)
    })
  }

  decline(number: number): Promise<Offer | ChatRequest> {
    return this.#open(async () => {
      const request = await this.#people.answerRequest(number, false)
      return request ?? endFile(this.#core, number, 'declined')
    })
  }

  cancel(number: number): Promise<Offer> {
    return this.#open(() => endFile(this.#core, number, 'cancelled'))
  }

  pause(number: number): Promise<Offer> {
    return this.#open(() => pauseFile(this.#core, number))
  }

  unpause(number: number): Promise<Offer> {
    return this.#open(() => unpauseFile(this.#core, number))
  }

  block(user: string): Promise<ContactInfo> {
    return this.#open(() => this.#people.block(user, true))
  }

  unblock(user: string): Promise<ContactInfo> {
    return this.#open(() => this.#people.block(user, false))
  }

  blocked(): readonly ContactInfo[] {
    return this.#people.blocked()
  }

  whois(user: string): Promise<ContactInfo> {
    return this.#open(() => this.#people.whois(user))
  }

  contacts(): readonly ContactInfo[] {
    return this.#people.contacts()
  }

  requests(): readonly ChatRequest[] {
    return this.#people.requests()
  }

  acceptContact(user: string): Promise<ContactInfo> {
    return this.#open(() => this.#people.acceptContact(user))
  }

  safetyNumber(user: string): Promise<SafetyNumber> {
    return this.#open(() => this.#people.safetyNumber(user))
  }

  setVerified(user: string, verified: boolean): Promise<ContactInfo> {
    return this.#open(() => this.#people.setVerified(user, verified))
  }

  trust(user: string): Promise<ContactInfo> {
    return this.#open(() => this.#people.trust(user))
  }

  chats(): Promise<readonly ChatInfo[]> {
    return this.#open(() => this.#history.chats())
  }

  history(chat: string, query?: HistoryQuery): Promise<readonly MessageView[]> {
    return this.#open(() => this.#history.page(chat, query))
  }

  message(number: number): Promise<MessageView | null> {
    return this.#open(() => this.#history.message(number))
  }

  unread(chat: string): Promise<readonly MessageView[]> {
    return this.#open(() => this.#history.unread(chat))
  }

  markRead(chat: string, upTo?: number): Promise<void> {
    return this.#open(() => this.#history.markRead(chat, upTo))
  }

  cancelMessage(number: number): Promise<boolean> {
    return this.#open(async () => {
      const row = await this.#core.messages.byNumber(number)
      return row?.own === true && (await this.#core.outbox.cancel(row.key))
    })
  }

  /** New inbox keys now; the connection comes back with new ones as well. */
  resetKeys(): Promise<{ readonly n: number }> {
    return this.#open(async () => {
      requireOnline(this.#core.link)
      const n = await this.#core.keyRing.rotateNow()
      this.#options.launchKey.renew()
      this.#core.link.reopen('New keys were asked for.')
      return { n }
    })
  }

  status(): SessionStatus {
    return statusOf(this.#core, this.#options.server)
  }

  reconnect(): void {
    this.#core.link.retryNow()
  }

  caughtUp(): Promise<void> {
    return this.#core.inbox.caughtUp()
  }

  async settled(): Promise<void> {
    const { outbox, transfers, messages } = this.#core
    await this.#writing.idle()
    await outbox.settled()
    await transfers.settled()
    await messages.idle()
  }

  staysSignedIn(): Promise<boolean> {
    return this.#open(() => this.#options.profile.staysSignedIn())
  }

  logout(options: { readonly removeDevice?: { readonly password: string } } = {}): Promise<void> {
    const close = (): Promise<void> => this.close()
    return this.#open(() => logOut(this.#core, this.#options, options.removeDevice, close))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** What a new account says about itself; the e-mail address stays sealed for the own devices. */
  introduce(displayName: string, email: string | undefined): Promise<void> {
    return this.#core.settings.set({ displayName }, email)
  }

  /** The local store failed: nothing more may be acknowledged or promised. */
  broken(error: unknown): void {
    if (this.#closing !== null) return
    const code = codeOf(error)
    const { log, emitter, link } = this.#core
    log.error('client.broken', { code, what: error instanceof Error ? error.message : '' })
    const text =
      'The data on this disk cannot be written any more (is it full?). Nothing is lost that was shown as sent. Free some space and start again.'
    emitter.emit({ type: 'notice', level: 'alarm', code, text })
    link.abort('E_STORE', text)
    void this.close()
  }

  async #begin(): Promise<void> {
    const { link, emitter } = this.#core
    link.onState((connection) => {
      emitter.emit({ type: 'connection', connection })
    })
    link.onFinal((code, text) => {
      this.#forceOut(code, text)
    })
    await this.#writing.repair()
    await begin(this.#core, this.#options)
    this.#upkeep = new DailyUpkeep(this.#core)
    this.#upkeep.start()
  }

  #forceOut(code: ErrorCode, text: string): void {
    if (this.#closing !== null || this.#core.own.isLeaving) return
    this.#core.emitter.emit({ type: 'forced-logout', code, text })
    // the device is none of the account any more: only the password leads back
    const isGone = code === 'E_NO_DEVICE' || code === 'E_AUTH'
    const ended = isGone ? this.#core.own.signOut() : Promise.resolve()
    void ended.catch(() => undefined).then(() => this.close())
  }

  async #close(): Promise<void> {
    const { emitter, log, states } = this.#core
    this.#upkeep?.stop()
    states.stop()
    try {
      await this.#core.stop()
    } catch (error) {
      log.warn('client.close', { code: codeOf(error) })
    }
    await this.#options.profile.close().catch((error: unknown) => {
      log.warn('client.close', { code: codeOf(error) })
    })
    emitter.emit({ type: 'closed' })
  }

  #open<T>(work: () => Promise<T>): Promise<T> {
    return this.#closing === null
      ? work()
      : Promise.reject(new SecureChatError('E_CLOSED', 'The session has ended.'))
  }
}
