// Mail as it comes: opened in order, stored, then acknowledged - a crash between any two steps only brings the mail again
// (PROTOCOL 9.2). Batches share their disk flushes.
//
// Order per batch, MUST: (1) rows and side effects durable; (2) stream states; (3) mail.ack; (4) events.
import { LIMITS } from '../../protocol/limits.ts'
import { decodePayload } from '../../protocol/payloads.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import { type Clock, sleep } from '../../util/clock.ts'
import { codeOf, type ErrorCode, SecureChatError } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { BoundedMap } from '../../util/rate.ts'
import type { KeyRing } from '../account/key-ring.ts'
import type { Emit } from '../emitter.ts'
import type { IncomingFiles } from '../files/incoming.ts'
import type { GroupDispatch } from '../groups/group-dispatch.ts'
import type { Parties } from '../groups/parties.ts'
import type { Link } from '../link.ts'
import type { Inserted, MessageLog } from '../messages/message-log.ts'
import type { Directory } from '../people/directory.ts'
import type { Push } from '../wire.ts'
import type { Content } from './arrival.ts'
import type { Dispatch } from './dispatch.ts'
import { Backlog } from './backlog.ts'
import { againId, gapKey } from './gap-key.ts'
import { type Gap, type Gaps, placeholderRow } from './gaps.ts'
import type { Gossiper } from './gossiper.ts'
import { isForLater, isOfDisk } from './later.ts'
import type { Mail, Opened, Opening, Result } from './opened.ts'
import type { Receipts } from './receipts.ts'
import type { Receiver, Receivers } from './receivers.ts'
import { SideMails } from './side-mails.ts'

/** Mails per flush; between two of them keystrokes are served. */
const BATCH_MAX = 64
const YIELD_EVERY = 8
/** Messages before the first one seen of a stream that are asked for. */
const UNSEEN_MAX = 64
/** Streams without a head that are remembered: their names cost a lying server nothing. */
const HEADLESS_MAX = 1000
/** Twice what a server may send unacknowledged: more than that would only fill our memory (PROTOCOL 9.2). */
const QUEUE_MAX = 2 * LIMITS.unackedMails

export interface InboxDeps {
  readonly acct: Bytes
  readonly link: Link
  readonly opening: Opening
  /** Between two, and in groups. */
  readonly dispatch: Dispatch
  readonly groupDispatch: GroupDispatch
  readonly parties: Parties
  readonly messages: MessageLog
  readonly receivers: Receivers
  readonly gaps: Gaps
  readonly receipts: Receipts
  readonly gossiper: Gossiper
  readonly directory: Directory
  readonly files: IncomingFiles
  readonly keyRing: () => KeyRing
  readonly clock: Clock
  readonly log: Log
  readonly emit: Emit
  readonly userOf: (acct: Bytes) => string
  /** Shows a stored row. */
  readonly show: (inserted: Inserted, fills: boolean) => void
  /** The rows of a batch are stored; it is acknowledged next. */
  readonly stored: () => Promise<void>
  /** The local store failed: nothing may be acknowledged any more. */
  readonly broken: (error: unknown) => void
}

const RUBBISH = Symbol('rubbish')

/** What one mail left to be stored and shown. */
interface Shown extends Content {
  readonly isPlaceholder: boolean
}

export class Inbox {
  readonly #deps: InboxDeps
  #queue: Push[] = []
  #running: Promise<void> | null = null
  /** Streams whose head is missing here. */
  readonly #headless = new BoundedMap<true>(HEADLESS_MAX)
  /** Grows with each connection: what a dead one brought is not acknowledged on the next. */
  #connection = 0
  #ready: Promise<void> = Promise.resolve()
  /** Everything that waited on the server when this connection began is taken. */
  readonly #backlog = new Backlog()
  readonly #side = new SideMails()
  #stopped = false

