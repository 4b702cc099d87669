// Several chains as one sequence of items: each chain in its own order, between them by arrival time (PROTOCOL 11). Reads a
// page ahead and holds no more than one page of each.
import type { HistoryItem } from '../../envelope/history.ts'
import { type Bytes, compare } from '../../util/bytes.ts'
import type { ChainReader, ReadBatch } from './chain-reader.ts'
import type { ChainProgress } from './restore-state.ts'

interface Waiting {
  readonly item: HistoryItem
  /** How far the chain is when this item is applied. */
  readonly after: ChainProgress
}

export interface Merged {
  /** The chain it is in. */
  readonly dev: Bytes
  readonly item: HistoryItem
  /** A later version of a row that was there before. */
  readonly isChange: boolean
}

/** One chain on its way into the merge. */
export class MergedChain {
  readonly #reader: ChainReader
  /** Batches with an item younger than this are left for later. */
  readonly #upTo: number
  #waiting: Waiting[] = []
  #at = 0
  #progress: ChainProgress
  #stopped = false

  constructor(reader: ChainReader, progress: ChainProgress, upTo: number) {
    this.#reader = reader
    this.#progress = progress
    this.#upTo = upTo
  }

  /** How far it is applied. */
  get progress(): ChainProgress {
    return this.#progress
  }

  get first(): HistoryItem | undefined {
    return this.#waiting[this.#at]?.item
  }

  get isAtEnd(): boolean {
    return this.first === undefined && (this.#stopped || this.#reader.isAtEnd)
  }

  get isFirstAChange(): boolean {
    return (this.first?.n ?? 0) <= this.#progress.top
  }

  /** Reads until there is an item or the end. */
  async fill(): Promise<void> {
    while (this.first === undefined && !this.isAtEnd) {
      this.#waiting = []
      this.#at = 0
      const before = this.#reader.place
      const batches = await this.#reader.next()
      for (const batch of batches) {
        if (!this.#stopped) this.#add(batch)
      }
      // a page of batches that do not open: they are behind us
      const { seq, prev } = this.#reader.place
      if (this.#waiting.length === 0 && !this.#stopped && seq > before.seq) {
        this.#progress = moved(this.#progress, { seq, item: 0, prev: prev ?? undefined })
      }
    }
  }

  shift(): Merged {
    const first = this.#waiting[this.#at]
    if (first === undefined) throw new RangeError('nothing waits here')
    const isChange = this.isFirstAChange
    this.#at += 1
    const { top } = this.#progress
    this.#progress = { ...first.after, top: Math.max(top, first.item.n) }
    return { dev: this.#progress.dev, item: first.item, isChange }
  }

  #add({ seq, hash, prev, items }: ReadBatch): void {
    if (items.some(({ v }) => v > this.#upTo)) {
      this.#stopped = true
      return
    }
    const start = seq === this.#progress.seq ? this.#progress.item : 0
    for (const [index, item] of items.entries()) {
      if (index < start) continue
      const isLast = index === items.length - 1
      const at = isLast ? { seq: seq + 1, item: 0, prev: hash } : { seq, item: index + 1, prev }
      this.#waiting.push({ item, after: moved(this.#progress, at) })
    }
  }
}

function moved(
  progress: ChainProgress,
  { seq, item, prev }: { seq: number; item: number; prev: ChainProgress['prev'] },
): ChainProgress {
  const { dev, top, last } = progress
  return { dev, seq, item, top, last, ...(prev === undefined ? {} : { prev }) }
}

/** The next `limit` items, fewer when a page has to be read first; none at the end of all chains. */
export async function mergeNext(chains: readonly MergedChain[], limit: number): Promise<Merged[]> {
  await Promise.all(chains.map((chain) => chain.fill()))
  const merged: Merged[] = []
  for (;;) {
    const open = chains.filter((chain) => !chain.isAtEnd)
    const [first] = open.toSorted(byArrival)
    if (first === undefined || merged.length >= limit) return merged
    if (open.some((chain) => chain.first === undefined)) return merged
    merged.push(first.shift())
  }
}

/** Changes of rows are applied as soon as they are reached. */
function byArrival(a: MergedChain, b: MergedChain): number {
  if (a.first === undefined || b.first === undefined) return 0
  if (a.isFirstAChange !== b.isFirstAChange) return a.isFirstAChange ? -1 : 1
  const order = a.isFirstAChange ? 0 : a.first.at - b.first.at
  return order === 0 ? compare(a.progress.dev, b.progress.dev) : order
}
