// A terminal without a terminal: fake tty streams around the messenger's window, and a real terminal emulator behind them.
import { EventEmitter } from 'node:events'
import xterm from '@xterm/headless'
import type { JobControl } from '../../../lib/cli/client/job-control.ts'
import type { TerminalOutput } from '../../../lib/cli/client/terminal.ts'
import { type TerminalInput, TtyInput } from '../../../lib/cli/client/tty-input.ts'
import type { QuitReason } from '../../../lib/cli/client/leaving.ts'
import { Ui, type UiOptions } from '../../../lib/cli/client/ui.ts'
import { createTheme, type Theme } from '../../../lib/cli/theme.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

export class FakeInput extends EventEmitter implements TerminalInput {
  readonly isTTY = true
  raw = false
  flowing = false
  /** Every change of the raw mode. */
  readonly modes: boolean[] = []

  setRawMode(raw: boolean): this {
    this.raw = raw
    this.modes.push(raw)
    return this
  }

  resume(): this {
    this.flowing = true
    return this
  }

  pause(): this {
    this.flowing = false
    return this
  }
}

export class FakeOutput extends EventEmitter implements TerminalOutput {
  columns: number
  rows: number
  /** All that was written. */
  raw = ''
  /** What write() answers: false is a terminal that does not keep up. */
  ready = true
  readonly #term: xterm.Terminal

  constructor(term: xterm.Terminal) {
    super()
    this.#term = term
    this.columns = term.cols
    this.rows = term.rows
  }

  getWindowSize(): [number, number] {
    return [this.columns, this.rows]
  }

  write(text: string): boolean {
    this.raw += text
    writeAtOnce(this.#term, text)
    return this.ready
  }
}

/**
 * What was written is on the screen when this returns. The public write() of the emulator parses in a timer of its own,
 * so that a spec that looks right after the program has written would see more or less by the speed of the machine.
 */
function writeAtOnce(term: xterm.Terminal, text: string): void {
  const { _core: core } = term as unknown as { _core: { writeSync: (text: string) => void } }
  core.writeSync(text)
}

export class FakeJobs implements JobControl {
  stops = 0
  #stop: (() => void)[] = []
  #continue: (() => void)[] = []

  stop(): void {
    this.stops++
  }

