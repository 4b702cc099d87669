// The life of the terminal while the messenger has it: begin, lend it to a form, stop and go on, end. Whatever happens,
// it is given back as it was (TERMINAL rule 19). Knows no transcript and no line.
import type { Clock, Timer } from '../../util/clock.ts'
import { fail } from '../../util/errors.ts'
import type { Theme } from '../theme.ts'
import type { JobControl } from './job-control.ts'
import { Keyboard } from './keyboard.ts'
import type { Key } from './keys.ts'
import { Screen, type ScreenOptions } from './screen.ts'
import { MODES, Terminal, type TerminalOutput } from './terminal.ts'
import type { TtyInput } from './tty-input.ts'

/** What the window needs of whatever shows rows and the live block. */
export type TranscriptScreen = Pick<
  Screen,
  | ('up' | 'print' | 'printNow' | 'setBlock' | 'patch' | 'repaint' | 'clear')
  | ('start' | 'hold' | 'end' | 'interrupted' | 'schedule')
>

export type CreateScreen = (options: ScreenOptions) => TranscriptScreen

export interface WindowOptions {
  readonly tty: TtyInput
  readonly output: TerminalOutput
  readonly theme: Theme
  readonly clock: Clock
  readonly jobs?: JobControl | undefined
  readonly settleMs: number
  /** Default: the transcript that grows at the end of the terminal's own. */
  readonly createScreen?: CreateScreen | undefined
  readonly onKey: (key: Key) => void
  /** The block must be laid out again. */
  readonly onPaint: () => void
  /** The terminal is gone. Told once. */
  readonly onHangup: () => void
  /** After a stop: the connection may be gone meanwhile. */
  readonly onContinue?: (() => void) | undefined
}

const CONTINUE_MS = 300
const MODES_UP = [MODES.bracketedPaste, MODES.focusReports]

export class Window {
  readonly terminal: Terminal
  readonly screen: TranscriptScreen
  readonly keyboard: Keyboard
  readonly #options: WindowOptions
  readonly #cleanUp: (() => void)[] = []
  #state: 'new' | 'up' | 'stopped' | 'ended' = 'new'
  #lent = false
  #modals: Promise<unknown> = Promise.resolve()
  #hungUp = false
  #waiting: Timer | null = null

  constructor(options: WindowOptions) {
    const { tty, output, theme, clock, settleMs, onKey, onPaint } = options
    this.#options = options
    this.terminal = new Terminal(output, {
      onResize: onPaint,
      onReady: () => {
        this.screen.schedule()
      },
      onGone: () => {
        this.#hangup()
      },
    })
    const create = options.createScreen ?? ((parts) => new Screen(parts))
    this.screen = create({ terminal: this.terminal, theme, clock, onLayout: onPaint, settleMs })
    this.keyboard = new Keyboard({ tty, clock, onKey, onRead: onPaint })
  }

  get ended(): boolean {
    return this.#state === 'ended'
  }

  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'up'
    const { tty, jobs } = this.#options
    this.keyboard.start()
    this.terminal.modes('h', ...MODES_UP)
    this.#show()
    if (jobs !== undefined) {
      const stop = (): void => {
        this.stop()
      }
      const go = (): void => {
        this.#continued()
      }
      this.#cleanUp.push(jobs.onStop(stop), jobs.onContinue(go))
    }
    const hangup = (): void => {
      this.#hangup()
    }
    this.#cleanUp.push(tty.onHangup(hangup))
  }

  /** Gives the terminal back for good; forms are cancelled. */
  end(): void {
    if (this.#state === 'ended') return
    const wasUp = this.#state !== 'new'
    this.#state = 'ended'
    this.#waiting?.cancel()
    for (const off of this.#cleanUp) off()
    this.screen.end()
    if (wasUp) this.restoreModes()
    this.keyboard.end()
    this.#options.tty.close()
  }

  /** What a terminal needs after any way out, also from process.on('exit'); harmless when repeated. */
  restoreModes(): void {
    this.terminal.modes('l', ...MODES_UP)
    this.terminal.modes('h', MODES.cursor, MODES.autowrap)
  }

  /**
   * Lends the terminal to `fn`; what is printed meanwhile waits. One at a time. What is typed between the questions of a
   * form is for nobody: it may be a password, and Enter on the line would send it.
   * @throws E_CANCELLED after end()
   */
  modal<T>(fn: () => Promise<T>): Promise<T> {
    const turn = this.#modals.then(() => this.#lend(fn))
    this.#modals = turn.catch(() => undefined)
    return turn
  }

  /** Ctrl-Z: the shell gets the terminal as it was. */
  stop(): void {
    const { jobs, tty, clock } = this.#options
    if (jobs === undefined || !this.screen.up) {
      this.terminal.bell()
      return
    }
    this.#state = 'stopped'
    this.screen.hold()
    this.restoreModes()
    tty.release()
    // An orphaned process group (a container, a bare tmux pane) cannot be stopped: then nobody sends SIGCONT.
    this.#waiting = clock.after(CONTINUE_MS, () => {
      this.#continued()
    })
    jobs.stop()
  }

  /** SIGCONT, after a stop of ours or of somebody else. */
  #continued(): void {
    this.#waiting?.cancel()
    this.#waiting = null
    if (this.#state === 'ended') return
    this.#options.tty.reclaim()
    this.terminal.modes('h', ...MODES_UP)
    if (this.#state === 'up') this.screen.interrupted()
    this.#state = 'up'
    this.#show()
    this.#options.onContinue?.()
  }

  async #lend<T>(fn: () => Promise<T>): Promise<T> {
    if (this.#state === 'ended') fail('E_CANCELLED', 'The window is closed.')
    if (this.#state === 'new') return fn()
    this.#lent = true
    this.screen.hold()
    const release = this.#options.tty.attach(() => undefined)
    try {
      return await fn()
    } finally {
      release()
      this.keyboard.forget()
      this.#lent = false
      this.#show()
    }
  }

  #show(): void {
    if (this.#state !== 'up' || this.#lent) return
    this.screen.start()
    this.#options.onPaint()
  }

  #hangup(): void {
    if (this.#hungUp || this.#state === 'ended') return
    this.#hungUp = true
    this.#options.onHangup()
  }
}
