// What becomes of one mail once it is opened, or does not open: side effects, rows and gaps before the acknowledgement, and what
// is shown of it afterwards (PROTOCOL 9.2, 9.4).
import { decodePayload } from '../../protocol/payloads.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { codeOf, type ErrorCode } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { BoundedMap } from '../../util/rate.ts'
import type { Emit } from '../emitter.ts'
import type { IncomingFiles } from '../files/incoming.ts'
import type { GroupDispatch } from '../groups/group-dispatch.ts'
import type { Parties } from '../groups/parties.ts'
import type { Inserted } from '../messages/message-log.ts'
import type { Content } from './arrival.ts'
import type { Dispatch } from './dispatch.ts'
import { againId, gapKey } from './gap-key.ts'
import { type Gap, type Gaps, placeholderRow } from './gaps.ts'
import { isForLater } from './later.ts'
import type { Mail, Opened, Result } from './opened.ts'
import type { Receipts } from './receipts.ts'
import type { Receiver } from './receivers.ts'

/** Messages before the first one seen of a stream that are asked for. */
const UNSEEN_MAX = 64
/** Streams without a head that are remembered: their names cost a lying server nothing. */
const HEADLESS_MAX = 1000

export interface TakingDeps {
  readonly acct: Bytes
  /** Between two, and in groups. */
  readonly dispatch: Dispatch
  readonly groupDispatch: GroupDispatch
  readonly parties: Parties
  readonly gaps: Gaps
  readonly receipts: Receipts
  readonly files: IncomingFiles
  readonly clock: Clock
  readonly log: Log
  readonly emit: Emit
  readonly userOf: (acct: Bytes) => string
  /** Shows a stored row. */
  readonly show: (inserted: Inserted, fills: boolean) => void
}

const RUBBISH = Symbol('rubbish')

/** What one mail left to be stored and shown. */
export interface Shown extends Content {
  readonly isPlaceholder: boolean
}

export class Taking {
  readonly #deps: TakingDeps
  /** Streams whose head is missing here. */
  readonly #headless = new BoundedMap<true>(HEADLESS_MAX)

  constructor(deps: TakingDeps) {
    this.#deps = deps
  }

  /** Side effects are durable afterwards; rows are on their way to the disk. */
  async take(mail: Mail, result: Result, contents: Shown[], touched: Set<Receiver>): Promise<void> {
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

  /** Its rows are stored, and the server knows. */
  async show(shown: Shown, result: Inserted | undefined): Promise<void> {
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
