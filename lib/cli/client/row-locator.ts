// Where a printed row is now, counted up from the live block, or that it cannot be known. Pure bookkeeping for patching
// two cells of a row in place: it would rather say no than be one row off (TERMINAL section 2, "ticks in place").

/** Tracked rows; older ones have scrolled away on any terminal. */
const MAX_TRACKED = 300

export class RowLocator {
  /** Tracked rows, counted from the first one ever printed. */
  readonly #rows = new Map<string, number>()
  #printed = 0
  /** Rows before this one are lost: one behind them may take two rows on some terminals. */
  #from = 0
  /**
   * Rows that may be free below the block, because it shrank or the terminal grew. May be too small only as long as
   * nothing has scrolled since start(), and then no row of ours can have left the screen.
   */
  #slack = 0

  /** The next row printed is the first of entry `id`. */
  track(id: string): void {
    this.#rows.delete(id)
    this.#rows.set(id, this.#printed)
    const [oldest] = this.#rows.keys()
    if (this.#rows.size > MAX_TRACKED && oldest !== undefined) this.#rows.delete(oldest)
  }

  /** One row was printed; `certain`: it takes exactly one row on every terminal. */
  print(certain: boolean): void {
    this.#printed++
    this.#slack--
    if (!certain) this.#from = this.#printed
  }

  /** The block was drawn again, behind the rows printed since. */
  drawn(rowsBefore: number, rowsNow: number): void {
    this.#slack = Math.max(0, this.#slack + rowsBefore - rowsNow)
  }

  /** The terminal got `rows` more rows; they may be below the block. */
  grown(rows: number): void {
    this.#slack = Math.max(0, this.#slack) + rows
  }

  /** All was painted from the top; so many rows are free below. */
  painted(slack: number): void {
    this.#slack = slack
  }

  /** Nothing printed so far can be found again. */
  forget(): void {
    this.#rows.clear()
    this.#from = this.#printed
  }

  /** How many rows above the cursor entry `id` begins; null: unknown, or not on the screen any more. */
  above(id: string, block: { rows: number; cursor: number }, screenRows: number): number | null {
    const row = this.#rows.get(id)
    if (row === undefined || row < this.#from) return null
    const up = this.#printed - row + block.cursor
    const highest = screenRows - this.#slack - block.rows + block.cursor
    return up > highest ? null : up
  }
}
