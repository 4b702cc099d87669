// What is on the terminal. Above: an append-only transcript, which is the terminal's own scrollback. At its end: the live
// block (transfers, status, the line being typed), erased and drawn again in one write with what is printed above it.
// Knows rows, not what they mean. TERMINAL section 2, "exact techniques".
import type { Clock, Timer } from '../../util/clock.ts'
import type { Theme } from '../theme.ts'
import { RowLocator } from './row-locator.ts'
import { type Entry, notice, paintRow, plainText, type Row, type Span } from './rows.ts'
import { CSI, type Terminal } from './terminal.ts'
import { widthBound } from './width.ts'

export interface Block {
  readonly rows: readonly Row[]
  /** Where the cursor is, from the top left of the block. */
  readonly row: number
  readonly col: number
}

export interface ScreenOptions {
  readonly terminal: Terminal
  readonly theme: Theme
  readonly clock: Clock
  /** The width changed and all is about to be painted anew: the block should be laid out again now. */
  readonly onLayout: () => void
  /** Quiet time after a narrowing that moved the block, before all is painted anew. 0: at once. */
  readonly settleMs: number
}

/** Entries kept to paint the screen anew after a resize. */
const KEPT_ENTRIES = 300
/** Entries that wait while a form has the terminal; older ones are dropped and counted. */
const MAX_QUEUED = 5000
const EMPTY: Block = { rows: [[]], row: 0, col: 0 }
const HIDE_CURSOR = `${CSI}?25l`
const SHOW_CURSOR = `${CSI}?25h`

interface Item {
  readonly entry: Entry
  readonly id: string | undefined
}

export class Screen {
  readonly #terminal: Terminal
  readonly #theme: Theme
  readonly #clock: Clock
  readonly #onLayout: () => void
  readonly #settleMs: number
  readonly #locator = new RowLocator()
  readonly #kept: Item[] = []
  #queue: Item[] = []
  #dropped = 0
  #wanted: Block = EMPTY
  /** What is on the terminal now; null: nothing of ours. */
  #shown: Block | null = null
  #shownCols: number
  #shownRows: number
  #scheduled = false
  #settling: Timer | null = null
  /**
   * plain: no block, entries are written as they come (before start() and after end()). held: somebody else has the
   * terminal, entries wait.
   */
  #state: 'plain' | 'up' | 'held' = 'plain'

  constructor(options: ScreenOptions) {
    this.#terminal = options.terminal
    this.#theme = options.theme
    this.#clock = options.clock
    this.#onLayout = options.onLayout
    this.#settleMs = options.settleMs
    this.#shownCols = this.#terminal.cols
    this.#shownRows = this.#terminal.rows
  }

  get up(): boolean {
    return this.#state === 'up'
  }

