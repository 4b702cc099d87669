// The terminal as one picture: the alternate screen, of which only the rows that changed are drawn again. In the place of
// Screen in the window: what is printed goes to the panes, what forms and the last words say goes to the ordinary screen.
import type { Theme } from '../../theme.ts'
import type { Entry } from '../rows.ts'
import { paintRow } from '../rows.ts'
import type { Block, ScreenOptions } from '../screen.ts'
import { CSI, type Terminal } from '../terminal.ts'
import type { TranscriptScreen } from '../window.ts'
import type { Frame, Line } from './frame.ts'
import type { Panes } from './panes.ts'

const ENTER = `${CSI}?1049h`
const LEAVE = `${CSI}?1049l`
const HIDE_CURSOR = `${CSI}?25l`
const SHOW_CURSOR = `${CSI}?25h`
/** Terminals that know it show a frame at once; the others ignore it. */
const FRAME_BEGINS = `${CSI}?2026h`
const FRAME_ENDS = `${CSI}?2026l`
const WRAP_OFF = `${CSI}?7l`
const WRAP_ON = `${CSI}?7h`

export class FullScreen implements TranscriptScreen {
  readonly #terminal: Terminal
  readonly #theme: Theme
  readonly #panes: Panes
  readonly #compose: (block: Block, cols: number, rows: number) => Frame
  #block: Block = { rows: [[]], row: 0, col: 0 }
  /** The rows that stand on the terminal, as they were drawn; empty: nothing is known of it. */
  #drawn: string[] = []
  #size = ''
  #scheduled = false
  #entered = false
  #state: 'plain' | 'up' | 'held' = 'plain'

  constructor(
    options: ScreenOptions,
    panes: Panes,
    compose: (block: Block, cols: number, rows: number) => Frame,
  ) {
    this.#terminal = options.terminal
    this.#theme = options.theme
    this.#panes = panes
    this.#compose = compose
  }

  get up(): boolean {
    return this.#state === 'up'
  }

  print(entry: Entry, id?: string): void {
    if (this.#state === 'plain') this.#writeOut(entry)
    this.#panes.print(entry, id)
    this.schedule()
  }

  printNow(entry: Entry): void {
    if (this.#state === 'held') this.#writeOut(entry)
    this.print(entry)
  }

  setBlock(block: Block): void {
    this.#block = block
    this.schedule()
  }

  /** Rows draw themselves with their newest tick, on show or not. */
  patch(id: string): boolean {
    const found = this.#panes.stale(id)
    this.schedule()
    return found
  }

  repaint(): void {
    this.#drawn = []
    this.schedule()
  }

  clear(): void {
    this.#panes.clear()
    this.repaint()
  }

  start(): void {
    if (this.#state === 'up') return
    this.#state = 'up'
    this.#drawn = []
    this.#entered = true
    this.#terminal.write(ENTER)
    this.schedule()
  }

  /** Back to the ordinary screen, which shows what it showed before. */
  hold(): void {
    if (this.#state !== 'up') return
    this.leave()
    this.#state = 'held'
  }

  end(): void {
    this.leave()
    this.#state = 'plain'
  }

  /** For process.on('exit') as well; harmless when repeated. */
  leave(): void {
    if (!this.#entered) return
    this.#entered = false
    this.#terminal.write(FRAME_ENDS + WRAP_ON + LEAVE + SHOW_CURSOR)
  }

  /** Somebody else has stopped and continued us; what the shell left of the picture is unknown. */
  interrupted(): void {
    this.repaint()
  }

  schedule(): void {
    if (this.#scheduled || this.#state !== 'up') return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      if (this.#state === 'up' && this.#terminal.ready) this.#draw()
    })
  }

  #draw(): void {
    const { cols, rows } = this.#terminal
    const size = `${String(cols)}x${String(rows)}`
    const isNew = this.#drawn.length === 0 || size !== this.#size
    if (isNew) this.#drawn = []
    this.#size = size
    const { lines, cursor } = this.#compose(this.#block, cols, rows)
    let body = isNew ? `${CSI}2J` : ''
    lines.forEach((line, i) => {
      const painted = this.#painted(line)
      if (this.#drawn[i] === painted || (isNew && painted === '')) return
      body += `${CSI}${String(i + 1)};1H${CSI}2K${painted}`
    })
    this.#drawn = lines.map((line) => this.#painted(line))
    const home = `${CSI}${String(cursor.row + 1)};${String(cursor.col + 1)}H`
    // Autowrap is off meanwhile: a row that a terminal believes too wide is cut and never becomes two.
    const drawing = body === '' ? '' : HIDE_CURSOR + WRAP_OFF + body + WRAP_ON
    this.#terminal.write(FRAME_BEGINS + drawing + home + SHOW_CURSOR + FRAME_ENDS)
  }

  #painted({ left, at, right }: Line): string {
    const first = paintRow(left, this.#theme)
    const second = paintRow(right, this.#theme)
    return second === '' ? first : `${first}${at > 0 ? `${CSI}${String(at + 1)}G` : ''}${second}`
  }

  #writeOut(entry: Entry): void {
    const rows = entry(this.#terminal.cols)
    this.#terminal.write(rows.map((row) => `${paintRow(row, this.#theme)}\r\n`).join(''))
  }
}
