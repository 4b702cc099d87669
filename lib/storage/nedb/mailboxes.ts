// Mailboxes over sharded NeDB files. A mail for a connected receiver waits a little before it is written, because the
// receiver usually acknowledges it first and then nothing has to be written at all (write elision); a mail for an absent
// one is written with all that arrive in the same moment. Either way the sender hears `stored` only after fdatasync.
import type { Clock, Timer } from '../../util/clock.ts'
import { fail, SecureChatError } from '../../util/errors.ts'
import { BoxTable, type MailboxLimits } from '../box-table.ts'
import type { DiskSpace } from '../disk-space.ts'
import type { Appended, Entry, Incoming, Mailboxes } from '../ports.ts'
import { AckWindow } from './ack-window.ts'
import type { Pausable } from './freeze.ts'
import { Lazy } from './lazy.ts'
import { bodyOf, type MailShard, settle, type Waiter, type WaitingMail } from './mail-shard.ts'
import type { Sequence } from './sequence.ts'

export interface MailboxOptions {
  readonly limits: Partial<MailboxLimits>
  readonly shards: number
  /** How long a mail for an absent receiver may wait for company. 0 to 5. */
  readonly absentMs: number
  /** How long a mail for a connected receiver waits for its acknowledgement at least, see AckWindow. 20 to 50. */
  readonly connectedMs: number
  readonly clock: Clock
  readonly space: DiskSpace
  readonly sequence: Sequence
  openShard(
    index: number,
  ): Promise<{ readonly shard: MailShard; readonly mails: readonly WaitingMail[] }>
}

/** On disk a mail is base64 in JSON, sealed, in base64 again. */
const DISK_FACTOR = 2

const DISK_LOW = 'The disk is nearly full: no new mail is accepted. Free some space.'

/** FNV-1a over code units. The file a box is in follows from it, so it must never change. */
function hashOf(box: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < box.length; i++) {
    hash = Math.imul(hash ^ box.charCodeAt(i), 0x01000193)
  }
  return hash >>> 0
}

export class NedbMailboxes implements Mailboxes {
  readonly #options: MailboxOptions
  readonly #table: BoxTable<WaitingMail>
  readonly #shards: Lazy<number, MailShard>
  /** Not yet on the way to the disk, by box, in the order of seq. */
  readonly #pending = new Map<string, WaitingMail[]>()
  readonly #writes = new Set<Promise<void>>()
  /** While appends wait for their files: later ones pass after them, in turn. */
  #gate: Promise<unknown> | null = null
  readonly #ackWindow: AckWindow
  #timer: Timer | null = null
  #timerDue = Infinity
  #isClosed = false

  constructor(options: MailboxOptions) {
    this.#options = options
    this.#table = new BoxTable(options.limits)
    this.#ackWindow = new AckWindow(options.connectedMs)
    this.#shards = new Lazy((index) => this.#load(index))
  }

