// One file of mailboxes: what a waiting mail looks like in memory and on disk. Boxes are spread over several files so that
// a compaction stops only some of them, and not for long.
import { type Bytes, view } from '../../util/bytes.ts'
import { fail, type SecureChatError } from '../../util/errors.ts'
import type { Mail } from '../box-table.ts'
import { Collection, type CollectionOptions } from './collection.ts'
import type { Pausable } from './freeze.ts'

/** What becomes of an append: on disk, or acknowledged by the receiver before it had to be. */
export type Outcome = 'stored' | 'acked'

export interface Waiter {
  done(outcome: Outcome): void
  failed(error: unknown): void
}

export interface WaitingMail extends Mail {
  /** Base64 once it is on its way to the disk: NeDB keeps the very same string. */
  body: Bytes | string
  /** Whoever waits for its fate; undefined when that is decided. */
  waiters: Waiter[] | undefined
  isWritten: boolean
  /** Monotonic time at which a connected receiver was sent it; undefined when there was none. */
  readonly pushedAt: number | undefined
  /** Monotonic time at which it must go to the disk. */
  due: number
}

interface MailDoc {
  readonly _id: number
  readonly u: string
  /** Absent in files of versions that did not count senders. */
  readonly f?: string
  readonly i: string
  readonly e: number
  readonly b: string
}

function mailOf(doc: Partial<MailDoc>, path: string): WaitingMail {
  const { _id, u, f, i, e, b } = doc
  if (
    typeof _id !== 'number' ||
    typeof u !== 'string' ||
    (f !== undefined && typeof f !== 'string') ||
    typeof i !== 'string' ||
    typeof e !== 'number' ||
    typeof b !== 'string'
  ) {
    fail('E_CORRUPT', `${path} holds something that is no mail. Nothing was changed.`)
  }
  const size = Buffer.byteLength(b, 'base64')
  return {
    seq: _id,
    box: u,
    from: f ?? '',
    id: i,
    expires: e,
    size,
    body: b,
    waiters: undefined,
    isWritten: true,
    pushedAt: undefined,
    due: 0,
  }
}

export function bodyOf(mail: WaitingMail): Bytes {
  return typeof mail.body === 'string' ? Buffer.from(mail.body, 'base64') : mail.body
}

export class MailShard {
  readonly #collection: Collection<MailDoc>
  #dead: number[] = []

  private constructor(collection: Collection<MailDoc>) {
    this.#collection = collection
  }

  /** The mails come in the order of their numbers. */
  static async open(
    options: CollectionOptions,
  ): Promise<{ readonly shard: MailShard; readonly mails: readonly WaitingMail[] }> {
    const { collection, docs } = await Collection.open<MailDoc>(options)
    return {
      shard: new MailShard(collection),
      mails: docs.map((doc) => mailOf(doc, options.path)),
    }
  }

  get failure(): SecureChatError | null {
    return this.#collection.failure
  }

  get file(): Pausable {
    return this.#collection
  }

  /** Settles the mails' waiters; never rejects. */
  async write(mails: readonly WaitingMail[]): Promise<void> {
    const add = mails.map((mail): MailDoc => {
      if (typeof mail.body !== 'string') mail.body = view(mail.body).toString('base64')
      mail.isWritten = true
      const { seq, box, from, id, expires } = mail
      return { _id: seq, u: box, f: from, i: id, e: expires, b: mail.body }
    })
    try {
      await this.#collection.write({ add })
      for (const mail of mails) settle(mail, 'stored')
    } catch (error) {
      for (const mail of mails) refuse(mail, error)
    }
  }

  /** Forgets a written mail with the next `flushDead`. */
  bury(mail: WaitingMail): void {
    this.#dead.push(mail.seq)
  }

  get hasDead(): boolean {
    return this.#dead.length > 0
  }

  /** Without fdatasync: a mail that comes back after a power loss is delivered once more, no worse. */
  async flushDead(isDurable = false): Promise<void> {
    const stale = this.#dead
    if (stale.length === 0) return
    this.#dead = []
    await (isDurable ? this.#collection.write({ stale }) : this.#collection.writeLazily({ stale }))
  }

  close(): Promise<void> {
    return this.#collection.close()
  }
}

export function settle(mail: WaitingMail, outcome: Outcome): void {
  const waiters = mail.waiters
  mail.waiters = undefined
  for (const waiter of waiters ?? []) waiter.done(outcome)
}

function refuse(mail: WaitingMail, error: unknown): void {
  const waiters = mail.waiters
  mail.waiters = undefined
  for (const waiter of waiters ?? []) waiter.failed(error)
}
