// All files on their way: offers out and in, their numbers and answers, what a restart goes on with (PROTOCOL 10).
import { FileLayout } from '../../envelope/file-chunks.ts'
import { LIMITS } from '../../protocol/limits.ts'
import type { Records } from '../../storage/ports.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import type { FileAnswer, Offer } from '../events.ts'
import { GroupCommit } from '../group-commit.ts'
import { Mover, type MoverDeps } from './mover.ts'
import {
  decodeTransfer,
  encodeTransfer,
  isActive,
  isOver,
  offerOf,
  type Transfer,
} from './transfer.ts'

const KIND = 'file'
const PAGE = 500

export interface TransferDeps extends MoverDeps {
  readonly records: Records
}

export class Transfers {
  readonly #deps: TransferDeps
  readonly #byNumber = new Map<number, Transfer>()
  /** Looked at with each offer that comes, and with each deletion: there may be any number of them. */
  readonly #byKey = new Map<string, number>()
  readonly #byMid = new Map<string, number>()
  readonly #mover: Mover
  readonly #commit: GroupCommit<number>
  readonly #settled: (() => void)[] = []
  #next = 1

  private constructor(deps: TransferDeps) {
    this.#deps = deps
    this.#mover = new Mover(deps, this)
    this.#commit = new GroupCommit(async (numbers) => {
      const items = [...new Set(numbers)].map((number) => {
        const t = this.get(number)
        const key = keyOf(t)
        return {
          id: String(number).padStart(12, '0'),
          body: encodeTransfer(t),
          keys: { unique: { key }, index: { all: 'yes' } },
        }
      })
      await deps.records.putMany(KIND, items)
      return numbers.map(() => undefined)
    })
  }

  static async open(deps: TransferDeps): Promise<Transfers> {
    const transfers = new Transfers(deps)
    let after: string | null = null
    for (;;) {
      const page = await deps.records.list(KIND, 'all', 'yes', after, PAGE)
      for (const record of page) {
        const t = decodeTransfer(record.body)
        transfers.#keep(t)
        transfers.#next = Math.max(transfers.#next, t.number + 1)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return transfers
      after = last.id
    }
  }

  /** One counter for everything a person answers by number: offers and chat requests. */
  nextNumber(): number {
    return this.#next++
  }

  /** A request took this number in an earlier run. */
  reserve(number: number): void {
    this.#next = Math.max(this.#next, number + 1)
  }

  all(): Transfer[] {
    return [...this.#byNumber.values()].sort((a, b) => a.number - b.number)
  }

  has(number: number): boolean {
    return this.#byNumber.has(number)
  }

  /** @throws E_NOT_FOUND */
  get(number: number): Transfer {
    return (
      this.#byNumber.get(number) ??
      fail('E_NOT_FOUND', `There is no offer number ${number}. !files lists them.`)
    )
  }

  /** Ids are chosen by the sender: only with the account they name a file. */
  find(direction: 'in' | 'out', acct: Bytes, fid: Bytes): Transfer | undefined {
    return this.#byNumber.get(this.#byKey.get(keyOf({ direction, acct, fid })) ?? NaN)
  }

  findByMid(mid: string): Transfer | undefined {
    return this.#byNumber.get(this.#byMid.get(mid) ?? NaN)
  }

  offer(t: Transfer): Offer {
    return offerOf(t, this.#deps.names)
  }

  get activeCount(): number {
    return this.all().filter(isActive).length
  }

  async put(t: Transfer): Promise<Transfer> {
    this.#keep(t)
    await this.#commit.add(t.number)
    this.#check()
    return t
  }

  /** So far; the disk hears of it later. */
  reached(number: number, chunks: number): void {
    this.#byNumber.set(number, { ...this.get(number), chunks })
  }

  /** Moves bytes from now on. */
  async start(number: number): Promise<Transfer> {
    const t = await this.put({ ...this.get(number), state: 'running' })
    this.#mover.start(t)
    return t
  }

  /** Stops moving and takes this state. */
  async halt(number: number, state: 'paused' | 'cancelled' | 'declined'): Promise<Transfer> {
    await this.#mover.halt(number)
    const t = this.get(number)
    if (isOver(t) && !(t.state === 'done' && t.direction === 'out')) return t
    const halted = await this.put({ ...t, state })
    if (state !== 'paused') await this.#mover.discard(halted)
    return halted
  }

  /** The receiver of an own file has answered. */
  async answered(
    fid: Bytes,
    { conv, acct }: { readonly conv: string; readonly acct: Bytes },
    chunks: number,
    done: boolean,
  ): Promise<void> {
    const t = this.all().find(
      (each) => each.direction === 'out' && each.conv === conv && equal(each.fid, fid),
    )
    if (t === undefined || t.receiver === 'received') return
    const complete = chunks >= new FileLayout(t.size).chunkCount
    const receiver = !done ? 'accepted' : complete ? 'received' : 'declined'
    if (!equal(t.acct, acct)) {
      await this.#answeredBy(t, acct, receiver)
      return
    }
    if (t.receiver === receiver) return
    let now = await this.put({ ...t, receiver })
    // straight from us, without the server
    if (receiver === 'received' && !isOver(now)) {
      now = await this.put({ ...now, chunks: new FileLayout(t.size).chunkCount, state: 'done' })
    }
    if (receiver === 'declined' && !isOver(now)) now = await this.halt(t.number, 'declined')
    if (done) await this.#mover.forgetOnServer(now)
    this.#deps.emit({ type: 'file-answer', offer: this.offer(now) })
  }

  /** One of a group: the file stays for the others. */
  async #answeredBy(t: Transfer, acct: Bytes, answer: FileAnswer): Promise<void> {
    const before = (t.answers ?? []).find(([each]) => equal(each, acct))
    if (before?.[1] === answer || before?.[1] === 'received') return
    const others = (t.answers ?? []).filter((each) => each !== before)
    if (others.length >= LIMITS.members) return
    const now = await this.put({ ...t, answers: [...others, [acct, answer]] })
    this.#deps.emit({ type: 'file-answer', offer: this.offer(now) })
  }

  /** Resolves when no upload is under way. */
  settled(): Promise<void> {
    if (!this.#uploads()) return Promise.resolve()
    return new Promise((resolve) => {
      this.#settled.push(resolve)
    })
  }

  async stop(): Promise<void> {
    await this.#mover.stop()
    await this.#commit.idle()
    for (const resolve of this.#settled.splice(0)) resolve()
  }

  #keep(t: Transfer): void {
    this.#byNumber.set(t.number, t)
    this.#byKey.set(keyOf(t), t.number)
    this.#byMid.set(t.mid, t.number)
  }

  #uploads(): boolean {
    return this.all().some((t) => t.direction === 'out' && isActive(t))
  }

  #check(): void {
    if (this.#settled.length > 0 && !this.#uploads()) {
      for (const resolve of this.#settled.splice(0)) resolve()
    }
  }

  /** What moves by another way now starts or goes on. */
  wayChanged(): void {
    this.#mover.startAll()
  }
}

function keyOf({ direction, acct, fid }: Pick<Transfer, 'direction' | 'acct' | 'fid'>): string {
  return `${direction}:${hex(acct)}:${hex(fid)}`
}