  append(
    items: readonly Incoming[],
    assigned?: (index: number, seq: number) => void,
  ): Promise<Appended[]> {
    return new Promise((resolve, reject) => {
      const accept = (): void => {
        this.#acceptAll(items, resolve, reject, assigned)
      }
      const prepared = this.#prepareFor(items)
      const before = this.#gate
      if (prepared === null && before === null) accept()
      else {
        const turn = Promise.allSettled([before, prepared])
          .then(async () => {
            await prepared
            accept()
          })
          .catch(reject)
          .then(() => {
            if (this.#gate === turn) this.#gate = null
          })
        this.#gate = turn
      }
    })
  }

  async read(box: string, after: number, limit: number): Promise<Entry[]> {
    await this.#open(box)
    return this.#table.list(box, after, limit).map((mail) => ({
      seq: mail.seq,
      id: mail.id,
      body: bodyOf(mail),
      expires: mail.expires,
    }))
  }

  async ack(box: string, upTo: number): Promise<void> {
    // an open file is the rule, and then nothing is waited for
    const isOpen = !this.#isClosed && this.#shards.peek(this.#indexOf(box)) !== undefined
    if (!isOpen) await this.#open(box)
    const shard = this.#shardOf(box)
    const mails = this.#table.takeUpTo(box, upTo)
    const pushedAt = mails[0]?.pushedAt
    if (pushedAt !== undefined) this.#ackWindow.took(this.#options.clock.monotonic() - pushedAt)
    this.#forget(shard, mails)
  }

  async usage(box: string): Promise<{ readonly count: number; readonly bytes: number }> {
    await this.#open(box)
    return this.#table.usage(box)
  }

  async total(): Promise<{ readonly count: number; readonly bytes: number }> {
    await this.openAll()
    return this.#table.total
  }

  async drop(box: string): Promise<void> {
    const shard = await this.#open(box)
    this.#forget(shard, this.#table.takeAll(box))
    await shard.flushDead(true)
  }

  async sweep(now: number): Promise<number> {
    await this.openAll()
    const expired = this.#table.takeExpired(now)
    for (const mail of expired) this.#forget(this.#shardOf(mail.box), [mail])
    return expired.length
  }

  /** Opens every file now rather than at its first use, and reserves the first numbers. */
  async openAll(): Promise<void> {
    const all = Array.from({ length: this.#options.shards }, (_, index) => this.#shards.get(index))
    await this.#prepare(all, 1)
  }

  files(): Pausable[] {
    return Array.from(this.#shards.opened(), (shard) => shard.file)
  }

  get hasFailed(): boolean {
    return [...this.#shards.opened()].some((shard) => shard.failure !== null)
  }

  /** Writes what is pending, refuses what comes later. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#gate
    // those who have just passed the gate are in before the last flush
    await new Promise(setImmediate)
    this.#timer?.cancel()
    this.#flush(Infinity)
    await Promise.all(this.#writes)
    await this.#options.sequence.settled()
    await this.#shards.close()
    await Promise.all(Array.from(this.#shards.opened(), (shard) => shard.close()))
  }

  #indexOf(box: string): number {
    return hashOf(box) % this.#options.shards
  }

  /** The open file of a box; throws what stopped it. */
  #shardOf(box: string): MailShard {
    const shard = this.#shards.peek(this.#indexOf(box))
    if (shard === undefined) fail('E_STORE', 'a file of mailboxes is not open')
    if (shard.failure !== null) throw shard.failure
    return shard
  }

  async #open(box: string): Promise<MailShard> {
    if (this.#isClosed) fail('E_CLOSED', 'the store is closed')
    await this.#shards.get(this.#indexOf(box))
    return this.#shardOf(box)
  }

  async #load(index: number): Promise<MailShard> {
    const { shard, mails } = await this.#options.openShard(index)
    for (const mail of mails) {
      this.#options.sequence.raise(mail.seq)
      this.#table.add(mail)
    }
    return shard
  }

  /** Null: the files of these boxes are open and there are numbers for them. Else resolves when it is so. */
  #prepareFor(items: readonly Incoming[]): Promise<void> | null {
    if (this.#isClosed) fail('E_CLOSED', 'the store is closed')
    const opening: Promise<unknown>[] = []
    for (const { box } of items) {
      const index = this.#indexOf(box)
      if (this.#shards.peek(index) === undefined) opening.push(this.#shards.get(index))
    }
    const isReady = opening.length === 0 && this.#options.sequence.ready(items.length) === null
    return isReady ? null : this.#prepare(opening, items.length)
  }

  async #prepare(opening: readonly Promise<unknown>[], count: number): Promise<void> {
    await Promise.all(opening)
    // only now: a file may hold numbers above the ceiling
    for (;;) {
      const numbers = this.#options.sequence.ready(count)
      if (numbers === null) return
      await numbers
    }
  }

  #acceptAll(
    items: readonly Incoming[],
    resolve: (results: Appended[]) => void,
    reject: (error: unknown) => void,
    assigned?: (index: number, seq: number) => void,
  ): void {
    for (const { box } of items) this.#shardOf(box)
    const results: Appended[] = new Array<Appended>(items.length)
    let open = items.length
    const finish = (index: number, result: Appended): void => {
      results[index] = result
      if (--open === 0) resolve(results)
    }
    if (open === 0) resolve(results)
    items.forEach((item, index) => {
      this.#accept(item, index, finish, reject, assigned)
    })
  }

  #accept(
    item: Incoming,
    index: number,
    finish: (index: number, result: Appended) => void,
    reject: (error: unknown) => void,
    assigned?: (index: number, seq: number) => void,
  ): void {
    const known = this.#table.find(item.box, item.id)
    if (known !== undefined) {
      const { seq } = known
      const done: Waiter['done'] = (outcome) => {
        finish(index, outcome === 'stored' ? { status: 'duplicate', seq } : { status: 'acked' })
      }
      if (known.waiters === undefined) done('stored')
      else known.waiters.push({ done, failed: reject })
      return
    }
    const size = item.body.length
    const refusal = this.#table.refusal(item, size)
    if (refusal !== null) {
      finish(index, { status: refusal })
      return
    }
    if (!this.#options.space.take(size * DISK_FACTOR)) {
      reject(new SecureChatError('E_DISK_FULL', DISK_LOW))
      return
    }
    const seq = this.#options.sequence.next()
    const now = this.#options.clock.monotonic()
    const done: Waiter['done'] = (outcome) => {
      finish(index, outcome === 'stored' ? { status: 'stored', seq } : { status: 'acked' })
    }
    this.#add({
      seq,
      box: item.box,
      from: item.from,
      id: item.id,
      size,
      expires: item.expires,
      body: item.body,
      waiters: [{ done, failed: reject }],
      isWritten: false,
      pushedAt: item.likelyAcked ? now : undefined,
      due: now + (item.likelyAcked ? this.#ackWindow.ms : this.#options.absentMs),
    })
    assigned?.(index, seq)
  }

  #add(mail: WaitingMail): void {
    this.#table.add(mail)
    const before = this.#pending.get(mail.box)
    if (before === undefined) this.#pending.set(mail.box, [mail])
    else before.push(mail)
    this.#arm(mail.due)
  }

  #forget(shard: MailShard, mails: readonly WaitingMail[]): void {
    for (const mail of mails) {
      if (mail.isWritten) shard.bury(mail)
      else this.#unpend(mail)
      settle(mail, 'acked')
    }
    if (shard.hasDead) this.#arm(this.#options.clock.monotonic() + this.#options.connectedMs)
  }

  /** Acknowledgements are cumulative, so this is nearly always the first of its box. */
  #unpend(mail: WaitingMail): void {
    const mails = this.#pending.get(mail.box)
    if (mails === undefined) return
    const at = mails.indexOf(mail)
    if (at >= 0) mails.splice(at, 1)
    if (mails.length === 0) this.#pending.delete(mail.box)
  }

  #arm(due: number): void {
    if (due >= this.#timerDue) return
    this.#timer?.cancel()
    this.#timerDue = due
    const delayMs = Math.max(0, due - this.#options.clock.monotonic())
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = null
      this.#timerDue = Infinity
      // first what this turn of the event loop has received: on a busy server those are the acknowledgements
      setImmediate(() => {
        this.#flush(this.#options.clock.monotonic())
      })
    })
  }

  /** Sends to the disk every box with a mail that is due, whole: what is behind an unacknowledged mail is unacknowledged. */
  #flush(now: number): void {
    const batches = new Map<MailShard, WaitingMail[]>()
    let nextDue = Infinity
    for (const [box, mails] of this.#pending) {
      const due = mails.reduce((first, mail) => Math.min(first, mail.due), Infinity)
      if (due > now) {
        nextDue = Math.min(nextDue, due)
        continue
      }
      this.#pending.delete(box)
      const shard = this.#shards.peek(this.#indexOf(box))
      if (shard === undefined) continue
      const batch = batches.get(shard)
      if (batch === undefined) batches.set(shard, mails)
      else batch.push(...mails)
    }
    for (const [shard, mails] of batches) this.#track(shard.write(mails))
    for (const shard of this.#shards.opened()) {
      // a failure here has already stopped the collection and is told to whoever comes next
      if (shard.hasDead) this.#track(shard.flushDead().catch(() => undefined))
    }
    if (nextDue < Infinity) this.#arm(nextDue)
  }

  #track(write: Promise<void>): void {
    this.#writes.add(write)
    void write.finally(() => this.#writes.delete(write))
  }
}
