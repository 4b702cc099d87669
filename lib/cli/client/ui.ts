// The interactive window of the messenger: keys, the line being typed, questions, transfers, status, transcript. Glue
// between the parts of this folder; knows neither the network nor the commands. Rules 1 to 24 of TERMINAL section 8.
//
// For the REPL:
//   const ui = new Ui({ tty, output, theme, clock, onLine, onQuit, complete })
//   ui.print(notice('*', 'text', ['more ', { text: '!help', role: 'command' }]))   also section(), listing(); see rows.ts
//   ui.message({ time, who, body, note })                  somebody's message
//   ui.message({ time, who, body }, { id, state })         ours: its tick can change
//   ui.setTick(id, state)      false: the row is out of reach; tell late receipts in a row of their own
//   ui.ask({ text, hint, number }) -> { answer: Promise<'y' | 'n' | undefined>, withdraw() }     undefined: withdrawn
//   ui.askFor({ text, choices, parse }) -> the same for other answers
//   ui.setProgress(id, view | null), ui.setStatus(text), ui.setPrompt(text)
//   ui.modal(() => prompts.form(async (form) => ...))      a whole form in ONE modal: what is typed early stays in it
//   ui.printNow(entry)         the words between the questions of that form
//   ui.restore(line)           gives a line back that could not be used
//   ui.clear(), ui.alert({ bell, desktop }), ui.focused, ui.idleMs
//   ui.start(), ui.end()       before start() and after end() print() writes plain rows, cleaned all the same
//   onQuit('interrupt' | 'eof' | 'hangup' | 'force'): end the program; 'hangup': at once, nobody reads; 'force': asked again
// Everything handed over is cleaned here: no caller needs to, and none can reach the terminal otherwise.
import type { Clock, Timer } from '../../util/clock.ts'
import { safeInline } from '../sanitise.ts'
import type { Theme, TickState } from '../theme.ts'
import type { Completion } from './completion.ts'
import { InputLine } from './input-line.ts'
import type { JobControl } from './job-control.ts'
import type { Key } from './keys.ts'
import { liveBlock } from './live-block.ts'
import type { ProgressView } from './progress-row.ts'
import { parseYesNo, type Question } from './questions.ts'
import {
  type Entry,
  message,
  type MessageText,
  notice,
  type Row,
  spans,
  type Text,
  TICK_COLUMN,
  tickSpan,
} from './rows.ts'
import type { TerminalOutput } from './terminal.ts'
import type { TtyInput } from './tty-input.ts'
import { type CreateScreen, Window } from './window.ts'

export type QuitReason = 'interrupt' | 'eof' | 'hangup' | 'force'

export interface UiOptions {
  readonly tty: TtyInput
  readonly output: TerminalOutput
  readonly theme: Theme
  readonly clock: Clock
  readonly onLine: (line: string) => void
  readonly onQuit: (why: QuitReason) => void
  /** Esc on an empty line. */
  readonly onEscape?: () => void
  /** Candidates for the word before `offset`; an answer that comes after another key is dropped. */
  readonly complete?: (line: string, offset: number) => Completion | Promise<Completion>
  readonly history?: readonly string[]
  /** Lines that must not be kept in the history. */
  readonly isSecret?: (line: string) => boolean
  /** Behind the hint of the first Ctrl-C: `1 transfer is running.` */
  readonly quitHint?: () => string
  readonly jobs?: JobControl
  /** After a stop (Ctrl-Z, fg): the connection may be gone. */
  readonly onContinue?: () => void
  /** Quiet time of the keyboard before a question may stand in the prompt. */
  readonly quietMs?: number
  readonly settleMs?: number
  /** A key that the line is not to see: true. */
  readonly onKey?: (key: Key) => boolean
  readonly createScreen?: CreateScreen
}

export interface Ask {
  readonly text: Text
  /** Behind the question in the transcript: `(y/n, or !accept 3)`. */
  readonly hint?: Text
  /** Default: the next free one. */
  readonly number?: number
}

export interface AskFor<A extends string> extends Ask {
  /** What stands behind the question in the prompt: `[y/n]`. */
  readonly choices: string
  /** The answer in what was typed; undefined: it is none. */
  readonly parse: (typed: string) => A | undefined
}

export interface Asked<A extends string> {
  readonly number: number
  readonly answer: Promise<A | undefined>
  withdraw(): void
}

const QUIET_MS = 600
const SETTLE_MS = 100
const QUIT_AGAIN_MS = 2000
const PROGRESS_MS = 250
const MAX_TICKS = 2000

