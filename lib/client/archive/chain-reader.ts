// Reads the chain of one device of the account, page by page, and believes nothing the server says about it: each batch
// opens only in its place, follows the one before, and none may be missing (PROTOCOL 11).
import type { ArchiveKeys } from '../../envelope/archive-keys.ts'
import { batchHash, type HistoryBatch, openBatch } from '../../envelope/history.ts'
import type { AccountId } from '../../identity/conversation.ts'
import type { ReplyOf } from '../../protocol/frames.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import { type Clock, sleep } from '../../util/clock.ts'
import { codeOf } from '../../util/errors.ts'
import type { Link } from '../link.ts'
import { Refusal } from '../refusal.ts'

export interface BatchSource {
  readonly account: AccountId
  readonly link: Link
  readonly clock: Clock
  /** Oldest epoch first; the newest seals. */
  readonly archives: () => readonly ArchiveKeys[]
}

/** Where reading goes on. */
export interface ChainPlace {
  readonly dev: Bytes
  readonly seq: number
  /** H(d) of the batch before; null: not known, because that batch is missing. */
  readonly prev: Bytes | null
}

export interface ReadBatch extends HistoryBatch {
  readonly seq: number
  /** H(d) */
  readonly hash: Bytes
}

/** What is wrong with a chain; reading goes on behind it. */
export type ChainFault = 'E_GAP' | 'E_ROLLBACK' | 'E_FORK' | 'E_DECRYPT'

/** Null for every failure: another epoch, device, place, or damage. */
export function openFrom(
  { account, archives }: BatchSource,
  place: { readonly dev: Bytes; readonly seq: number; readonly e: number },
  d: Bytes,
): HistoryBatch | null {
  const keys = archives().find((archive) => archive.e === place.e)
  if (keys === undefined) return null
  const { srv, acct } = account
  const { dev, seq } = place
  try {
    return openBatch(keys, { srv, acct, dev, seq }, d)
  } catch (error) {
    if (codeOf(error) !== 'E_DECRYPT') throw error
    return null
  }
}

/** A page of a chain; waits when the server asks to. @throws E_CLOSED and whatever else ends a request */
export async function askFor(
  { link, clock }: BatchSource,
  place: { readonly dev: Bytes; readonly seq: number },
): Promise<ReplyOf<'hist.get'>['rows']> {
  for (;;) {
    try {
      const { rows } = await link.request('hist.get', { dev: place.dev, seq: place.seq })
      return rows
    } catch (error) {
      const after = error instanceof Refusal ? error.afterMs : undefined
      if (after === undefined) throw error
      await sleep(clock, after)
    }
  }
}

export class ChainReader {
  readonly #source: BatchSource
  readonly #last: number
  readonly #fault: (code: ChainFault) => void
  #place: ChainPlace

  /** `last`: the number of the last batch, as the server says or as was seen before. */
  constructor(
    source: BatchSource,
    place: ChainPlace,
    last: number,
    fault: (code: ChainFault) => void,
  ) {
    this.#source = source
    this.#place = place
    this.#last = last
    this.#fault = fault
  }

  get place(): ChainPlace {
    return this.#place
  }

  get isAtEnd(): boolean {
    return this.#place.seq > this.#last
  }

  /** The batches of the next page that open; possibly none. @throws what ends a request */
  async next(): Promise<ReadBatch[]> {
    const { dev, seq: from } = this.#place
    const read: ReadBatch[] = []
    for (const [seq, e, d] of await askFor(this.#source, this.#place)) {
      if (seq < this.#place.seq) continue
      if (seq > this.#last) break
      const batch = this.#take(seq, e, d)
      if (batch !== null) read.push(batch)
    }
    if (this.#place.seq === from && !this.isAtEnd) {
      // it said that there is more
      this.#fault('E_ROLLBACK')
      this.#place = { dev, seq: this.#last + 1, prev: null }
    }
    return read
  }

  #take(seq: number, e: number, d: Bytes): ReadBatch | null {
    const { dev, seq: expected, prev } = this.#place
    const hash = batchHash(d)
    const isNext = seq === expected
    if (!isNext) this.#fault('E_GAP')
    this.#place = { dev, seq: seq + 1, prev: hash }
    const batch = openFrom(this.#source, { dev, seq, e }, d)
    if (batch === null) {
      this.#fault('E_DECRYPT')
      return null
    }
    if (isNext && prev !== null && !equal(batch.prev, prev)) this.#fault('E_FORK')
    return { ...batch, seq, hash }
  }
}
