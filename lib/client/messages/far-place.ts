// What is in memory of a line in the archive that stands far from where it arrived: whoever looks for a place needs no more of it.
// Pure.
import { isTimed, type Placed } from './place.ts'
import type { MessageRow } from './row.ts'

export interface FarPlace extends Placed {
  readonly before: number
  /** Position of its block among the far ones of its segment (blocks.ts). */
  readonly block: number
}

export type Line = MessageRow | FarPlace

export function isFar(line: Line): line is FarPlace {
  return 'block' in line
}

/** What stands elsewhere does so by its time. */
export function hasTime(line: Line): boolean {
  return isFar(line) || isTimed(line)
}
