// Finds the place of a line of the history among those that are here (place.ts). Reads only as far back as it must: most
// lines are younger than everything that their device said before, and that is remembered.
import { hex } from '../../util/bytes.ts'
import { BoundedMap } from '../../util/rate.ts'
import type { Draft } from './draft.ts'
import { changeOf } from './marks.ts'
import { compareLines, inPlace, LOOK_BACK, placeAmong } from './place.ts'
import type { MessageRow } from './row.ts'
import { type RowTable, whichOf } from './row-table.ts'

/** Devices in conversations. */
const REMEMBERED = 10_000

export interface Coming {
  /** Behind what came live, not into the numbers that are kept for the history. */
  readonly isLate: boolean
  /** Its device had said nothing with a later time before, as far as another device of ours tells. */
  readonly isInOrder: boolean
}

export class Places {
  readonly #table: RowTable
  /** When a device said the last thing that the history brought back. */
  readonly #latest = new BoundedMap<number>(REMEMBERED)

  constructor(table: RowTable) {
    this.#table = table
  }

  /** `draft`: what is written together with it. */
  async of(
    row: MessageRow,
    draft: Draft,
    { isLate, isInOrder }: Coming,
  ): Promise<Pick<MessageRow, 'before'>> {
    if (row.placeholder !== undefined || row.aside !== undefined || changeOf(row) !== null)
      return {}
    const key = `${row.conv}${hex(row.acct)}${hex(row.dev)}`
    const latest = isLate ? undefined : this.#latest.get(key)
    if (latest !== undefined && row.ts >= latest) {
      this.#latest.set(key, row.ts)
      return {}
    }
    for (const limit of LOOK_BACK) {
      const lines = await this.#lines(row, isLate, limit, draft)
      const { before, newest, isKnown } = placeAmong(row, lines, { isLate, isInOrder })
      if (!isKnown && lines.length >= limit && limit !== LOOK_BACK.at(-1)) continue
      if (!isLate) this.#latest.set(key, Math.max(latest ?? 0, newest))
      return before === null ? {} : { before }
    }
    return {}
  }

  /** Newest first: those that stand before its number. */
  async #lines(
    { conv, number, ts }: MessageRow,
    isLate: boolean,
    limit: number,
    { rows }: Draft,
  ): Promise<MessageRow[]> {
    const stored = await this.#table.list(
      'lines',
      conv,
      isLate ? null : number,
      limit,
      'descending',
    )
    const drafted = [...rows.values()].filter(
      (row) =>
        row.conv === conv &&
        ['lines', 'placed'].includes(whichOf(row)) &&
        compareLines(row, { number, ts }) < 0,
    )
    const lines = [...drafted, ...stored.filter(({ key }) => !rows.has(key))]
    return inPlace(lines, 'descending').slice(0, limit)
  }
}