  constructor(deps: InboxDeps) {
    this.#deps = deps
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
          await this.#taken(mail, result, contents, touched)
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
    for (const [index, each] of contents.entries()) await this.#show(each, rows[index])
    for (const tell of gossip) await tell()
    if (failure === undefined) return
    // a mail that could not be judged now must not be skipped: it comes again with the next connection
    this.#clear()
    if (failure.code === 'E_INTERNAL' || isOfDisk(failure)) throw failure
    this.#deps.log.info('client.inbox.later', { code: failure.code })
    if (connection === this.#connection) link.reopen('The server could not say who sent a message.')
  }

  /** Side effects are durable afterwards; rows are on their way to the disk. */
  async #taken(
    mail: Mail,
    result: Result,
    contents: Shown[],
    touched: Set<Receiver>,
  ): Promise<void> {
    const { gaps } = this.#deps
    if (result.is === 'nothing') {
      if (result.code !== null) this.#warn(result.code, result.user)
      if (result.receiver !== undefined) touched.add(result.receiver)
      return
    }
    if (result.is === 'unreadable') {
      await this.#unreadable(mail, result, contents)
      if (result.receiver !== null) touched.add(result.receiver)
      return
    }
    const { message, conv, receiver, skipped } = result
    if (result.isBlocked === true) {
      touched.add(receiver)
      return
    }
    const { from, st } = receiver.stream
    if (this.#deps.parties.isHeard(conv, from.acct)) {
      await gaps.missing(skipped.map((i) => this.#gap(mail, conv, i, 'gap')))
    }
    const late = gapKey(from, againId(st, message.i))
    const found = await this.#content(result)
    touched.add(receiver)
    if (found === RUBBISH) {
      await this.#unreadable(mail, { is: 'unreadable', why: 'bad', conv, receiver }, contents)
      return
    }
    await gaps.filled(late)
    const [first, ...others] = found
    if (first !== undefined) contents.push({ replaces: late, ...first, isPlaceholder: false })
    else if (receiver.stream.next > message.i + 1) await gaps.needless(late)
    for (const each of others) contents.push({ ...each, isPlaceholder: false })
  }

  /** What a message is about can be rubbish, signed or not: that is the end of this message, never of the mail behind it. */
  async #content({
    message,
    conv,
    peer,
    receiver,
  }: Opened): Promise<readonly Content[] | typeof RUBBISH> {
    const { payload, bytes, mid } = message
    const { from, group } = receiver.stream
    const arrival = { conv, peer, from, payload, bytes, mid, resent: false }
    try {
      return group === undefined
        ? await this.#deps.dispatch.take(arrival)
        : await this.#deps.groupDispatch.take({ ...arrival, stream: group })
    } catch (error) {
      if (isForLater(error)) throw error
      const code = codeOf(error)
      this.#deps.log.warn('client.inbox.rubbish', { code, kind: payload.k })
      return RUBBISH
    }
  }

  async #unreadable(
    mail: Mail,
    result: Result & { readonly is: 'unreadable' },
    contents: Shown[],
  ): Promise<void> {
    const { parties, gaps, acct, log } = this.#deps
    const { conv } = result
    log.info('client.unreadable', { why: result.why })
    const own = equal(mail.f[0], acct)
    // nothing of a stranger is authentic before it opens
    if (!parties.isHeard(conv, mail.f[0])) return
    if (result.receiver === null && result.why === 'nokey') await this.#unseen(mail, conv)
    const why = result.why === 'removed' ? 'bad' : result.why
    const gap = this.#gap(mail, conv, mail.i, why)
    const shown = result.why === 'removed' ? 'removed-device' : undefined
    if (shown === undefined) {
      await gaps.missing([gap])
      if (!gaps.isOpen(gap)) return
    }
    contents.push({ row: placeholderRow(gap, own, shown), isPlaceholder: true })
  }

  /** The beginning of a stream that never came is missing as well; said once. */
  async #unseen(mail: Mail, conv: string): Promise<void> {
    const st = hex(mail.st)
    if (this.#headless.get(st) === true) return
    this.#headless.set(st, true)
    const first = Math.max(0, mail.i - UNSEEN_MAX)
    const before = Array.from({ length: mail.i - first }, (_, k) => first + k)
    await this.#deps.gaps.missing(before.map((i) => this.#gap(mail, conv, i, 'nokey')))
  }

  #gap(mail: Mail, conv: string, i: number, why: Gap['why']): Gap {
    const [acct, dev] = mail.f
    return { conv, acct, dev, st: mail.st, i, why, since: this.#deps.clock.now(), tries: 0 }
  }

  async #show(shown: Shown, result: Inserted | undefined): Promise<void> {
    const { gaps, receipts, files, show, emit } = this.#deps
    const { replaces, isPlaceholder } = shown
    if (result === undefined) return
    if (replaces !== undefined) await gaps.filled(replaces)
    const { row, fresh } = result
    if (!fresh) {
      if (
        !isPlaceholder &&
        row.payload.length > 0 && // else a placeholder, or deleted
        !equal(row.payload, shown.row.payload)
      ) {
        const text = 'A device sent two different messages under one name; the first one counts.'
        const user = this.#deps.userOf(row.acct)
        emit({ type: 'notice', level: 'warning', code: 'E_DUPLICATE', text, user })
      }
      return
    }
    show(result, result.replaced)
    if (isPlaceholder) return
    receipts.owe(row)
    if (row.offer === undefined || row.withheld === true || row.deleted === true) return
    if (decodePayload(row.payload).k === 'file') files.announce(row.offer)
  }

  #warn(code: ErrorCode, user: string | null): void {
    const who = user === null ? 'somebody' : `@${user}`
    this.#deps.log.warn('client.inbox.refused', { code })
    this.#deps.emit({
      type: 'notice',
      level: 'alarm',
      code,
      text: `A message from ${who} was dropped: it was also addressed to somebody who does not belong there, or its sender is not who the server says (${code}).`,
      ...(user === null ? {} : { user }),
    })
  }
}
