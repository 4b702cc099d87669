// Where a line stands in its conversation: by the time at which it was said, whatever came first where, so that it is the same
// place on every device (PROTOCOL 9.2). Numbers are given as lines arrive; a line that does not stand where it arrived names
// the one it stands before.
import type { MessageRow } from './row.ts'
import { isBelieved } from './timing.ts'

export type Order = 'ascending' | 'descending'

/** What decides about the place of a line. */
export type Placed = Pick<MessageRow, 'number' | 'before' | 'ts' | 'key'>

/** When a line was said; of two at the same time, the one with the smaller id is first. */
export type Said = Pick<MessageRow, 'ts' | 'key'>

/** Other lines stand where they arrived: nobody knows when they were said, or nobody believes it. */
export function isTimed(row: Omit<MessageRow, 'number'>): boolean {
  return row.placeholder === undefined && row.aside === undefined && isBelieved(row)
}

export function placeOf({ before, number }: Pick<MessageRow, 'number' | 'before'>): number {
  return before ?? number
}

export function compareSaid(p: Said, q: Said): number {
  return p.ts - q.ts || Number(p.key > q.key) - Number(p.key < q.key)
}

export function compareLines(p: Placed, q: Placed): number {
  const place = placeOf(p) - placeOf(q)
  if (place !== 0) return place
  if (p.before === undefined || q.before === undefined) {
    return Number(p.before === undefined) - Number(q.before === undefined)
  }
  return compareSaid(p, q)
}

export function inPlace<R extends Placed>(lines: readonly R[], order: Order): R[] {
  const sign = order === 'ascending' ? 1 : -1
  return [...lines].sort((p, q) => sign * compareLines(p, q))
}

/** The first `limit` that are wanted behind `start`, in that order. `lines` are in place, ascending. */
export function behind<P extends Placed>(
  lines: readonly P[],
  start: Placed | null,
  limit: number,
  order: Order,
  isWanted: (line: P) => boolean,
): P[] {
  const found: P[] = []
  const add = (line: P | undefined): void => {
    if (line !== undefined && isWanted(line)) found.push(line)
  }
  if (order === 'ascending') {
    let at = start === null ? 0 : countOf(lines, (line) => compareLines(line, start) <= 0)
    for (; at < lines.length && found.length < limit; at++) add(lines[at])
  } else {
    let at = start === null ? lines.length : countOf(lines, (line) => compareLines(line, start) < 0)
    for (; at > 0 && found.length < limit; at--) add(lines[at - 1])
  }
  return found
}

/** How many at the beginning are so; none of those behind them is. */
export function countOf<P>(lines: readonly P[], isSo: (line: P) => boolean): number {
  let [low, high] = [0, lines.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const line = lines[middle]
    if (line !== undefined && isSo(line)) low = middle + 1
    else high = middle
  }
  return low
}

/** Where a line of this number stands by itself. */
export function border(number: number): Placed {
  return { number, ts: 0, key: '' }
}