  onStop(fn: () => void): () => void {
    this.#stop.push(fn)
    return () => (this.#stop = this.#stop.filter((f) => f !== fn))
  }

  onContinue(fn: () => void): () => void {
    this.#continue.push(fn)
    return () => (this.#continue = this.#continue.filter((f) => f !== fn))
  }

  askToStop(): void {
    for (const fn of this.#stop) fn()
  }

  goOn(): void {
    for (const fn of this.#continue) fn()
  }
}

/** How many cells terminals of another make give to a character. */
export type WidthModel = 'xterm' | 'emoji-wide' | 'all-wide'

export interface FakeTerminalOptions extends Partial<Omit<UiOptions, 'tty' | 'output' | 'clock'>> {
  readonly cols?: number
  readonly rows?: number
  readonly env?: Readonly<Record<string, string>>
  readonly widths?: WidthModel
  /** Whether the emulator re-wraps long rows when it is resized. */
  readonly reflow?: boolean
  /** Do not call ui.start(). */
  readonly idle?: boolean
  readonly clock?: FakeClock
}

const UTF8 = { TERM: 'xterm-256color', LANG: 'C.UTF-8' }

export class FakeTerminal {
  readonly term: xterm.Terminal
  readonly input = new FakeInput()
  readonly output: FakeOutput
  readonly clock: FakeClock
  readonly jobs = new FakeJobs()
  readonly theme: Theme
  readonly tty: TtyInput
  readonly ui: Ui
  /** Lines that were entered. */
  readonly lines: string[] = []
  readonly quits: QuitReason[] = []

  constructor({
    cols = 60,
    rows = 14,
    env = UTF8,
    widths = 'xterm',
    reflow = true,
    idle = false,
    clock = new FakeClock(),
    ...ui
  }: FakeTerminalOptions = {}) {
    this.term = new xterm.Terminal({
      cols,
      rows,
      scrollback: 5000,
      allowProposedApi: true,
      logLevel: 'off', // writeSync() says it is going away
      // The emulator of old ConPTY versions does not reflow.
      ...(reflow ? {} : { windowsPty: { backend: 'conpty', buildNumber: 19_000 } }),
    })
    if (widths !== 'xterm') useWidths(this.term, widths)
    this.output = new FakeOutput(this.term)
    this.clock = clock
    this.theme = ui.theme ?? createTheme({ env, tty: true })
    this.tty = new TtyInput(this.input)
    this.ui = new Ui({
      onLine: (line) => this.lines.push(line),
      onQuit: (why) => this.quits.push(why),
      jobs: this.jobs,
      settleMs: 0,
      ...ui,
      theme: this.theme,
      tty: this.tty,
      output: this.output,
      clock: this.clock,
    })
    if (idle) return
    this.ui.setPrompt('me > ')
    this.ui.start()
  }

  /** Until nothing is on its way any more: microtasks, streams. */
  async settled(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
  }

  /** One read of the keyboard. */
  async type(text: string): Promise<void> {
    this.input.emit('data', Buffer.from(text))
    await this.settled()
  }

  async paste(text: string): Promise<void> {
    await this.type(`\x1b[200~${text.replaceAll('\n', '\r')}\x1b[201~`)
    this.clock.advance(100)
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms)
    await this.settled()
  }

  async resize(cols: number, rows: number): Promise<void> {
    await this.settled()
    this.term.resize(cols, rows)
    this.output.columns = cols
    this.output.rows = rows
    this.output.emit('resize')
    await this.settled()
  }

  get cursor(): [number, number] {
    const { cursorX, cursorY } = this.term.buffer.active
    return [cursorX, cursorY]
  }

  /** Rows of the viewport, without empty ones at the end. */
  screen(): string {
    const { baseY } = this.term.buffer.active
    return this.#rows(baseY, baseY + this.term.rows)
      .join('\n')
      .trimEnd()
  }

  /** Scrollback and viewport. */
  all(): string {
    return this.#rows(0, this.term.buffer.active.length).join('\n').trimEnd()
  }

  /** The style of a cell of the viewport, to see that colours do not spill. */
  style(x: number, y: number): { bold: boolean; dim: boolean; colour: number } {
    const { active } = this.term.buffer
    const cell = active.getLine(active.baseY + y)?.getCell(x)
    return {
      bold: (cell?.isBold() ?? 0) !== 0,
      dim: (cell?.isDim() ?? 0) !== 0,
      colour: (cell?.isFgDefault() ?? true) ? -1 : (cell?.getFgColor() ?? -1),
    }
  }

  #rows(from: number, to: number): string[] {
    const rows: string[] = []
    for (let y = from; y < to; y++) {
      rows.push(this.term.buffer.active.getLine(y)?.translateToString(true) ?? '')
    }
    return rows
  }
}

/** Keys as a terminal sends them. */
export const KEY = {
  enter: '\r',
  ctrl: (letter: string): string => String.fromCharCode(letter.charCodeAt(0) & 31),
  alt: (letter: string): string => `\x1b${letter}`,
  escape: '\x1b',
  tab: '\t',
  backspace: '\x7f',
  delete: '\x1b[3~',
  up: '\x1b[A',
  down: '\x1b[B',
  right: '\x1b[C',
  left: '\x1b[D',
  home: '\x1b[H',
  end: '\x1b[F',
} as const

function useWidths(term: xterm.Terminal, model: WidthModel): void {
  const wcwidth = (code: number): 0 | 1 | 2 => {
    const char = String.fromCodePoint(code)
    if (/^[\p{Mn}\p{Me}\p{Cf}]$/u.test(char)) return 0
    if (code < 0x80) return 1
    if (model === 'all-wide') return code >= 0x2000 ? 2 : 1
    return code >= 0x1f000 ||
      (code >= 0x1100 && code <= 0x115f) ||
      (code >= 0x2e80 && code <= 0xffdc)
      ? 2
      : 1
  }
  term.unicode.register({
    version: model,
    wcwidth,
    // Layout of the emulator: bit 0 joins, bits 1-2 width.
    charProperties: (code) => {
      const cells = wcwidth(code)
      return (cells << 1) | (cells === 0 ? 1 : 0)
    },
  })
  term.unicode.activeVersion = model
}