  /** Appends to the transcript. With an id, its first row can be patched later. */
  print(entry: Entry, id?: string): void {
    if (this.#terminal.gone) return
    if (this.#state === 'plain') {
      this.printNow(entry)
      return
    }
    this.#queue.push({ entry, id })
    if (this.#queue.length > MAX_QUEUED) {
      this.#queue.shift()
      this.#dropped++
    }
    this.schedule()
  }

  /** Writes an entry although the terminal is held: for the words between the questions of a form. */
  printNow(entry: Entry): void {
    if (this.#state === 'up') this.print(entry)
    else this.#terminal.write(this.#lines(entry(this.#terminal.cols), undefined))
  }

  setBlock(block: Block): void {
    this.#wanted = block
    this.schedule()
  }

  /**
   * Overwrites cells at column `col` of the first row of entry `id`, only if that row is certainly where we believe it
   * is. False: it is not, nothing was written; the entry shows the new state when it is drawn again.
   */
  patch(id: string, col: number, span: Span): boolean {
    if (this.#scheduled) this.#flush()
    const block = this.#shown
    const { cols, rows, ready } = this.#terminal
    if (block === null || this.#state !== 'up' || this.#settling !== null || !ready) return false
    if (cols !== this.#shownCols || rows !== this.#shownRows) return false
    const up = this.#locator.above(id, { rows: block.rows.length, cursor: block.row }, rows)
    if (up === null) return false
    const there = `${CSI}${up}A\r${right(col)}${paintRow([span], this.#theme)}`
    const back = `${CSI}${up}B\r${right(block.col)}`
    this.#terminal.write(HIDE_CURSOR + there + back + SHOW_CURSOR)
    return true
  }

  /** Paints the whole screen anew from what is kept; the old screen goes to the scrollback (Ctrl-L). */
  repaint(): void {
    this.#flush(true)
  }

  /** Forgets the transcript here and in the terminal, scrollback included. */
  clear(): void {
    this.#kept.length = 0
    this.#queue = []
    if (this.#state === 'plain') return
    this.#terminal.write(`${CSI}H${CSI}2J${CSI}3J`)
    if (this.#state === 'held') return
    this.#locator.forget()
    this.#locator.painted(this.#terminal.rows - 1) // all but the one where the cursor is
    this.#shown = null
    this.schedule()
  }

  /** Begins to show the block. The cursor must be at the beginning of a row. */
  start(): void {
    if (this.#state === 'up') return
    this.#state = 'up'
    this.#relocate()
  }

  /** Takes the block away and holds back whatever is printed, so that somebody else can use the terminal. */
  hold(): void {
    if (this.#state !== 'up') return
    this.#leave()
    this.#state = 'held'
  }

  /** Takes the block away for good; what is printed from now on is written as it comes. */
  end(): void {
    if (this.#state === 'held') this.start()
    if (this.#state === 'up') this.#leave()
    this.#state = 'plain'
  }

  /** Something else has written to the terminal: begins a new row there. */
  interrupted(): void {
    if (this.#state !== 'up') return
    this.#terminal.write('\r\n')
    this.#relocate()
  }

  /** Draws in a microtask, so that a burst of messages is one frame. */
  schedule(): void {
    if (this.#scheduled || this.#state !== 'up') return
    this.#scheduled = true
    queueMicrotask(() => {
      if (this.#scheduled && this.#terminal.ready) this.#flush()
      this.#scheduled = false
    })
  }

  #leave(): void {
    this.#settling?.cancel()
    this.#settling = null
    this.#flush(this.#lost())
    this.#terminal.write(this.#erase())
    this.#shown = null
  }

  #relocate(): void {
    this.#shown = null
    this.#locator.forget()
    this.#shownCols = this.#terminal.cols
    this.#shownRows = this.#terminal.rows
    this.schedule()
  }

  #flush(repaint = false): void {
    this.#scheduled = false
    if (this.#state !== 'up') return
    if (this.#settling !== null && !repaint) return // the queue waits, nothing is lost
    const lost = this.#lost()
    if (lost && !repaint && this.#settleMs > 0) {
      this.#settle()
      return
    }
    const { cols, rows } = this.#terminal
    if (cols !== this.#shownCols || rows !== this.#shownRows) {
      this.#locator.forget()
      this.#locator.grown(Math.max(0, rows - this.#shownRows))
    }
    const block = this.#wanted
    let body: string
    if (repaint || lost) body = this.#repainted(cols, rows)
    else {
      body = this.#erase() + this.#printQueue(cols)
      this.#locator.drawn(this.#shown?.rows.length ?? 1, block.rows.length)
    }
    this.#shown = block
    this.#shownCols = cols
    this.#shownRows = rows
    this.#terminal.write(HIDE_CURSOR + body + this.#drawn(block) + SHOW_CURSOR)
  }

  #settle(): void {
    this.#settling = this.#clock.after(this.#settleMs, () => {
      this.#settling = null
      this.#onLayout()
      this.#flush(true)
    })
  }

  /** Some terminals have re-wrapped the block and others have not: where it is cannot be known. */
  #lost(): boolean {
    const block = this.#shown
    if (block === null) return false
    const { cols, rows } = this.#terminal
    if (rows < this.#shownRows && block.rows.length >= rows) return true
    if (cols >= this.#shownCols) return false
    return block.col >= cols || block.rows.some((row) => widthBound(plainText(row)) > cols)
  }

  /**
   * From the cursor to the top of the block, which is blank then. EL for each row instead of ED, because tmux copies the
   * screen to its scrollback on ED; saved cursor instead of counting back, because CSI B stops at the bottom.
   */
  #erase(): string {
    const block = this.#shown
    if (block === null) return '\r'
    const top = `\r${block.row > 0 ? `${CSI}${block.row}A` : ''}${CSI}2K`
    const below = `${CSI}B${CSI}2K`.repeat(block.rows.length - 1)
    return below === '' ? top : `${top}\x1b7${below}\x1b8`
  }

  /** Autowrap is off meanwhile: a row that a terminal believes too wide is cut and never becomes two. */
  #drawn(block: Block): string {
    const rows = block.rows.map((row) => paintRow(row, this.#theme)).join('\r\n')
    const up = block.rows.length - 1 - block.row
    return `${CSI}?7l${rows}${CSI}?7h${up > 0 ? `${CSI}${up}A` : ''}\r${right(block.col)}`
  }

  #printQueue(cols: number): string {
    const queue = this.#queue
    this.#queue = []
    if (this.#dropped > 0) {
      const entry = notice('!', `${this.#dropped} older rows were left out here.`)
      queue.unshift({ entry, id: undefined })
      this.#dropped = 0
    }
    let out = ''
    for (const item of queue) {
      this.#kept.push(item)
      out += this.#lines(item.entry(cols), item.id)
    }
    this.#kept.splice(0, this.#kept.length - KEPT_ENTRIES)
    return out
  }

  #lines(rows: readonly Row[], id: string | undefined): string {
    const { cols } = this.#terminal
    if (id !== undefined) this.#locator.track(id)
    let out = ''
    for (const row of rows) {
      this.#locator.print(widthBound(plainText(row)) <= cols)
      out += `${paintRow(row, this.#theme)}\r\n`
    }
    return out
  }

  /** The whole old screen is pushed into the scrollback, which every terminal does alike, then the end is painted. */
  #repainted(cols: number, rows: number): string {
    this.#printQueue(cols)
    this.#locator.forget()
    const room = Math.max(0, rows - this.#wanted.rows.length)
    const tail: { rows: readonly Row[]; id: string | undefined }[] = []
    let used = 0
    for (let i = this.#kept.length - 1; i >= 0 && used < room; i--) {
      const item = this.#kept[i]
      if (item === undefined) break
      const all = item.entry(cols)
      const end = all.slice(Math.max(0, all.length - (room - used)))
      used += end.length
      tail.unshift({ rows: end, id: end.length === all.length ? item.id : undefined })
    }
    const body = tail.map((item) => this.#lines(item.rows, item.id)).join('')
    this.#locator.painted(room - used)
    return `${CSI}${rows};1H${'\n'.repeat(rows)}${CSI}H${body}`
  }
}

function right(cols: number): string {
  return cols > 0 ? `${CSI}${cols}C` : ''
}
