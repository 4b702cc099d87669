// The lines of a conversation in the archive that stand far from where they arrived. Whoever wants to can send any number of
// them: only their places are in memory, and a row is read when it is asked for.
import { BoundedMap } from '../../util/rate.ts'
import type { Archive } from './archive.ts'
import { type FarPlace, isFar, type Line } from './far-place.ts'
import { behind, inPlace, type Order, type Placed } from './place.ts'
import type { MessageRow } from './row.ts'
import { segmentOf } from './segment.ts'

/** Conversations whose places are kept in order. */
const KEPT = 1000

type IsWanted = (line: FarPlace) => boolean

export class FarLines {
  readonly #archive: Archive
  readonly #kept = new BoundedMap<{
    readonly version: number
    readonly places: readonly FarPlace[]
  }>(KEPT)

  constructor(archive: Archive) {
    this.#archive = archive
  }

  /** The first `limit` that stand behind `start`, in that order. */
  behind(
    conv: string,
    start: Placed | null,
    limit: number,
    order: Order,
    isWanted: IsWanted,
  ): FarPlace[] {
    return behind(this.#of(conv), start, limit, order, isWanted)
  }

  /** The first `limit` that arrived behind `from`, in that order. */
  arrived(
    conv: string,
    from: number | null,
    limit: number,
    order: Order,
    isWanted: IsWanted,
  ): FarPlace[] {
    const sign = order === 'ascending' ? 1 : -1
    const isBehind = ({ number }: Placed): boolean => from === null || sign * (number - from) > 0
    const found: FarPlace[] = []
    const segments = [...this.#archive.segmentsOf(conv)]
    if (order === 'descending') segments.reverse()
    for (const segment of segments) {
      const places = this.#archive.farOf(segment, conv)
      const more = places.filter((place) => isBehind(place) && isWanted(place))
      found.push(...more.sort((p, q) => sign * (p.number - q.number)))
      if (found.length >= limit) break
    }
    return found.slice(0, limit)
  }

  /** The same lines, each with its row. */
  async rows(lines: readonly Line[]): Promise<MessageRow[]> {
    const rows = new Map<number, MessageRow | null>()
    // each block once
    const far = lines.filter(isFar).sort((p, q) => segmentOf(p.number) - segmentOf(q.number))
    for (const { number } of far) rows.set(number, await this.#archive.byNumber(number))
    return lines.flatMap((line) => (isFar(line) ? (rows.get(line.number) ?? []) : line))
  }

  #of(conv: string): readonly FarPlace[] {
    const { version } = this.#archive
    const kept = this.#kept.get(conv)
    if (kept?.version === version) return kept.places
    const segments = this.#archive.segmentsOf(conv)
    const places = inPlace(
      segments.flatMap((segment) => this.#archive.farOf(segment, conv)),
      'ascending',
    )
    this.#kept.set(conv, { version, places })
    return places
  }
}
