// Mail as it comes: opened in order, stored, then acknowledged - a crash between any two steps only brings the mail again
// (PROTOCOL 9.2). Batches share their disk flushes.
//
// Order per batch, MUST: (1) rows and side effects durable; (2) stream states; (3) mail.ack; (4) events.
import { LIMITS } from '../../protocol/limits.ts'
import { equal } from '../../util/bytes.ts'
import { sleep } from '../../util/clock.ts'
import { codeOf, SecureChatError } from '../../util/errors.ts'
import type { KeyRing } from '../account/key-ring.ts'
import type { Link } from '../link.ts'
import type { Inserted, MessageLog } from '../messages/message-log.ts'
import type { Directory } from '../people/directory.ts'
import type { Push } from '../wire.ts'
import { Backlog } from './backlog.ts'
import type { Gossiper } from './gossiper.ts'
import { isOfDisk } from './later.ts'
import type { Mail, Opening } from './opened.ts'
import type { Receiver, Receivers } from './receivers.ts'
import { SideMails } from './side-mails.ts'
import { type Shown, Taking, type TakingDeps } from './taking.ts'

/** Mails per flush; between two of them keystrokes are served. */
const BATCH_MAX = 64
const YIELD_EVERY = 8
/** Twice what a server may send unacknowledged: more than that would only fill our memory (PROTOCOL 9.2). */
const QUEUE_MAX = 2 * LIMITS.unackedMails

export interface InboxDeps extends TakingDeps {
  readonly link: Link
  readonly opening: Opening
  readonly messages: MessageLog
  readonly receivers: Receivers
  readonly gossiper: Gossiper
  readonly directory: Directory
  readonly keyRing: () => KeyRing
  /** The rows of a batch are stored; it is acknowledged next. */
  readonly stored: () => Promise<void>
  /** The local store failed: nothing may be acknowledged any more. */
  readonly broken: (error: unknown) => void
}

export class Inbox {
  readonly #deps: InboxDeps
  readonly #taking: Taking
  #queue: Push[] = []
  #running: Promise<void> | null = null
  /** Grows with each connection: what a dead one brought is not acknowledged on the next. */
  #connection = 0
  #ready: Promise<void> = Promise.resolve()
  /** Everything that waited on the server when this connection began is taken. */
  readonly #backlog = new Backlog()
  readonly #side = new SideMails()
  #stopped = false

  constructor(deps: InboxDeps) {
    this.#deps = deps
    this.#taking = new Taking(deps)
    deps.link.add({
      online: (wire) => {
        const connection = ++this.#connection
        this.#backlog.begin()
        wire.onPush((pushes) => {
          this.#arrived(pushes, connection)
        })
      },
      offline: () => {
        // it all comes again
        this.#connection += 1
        this.#queue = this.#queue.filter((push) => this.#side.has(push))
        this.#backlog.begin()
      },
    })
  }

  /** Judges no mail before `work` is done. */
  holdUntil(work: Promise<void>): void {
    this.#ready = work
  }

  /** Resolves when what others wrote while we were away is known. @throws E_CLOSED when the connection ends first */
  caughtUp(): Promise<void> {
    return this.#backlog.wait()
  }

  /** Everything that has arrived is stored and acknowledged. */
  get idle(): boolean {
    return this.#running === null && this.#queue.length === 0
  }

  /** A mail that came on another way than from the server; resolves when it is stored. */
  take(mail: Mail): Promise<void> {
    if (this.#stopped) return Promise.reject(new SecureChatError('E_CLOSED'))
    const stored = this.#side.add(mail)
    this.#queue.push(mail)
    this.#wake()
    return stored
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#clear()
    this.#backlog.begin()
    await this.#running
  }

  #arrived(pushes: readonly Push[], connection: number): void {
    if (this.#stopped || connection !== this.#connection) return
    for (const push of pushes) this.#queue.push(push)
    if (this.#queue.length > QUEUE_MAX + this.#side.size) {
      this.#clear()
      this.#deps.link.reopen('The server sends more than it may before anything is acknowledged.')
      return
    }
    this.#wake()
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = null
    })
  }

  #clear(): void {
    this.#queue = []
    this.#side.clear()
  }

  async #run(): Promise<void> {
    await this.#ready
    while (this.#queue.length > 0) {
      const connection = this.#connection
      const [first] = this.#queue
      try {
        if (first?.t === 'mail') await this.#batch(connection)
        else if (first !== undefined) {
          this.#queue.shift()
          await this.#other(first)
        }
      } catch (error) {
        if (this.#stopped) return
        const code = codeOf(error)
        this.#deps.log.warn('client.inbox', { code })
        if (code === 'E_CLOSED' || code === 'E_TIMEOUT') return
        this.#deps.broken(error)
        return
      }
    }
  }

  async #other(push: Push): Promise<void> {
    const { keyRing, directory, acct, log } = this.#deps
    if (push.t === 'mail.end') {
      this.#backlog.taken()
      await keyRing().drained()
    } else if (push.t === 'dl.new' && equal(push.acct, acct)) {
      directory.refresh(acct).catch((error: unknown) => {
        log.warn('client.own-list', { code: codeOf(error) })
      })
    }
  }

  /** As many mails as are waiting, up to the first thing that is none. */
  async #batch(connection: number): Promise<void> {
    const { messages, receivers, gossiper, link } = this.#deps
    const contents: Shown[] = []
    const touched = new Set<Receiver>()
    const gossip: (() => Promise<void>)[] = []
    let last: Mail | null = null
    const side: Mail[] = []
    let failure: SecureChatError | undefined
    try {
      for (let count = 0; count < BATCH_MAX; count++) {
        if (count % YIELD_EVERY === YIELD_EVERY - 1) await sleep(this.#deps.clock, 0)
        const [mail] = this.#queue
        if (mail?.t !== 'mail' || connection !== this.#connection) break
        const result = await this.#deps.opening.open(mail)
        // what was opened is taken, whatever becomes of the connection: its key is used up
        try {
          await this.#taking.take(mail, result, contents, touched)
        } catch (error) {
          if (result.is === 'opened') result.undo()
          throw error
        }
        if (result.is === 'opened' && result.isBlocked !== true)
          gossip.push(() => gossiper.heard(result))
        if (this.#queue[0] === mail) this.#queue.shift()
        if (this.#side.has(mail)) side.push(mail)
        else last = mail
      }
    } catch (error) {
      failure =
        error instanceof SecureChatError
          ? error
          : new SecureChatError('E_INTERNAL', 'A mail could not be judged.', { cause: error })
    }
    let rows: Inserted[]
    try {
      rows = await Promise.all(contents.map((each) => messages.insert(each.row, each.replaces)))
      await this.#deps.stored()
      await receivers.save(touched)
    } catch (error) {
      receivers.forget(touched)
      throw error
    }
    if (last !== null && connection === this.#connection) link.ackMail(last.q)
    this.#side.stored(side)
    for (const [index, each] of contents.entries()) await this.#taking.show(each, rows[index])
    for (const tell of gossip) await tell()
    if (failure === undefined) return
    // a mail that could not be judged now must not be skipped: it comes again with the next connection
    this.#clear()
    if (failure.code === 'E_INTERNAL' || isOfDisk(failure)) throw failure
    this.#deps.log.info('client.inbox.later', { code: failure.code })
    if (connection === this.#connection) link.reopen('The server could not say who sent a message.')
  }
}
