// Messages that were sent and could not be read: a placeholder stands where they belong, their sender is asked for them, and
// the placeholder fills itself when the answer comes (PROTOCOL 9.4).
import { randomBytes } from '../../crypto/random.ts'
import type { ResendReason } from '../../envelope/refusal.ts'
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { b, check, lit, map, opt, s, u } from '../../protocol/shape.ts'
import type { Records } from '../../storage/ports.ts'
import { type Bytes, hex } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { GroupCommit } from '../group-commit.ts'
import type { MessageLog } from '../messages/message-log.ts'
import type { MessageRow, PlaceholderReason } from '../messages/row.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Parties } from '../groups/parties.ts'
import { againId, gapKey } from './gap-key.ts'

const KIND = 'gap'
/** Something late may still come by itself; then three questions with growing patience. */
const WAITS_MS = [10_000, 10 * 60_000, 6 * 3_600_000] as const
const PER_REQUEST = 64
/** Somebody who only pretends to have sent things must not fill the disk with questions, nor take the room of others. */
const PER_SENDER = 500
/** Nor somebody who only says that others have sent things. */
const PER_TELLER = 64
const PAGE = 500

function keyOf(gap: Gap): string {
  return gapKey(gap, againId(gap.st, gap.i))
}

export interface Gap {
  /** hex */
  readonly conv: string
  /** Who sent it. */
  readonly acct: Bytes
  readonly dev: Bytes
  readonly st: Bytes
  readonly i: number
  readonly why: ResendReason
  readonly since: number
  /** Questions asked. */
  readonly tries: number
  /** Whoever says that it was sent; absent: seen here, in the stream itself. */
  readonly teller?: Bytes
}

const GAP = map({
  c: s(32),
  a: b(32),
  d: b(8),
  st: b(16),
  i: u,
  w: lit('nokey', 'gap', 'bad'),
  t: u,
  n: u,
  y: opt(b(32)),
})

const REASONS: Readonly<Record<ResendReason, PlaceholderReason>> = {
  nokey: 'no-key',
  gap: 'gap',
  bad: 'bad',
}

export function placeholderRow(
  gap: Gap,
  own: boolean,
  why: PlaceholderReason = REASONS[gap.why],
): Omit<MessageRow, 'number'> {
  return {
    key: keyOf(gap),
    conv: gap.conv,
    acct: gap.acct,
    dev: gap.dev,
    ts: gap.since,
    at: gap.since,
    payload: new Uint8Array(0),
    own,
    resent: false,
    placeholder: why,
  }
}

export interface GapDeps {
  readonly records: Records
  readonly acct: Bytes
  readonly parties: Parties
  readonly messages: MessageLog
  readonly outbox: () => Outbox
  readonly clock: Clock
  /** A placeholder now stands for something that is missing. */
  shown(row: MessageRow): void
  /** It stood for nothing. */
  removed(row: MessageRow): void
  /** The local store failed. */
  broken(error: unknown): void
}

export class Gaps {
  readonly #deps: GapDeps
  readonly #open = new Map<string, Gap>()
  /** How many of them by whose room they take. */
  readonly #openOf = new Map<string, number>()
  readonly #commit: GroupCommit<Gap>
  #timer: Timer | null = null
  #isAsking = false
  #stopped = false

