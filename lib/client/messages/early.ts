// Changes whose message is not here yet: kept for a week, bounded per conversation, applied when it comes (PROTOCOL 7.2).
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { check, map, s, u } from '../../protocol/shape.ts'
import type { Records } from '../../storage/ports.ts'
import {
  type Change,
  type Marks,
  MARKS,
  marksFrom,
  NO_MARKS,
  storedMarks,
  withChange,
  withRow,
} from './marks.ts'

const KIND = 'early'
const KEPT_MS = 7 * 24 * 3_600_000
const PER_CONVERSATION = 1000
/** Of one message, far below what a record holds: each of many accounts may have said its longest edit about nothing. */
const STORED_BYTES = 64 * 1024
const PAGE = 500

const STORED = map({ c: s(32), k: s(64), t: u, m: MARKS })

interface Waiting {
  readonly conv: string
  readonly key: string
  /** When the first of them arrived. */
  readonly since: number
  readonly marks: Marks
}

export class EarlyChanges {
  readonly #records: Records
  readonly #waiting = new Map<string, Waiting>()

  private constructor(records: Records) {
    this.#records = records
  }

  static async open(records: Records): Promise<EarlyChanges> {
    const early = new EarlyChanges(records)
    let after: string | null = null
    for (;;) {
      const page = await records.list(KIND, 'all', 'yes', after, PAGE)
      for (const { id, body } of page) {
        const { c, k, t, m } = check(STORED, decodeStrict(body), 'early change')
        early.#waiting.set(id, { conv: c, key: k, since: t, marks: marksFrom(m) })
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return early
      after = last.id
    }
  }

  /** Durable when it resolves. One too many is dropped. */
  async add(
    { conv, key }: { readonly conv: string; readonly key: string },
    change: Change,
    row: { readonly number: number; readonly at: number },
  ): Promise<void> {
    const id = idOf(conv, key)
    const known = this.#waiting.get(id)
    if (known === undefined && this.#count(conv) >= PER_CONVERSATION) return
    const { since = row.at, marks = NO_MARKS } = known ?? {}
    const next = { conv, key, since, marks: withRow(withChange(marks, change), row.number) }
    const body = encode({ c: conv, k: key, t: since, m: storedMarks(next.marks) })
    if (body.length > STORED_BYTES) return
    this.#waiting.set(id, next)
    await this.#records.put(KIND, id, body, { index: { all: 'yes' } })
  }

  find(conv: string, key: string): Marks | null {
    return this.#waiting.get(idOf(conv, key))?.marks ?? null
  }

  /** The message is here and has them. */
  async settled(conv: string, key: string): Promise<void> {
    await this.#drop(idOf(conv, key))
  }

  async forget(conv: string): Promise<void> {
    for (const [id, waiting] of this.#waiting) if (waiting.conv === conv) await this.#drop(id)
  }

  async sweep(now: number): Promise<void> {
    for (const [id, { since }] of this.#waiting) if (now - since > KEPT_MS) await this.#drop(id)
  }

  #count(conv: string): number {
    let count = 0
    for (const waiting of this.#waiting.values()) if (waiting.conv === conv) count++
    return count
  }

  async #drop(id: string): Promise<void> {
    if (this.#waiting.delete(id)) await this.#records.delete(KIND, id)
  }
}

function idOf(conv: string, key: string): string {
  return `${conv}/${key}`
}