export class Ui {
  readonly #options: UiOptions
  readonly #window: Window
  readonly #input: InputLine
  readonly #progress = new Map<string, ProgressView>()
  readonly #ticks = new Map<string, { state: TickState; shown: TickState | null }>()
  readonly #timers = new Map<'quiet' | 'progress', Timer>()
  readonly #quietMs: number
  #prompt: Row = [{ text: '> ', role: 'prompt' }]
  #status: Row = []
  #quitting = false
  #lastInterruptMs = -Infinity
  #lastPaintMs = -Infinity

  constructor(options: UiOptions) {
    this.#options = options
    this.#quietMs = options.quietMs ?? QUIET_MS
    this.#window = new Window({
      tty: options.tty,
      output: options.output,
      theme: options.theme,
      clock: options.clock,
      jobs: options.jobs,
      onContinue: options.onContinue,
      settleMs: options.settleMs ?? SETTLE_MS,
      createScreen: options.createScreen,
      onKey: (key) => {
        this.#key(key)
      },
      onPaint: () => {
        this.#paint()
      },
      onHangup: () => {
        options.onQuit('hangup')
      },
    })
    this.#input = new InputLine({
      onLine: options.onLine,
      print: (entry) => {
        this.print(entry)
      },
      bell: () => {
        this.#window.terminal.bell()
      },
      onChange: () => {
        this.#paint()
      },
      complete: options.complete,
      history: options.history,
      isSecret: options.isSecret,
    })
  }

  /** Size of the terminal, for what must fit. */
  get cols(): number {
    return this.#window.terminal.cols
  }

  get rows(): number {
    return this.#window.terminal.rows
  }

  /** Whether the window has the focus; undefined: this terminal does not tell. */
  get focused(): boolean | undefined {
    return this.#window.keyboard.focused
  }

  /** Since the last key. */
  get idleMs(): number {
    return this.#window.keyboard.idleMs
  }

  get history(): readonly string[] {
    return this.#input.editor.history.lines
  }

  start(): void {
    this.#window.start()
  }

  /** Gives the terminal back as it was. Open questions are withdrawn, forms are cancelled. */
  end(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#input.questions.withdrawAll()
    this.#window.end()
  }

  /** For process.on('exit'): what a terminal needs after any way out; harmless when repeated. */
  restoreModes(): void {
    this.#window.restoreModes()
  }

  print(entry: Entry): void {
    this.#window.screen.print(entry)
  }

  printNow(entry: Entry): void {
    this.#window.screen.printNow(entry)
  }

  /** `own`: a message of ours, whose tick may change; `id` is any name for it. */
  message(
    text: Omit<MessageText, 'tick'>,
    own?: { readonly id: string; readonly state: TickState },
  ): void {
    const { theme } = this.#options
    if (own === undefined) {
      this.#window.screen.print(message(text, theme))
      return
    }
    const mark: { state: TickState; shown: TickState | null } = { state: own.state, shown: null }
    this.#ticks.set(own.id, mark)
    const [oldest] = this.#ticks.keys()
    if (this.#ticks.size > MAX_TICKS && oldest !== undefined) this.#ticks.delete(oldest)
    const tick = (): TickState => (mark.shown = mark.state)
    this.#window.screen.print(message({ ...text, tick }, theme), own.id)
  }

  /** True: the row shows it now. */
  setTick(id: string, state: TickState): boolean {
    const mark = this.#ticks.get(id)
    if (mark === undefined) return false
    mark.state = state
    if (mark.shown === state) return true
    const span = tickSpan(state, this.#options.theme)
    if (!this.#window.screen.patch(id, TICK_COLUMN, span)) return false
    mark.shown = state
    return true
  }

  ask(question: Ask): Asked<'y' | 'n'> {
    return this.askFor({ ...question, choices: '[y/n]', parse: parseYesNo })
  }

  askFor<A extends string>({ text, hint, number, choices, parse }: AskFor<A>): Asked<A> {
    let settle: (answer: A | undefined) => void = () => undefined
    const answer = new Promise<A | undefined>((resolve) => {
      settle = resolve
    })
    const { questions } = this.#input
    const question: Question = {
      number: number ?? questions.nextNumber(),
      text: spans(text),
      choices: safeInline(choices),
      accept: (typed) => {
        const parsed = parse(typed)
        if (parsed === undefined) return undefined
        return () => {
          settle(parsed)
        }
      },
      withdrawn: () => {
        settle(undefined)
      },
    }
    questions.add(question)
    const behind = hint === undefined ? [] : [{ text: '   ' }, ...spans(hint)]
    this.print(notice('?', [`[${question.number}] `, ...question.text, ...behind]))
    this.#paint()
    const withdraw = (): void => {
      if (questions.withdraw(question)) this.#paint()
    }
    return { number: question.number, answer, withdraw }
  }

  /** A row for a transfer; null takes it away. Drawn at most four times a second (TERMINAL rule 16). */
  setProgress(id: string, view: ProgressView | null): void {
    const known = this.#progress.has(id)
    if (view === null) this.#progress.delete(id)
    else this.#progress.set(id, view)
    if (known === (view === null)) this.#paint()
    else if (known && !this.#timers.has('progress')) {
      const wait = this.#lastPaintMs + PROGRESS_MS - this.#options.clock.monotonic()
      this.#timer('progress', Math.max(0, wait))
    }
  }

  /** One row above the prompt; '' for none. */
  setStatus(text: Text): void {
    this.#status = spans(text)
    this.#paint()
  }

  setPrompt(text: Text): void {
    this.#prompt = spans(text).map((span) => ({ text: span.text, role: span.role ?? 'prompt' }))
    this.#paint()
  }

  /** Gives a line back that could not be used: onto the line if nothing is typed, else it stays in the history. */
  restore(line: string): void {
    this.#input.restore(line)
    this.#paint()
  }

  clear(): void {
    this.#window.screen.clear()
    this.#paint()
  }

  /** The caller decides whether it is time for it (TERMINAL rule 24). */
  alert({ bell, desktop }: { readonly bell: boolean; readonly desktop?: string }): void {
    if (!this.#window.screen.up) return
    if (bell) this.#window.terminal.bell()
    if (desktop !== undefined) this.#window.terminal.notify(desktop)
  }

  /** Lends the terminal to a form; see Window.modal(). */
  modal<T>(fn: () => Promise<T>): Promise<T> {
    return this.#window.modal(fn)
  }

  #timer(name: 'quiet' | 'progress', delayMs: number): void {
    this.#timers.get(name)?.cancel()
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(name)
      this.#paint()
    })
    this.#timers.set(name, timer)
  }

  #paint(): void {
    if (this.#window.ended) return
    this.#lastPaintMs = this.#options.clock.monotonic()
    const { editor, questions } = this.#input
    const question = this.#front()
    const state = {
      progress: [...this.#progress.values()],
      status: this.#statusRow(question),
      prompt: this.#prompt,
      question,
      editor,
    }
    const { cols, rows } = this.#window.terminal
    this.#window.screen.setBlock(liveBlock(state, cols, rows, this.#options.theme.glyphs))
    if (question === null && questions.count > 0 && editor.empty) {
      this.#timer('quiet', Math.max(0, this.#quietMs - this.idleMs))
    }
  }

  #statusRow(question: Question | null): Row {
    const { count } = this.#input.questions
    const waits = count > 0 && question === null
    const own = [
      waits ? `${count} question${count > 1 ? 's' : ''} waiting` : '',
      this.#input.hint,
    ].filter((text) => text !== '')
    return [...own.map((text) => [{ text }]), this.#status]
      .filter((part) => part.length > 0)
      .flatMap((part, i) => (i === 0 ? part : [{ text: '   ' }, ...part]))
      .map((span) => ({ role: 'muted' as const, ...span }))
  }

  /** The question that stands in the prompt. */
  #front(): Question | null {
    const quiet = this.#input.editor.empty && this.idleMs >= this.#quietMs
    return this.#input.questions.front(quiet)
  }

  #key(key: Key): void {
    if (this.#options.onKey?.(key) === true) return
    switch (this.#input.handle(key, this.#front())) {
      case 'none':
        return
      case 'interrupt':
        this.#interrupt()
        return
      case 'eof':
        this.#quit('eof')
        return
      case 'suspend':
        this.#window.stop()
        return
      case 'redraw':
        this.#paint()
        this.#window.screen.repaint()
        return
      case 'escape':
        this.#options.onEscape?.()
    }
  }

  /** Ctrl-C on an empty line. */
  #interrupt(): void {
    const now = this.#options.clock.monotonic()
    if (this.#quitting || now - this.#lastInterruptMs < QUIT_AGAIN_MS) {
      this.#quit('interrupt')
      return
    }
    this.#lastInterruptMs = now
    const more = this.#options.quitHint?.() ?? ''
    this.print(notice('*', `Ctrl-C again within 2 s, Ctrl-D or !quit leaves. ${more}`.trimEnd()))
  }

  #quit(why: 'interrupt' | 'eof'): void {
    const again = this.#quitting
    this.#quitting = true
    this.#options.onQuit(again ? 'force' : why)
  }
}