  private constructor(deps: GapDeps) {
    this.#deps = deps
    this.#commit = new GroupCommit(async (gaps) => {
      const newest = new Map(gaps.map((gap) => [keyOf(gap), gap]))
      await deps.records.putMany(
        KIND,
        [...newest].map(([id, gap]) => ({
          id,
          body: encodeGap(gap),
          keys: { index: { all: 'yes' } },
        })),
      )
      return gaps.map(() => undefined)
    })
  }

  static async open(deps: GapDeps): Promise<Gaps> {
    const gaps = new Gaps(deps)
    let after: string | null = null
    for (;;) {
      const page = await deps.records.list(KIND, 'all', 'yes', after, PAGE)
      for (const record of page) gaps.#keep(record.id, decodeGap(record.body))
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) break
      after = last.id
    }
    gaps.#arm()
    return gaps
  }

  /** Durable when it resolves, with one flush. Beyond the room of who sent them, or says so, nothing is added. */
  async missing(gaps: readonly Gap[]): Promise<void> {
    const added: Promise<unknown>[] = []
    for (const gap of gaps) {
      // a group stream begins with the state of the group, which every other one does as well
      if (gap.i === 0 && this.#deps.parties.find(gap.conv)?.is === 'group') continue
      const key = keyOf(gap)
      const open = this.#openOf.get(roomOf(gap)) ?? 0
      const room = gap.teller === undefined ? PER_SENDER : PER_TELLER
      if (this.#open.has(key) || open >= room) continue
      this.#keep(key, gap)
      added.push(this.#commit.add(gap))
    }
    if (added.length === 0) return
    await Promise.all(added)
    this.#arm()
  }

  /** Whether it is among what is asked for: beyond the bound it is not, and gets no row either. */
  isOpen(gap: Gap): boolean {
    return this.#open.has(keyOf(gap))
  }

  /** It came, by itself or again. */
  async filled(key: string): Promise<void> {
    const gap = this.#open.get(key)
    if (gap === undefined) return
    this.#open.delete(key)
    const room = roomOf(gap)
    this.#openOf.set(room, (this.#openOf.get(room) ?? 1) - 1)
    await this.#deps.records.delete(KIND, key)
  }

  /** Nobody asks any more for what is missing in this conversation. */
  async forget(conv: string): Promise<void> {
    for (const [key, gap] of this.#open) if (gap.conv === conv) await this.filled(key)
  }

  /** What was missing is nothing to show: a receipt, for example. A placeholder that stands for it goes. */
  async needless(key: string): Promise<void> {
    await this.filled(key)
    const row = await this.#deps.messages.discard(key)
    if (row !== null) this.#deps.removed(row)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #keep(key: string, gap: Gap): void {
    const room = roomOf(gap)
    if (!this.#open.has(key)) this.#openOf.set(room, (this.#openOf.get(room) ?? 0) + 1)
    this.#open.set(key, gap)
  }

  /** The next question is due. */
  #arm(): void {
    if (this.#stopped || this.#isAsking) return
    this.#timer?.cancel()
    this.#timer = null
    let soonest = Infinity
    for (const gap of this.#open.values()) soonest = Math.min(soonest, dueAt(gap) ?? Infinity)
    if (soonest === Infinity) return
    const wait = Math.max(0, soonest - this.#deps.clock.now())
    this.#timer = this.#deps.clock.after(wait, () => {
      this.#isAsking = true
      this.#ask().then(
        () => {
          this.#isAsking = false
          this.#arm()
        },
        (error: unknown) => {
          if (!this.#stopped) this.#deps.broken(error)
        },
      )
    })
  }

  async #ask(): Promise<void> {
    const now = this.#deps.clock.now()
    const due = [...this.#open.values()].filter((gap) => (dueAt(gap) ?? Infinity) <= now)
    const groups = new Map<string, Gap[]>()
    for (const gap of due) {
      const key = `${hex(gap.st)}${gap.why}`
      groups.set(key, [...(groups.get(key) ?? []), gap])
    }
    for (const gaps of groups.values()) {
      for (let at = 0; at < gaps.length; at += PER_REQUEST) {
        await this.#askFor(gaps.slice(at, at + PER_REQUEST))
      }
    }
  }

  /** After the last question only the placeholder stays; something very late still fills it. */
  async #asked(gap: Gap): Promise<void> {
    const key = keyOf(gap)
    if (dueAt(gap) === null) return this.filled(key)
    this.#keep(key, gap)
    await this.#commit.add(gap)
  }

  /** All of one stream and reason. */
  async #askFor(gaps: readonly Gap[]): Promise<void> {
    const { parties, messages, outbox, clock, acct } = this.#deps
    const [first] = gaps
    if (first === undefined || parties.find(first.conv) === undefined) return
    const own = hex(first.acct) === hex(acct)
    for (const gap of gaps) {
      const { fresh, row } = await messages.insert(placeholderRow(gap, own))
      if (fresh) this.#deps.shown(row)
    }
    // strangers are asked for nothing, and a contact under alarm is not believed
    if (parties.isAskable(first.conv, first.acct)) {
      const { st, why, dev } = first
      const i = gaps.map((gap) => gap.i)
      await outbox().add(
        { k: 'resend', id: randomBytes(16), ts: clock.now(), st, i, why },
        { conv: first.conv, acct: first.acct, only: dev },
      )
    }
    // last: what a crash interrupts is asked again at once, not in ten minutes
    for (const gap of gaps) {
      if (this.isOpen(gap)) await this.#asked({ ...gap, tries: gap.tries + 1 })
    }
  }
}

function roomOf({ conv, acct, teller }: Gap): string {
  return teller === undefined ? `${conv} ${hex(acct)}` : `${conv} told ${hex(teller)}`
}

/** Null: no further question. */
function dueAt(gap: Gap): number | null {
  const waits = WAITS_MS.slice(0, gap.tries + 1)
  return gap.tries >= WAITS_MS.length ? null : gap.since + waits.reduce((sum, ms) => sum + ms, 0)
}

function encodeGap(gap: Gap): Buffer {
  const { conv, acct, dev, st, i, why, since, tries, teller } = gap
  return encode({ c: conv, a: acct, d: dev, st, i, w: why, t: since, n: tries, y: teller })
}

function decodeGap(body: Bytes): Gap {
  const f = check(GAP, decodeStrict(body), 'gap')
  const gap = { conv: f.c, acct: f.a, dev: f.d, st: f.st, i: f.i, why: f.w, since: f.t, tries: f.n }
  return f.y === undefined ? gap : { ...gap, teller: f.y }
}
