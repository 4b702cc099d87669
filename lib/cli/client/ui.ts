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
import type { Theme, TickState } from '../theme.ts'
import { type Ask, type AskFor, type Asked, askedRow, questionOf, yesNo } from './asking.ts'
import type { Completion } from './completion.ts'
import { InputLine } from './input-line.ts'
import type { JobControl } from './job-control.ts'
import type { Key } from './keys.ts'
import { liveBlock } from './live-block.ts'
import type { ProgressView } from './progress-row.ts'
import type { Question } from './questions.ts'
import {
  type Entry,
  message,
  type MessageText,
  notice,
  type Row,
  spans,
  type Text,
  tickColumn,
} from './rows.ts'
import type { TerminalOutput } from './terminal.ts'
import { Ticks } from './ticks.ts'
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
  /** Alt-A on an empty line. */
  readonly onNext?: () => void
  /** Candidates for the word before `offset`; an answer that comes after another key is dropped. */
  readonly complete?: (line: string, offset: number) => Completion | Promise<Completion>
  readonly history?: readonly string[]
  /** Lines that must not be kept in the history. */
  readonly isSecret?: (line: string) => boolean
  /** What is to be said before such a line is taken, by a second Enter; null: nothing. */
  readonly doubt?: (line: string) => string | null
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

const QUIET_MS = 600
const SETTLE_MS = 100
const QUIT_AGAIN_MS = 2000
const PROGRESS_MS = 250

export class Ui {
  readonly #options: UiOptions
  readonly #window: Window
  readonly #input: InputLine
  readonly #progress = new Map<string, ProgressView>()
  readonly #ticks: Ticks
  readonly #timers = new Map<'quiet' | 'progress', Timer>()
  readonly #quietMs: number
  #prompt: Row = [{ text: '> ', role: 'prompt' }]
  #status: Row = []
  #quitting = false
  #ahead: string | null = ''
  #lastInterruptMs = -Infinity
  #lastPaintMs = -Infinity

  constructor(options: UiOptions) {
    this.#options = options
    this.#quietMs = options.quietMs ?? QUIET_MS
    this.#ticks = new Ticks(options.theme)
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
      doubt: options.doubt,
    })
  }

  get theme(): Theme {
    return this.#options.theme
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

  /** Lines typed in earlier launches. */
  addHistory(older: readonly string[]): void {
    this.#input.editor.history.addOlder(older)
  }

  /** Whoever sits here next does not get the lines typed before; with `line` not the one being typed either. */
  forgetHistory(line = false): void {
    this.#input.forget(line)
    this.#paint()
  }

  /** Typed before start(), for nobody yet; later it is dropped. */
  typedAhead(text: string): void {
    if (this.#ahead !== null) this.#ahead += text
  }

  start(): void {
    this.#window.start()
    const ahead = this.#ahead ?? ''
    this.#ahead = null
    if (ahead !== '') this.#window.keyboard.typedBefore(ahead)
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
    const tick = this.#ticks.add(own.id, own.state, tickColumn(text.time))
    this.#window.screen.print(message({ ...text, tick }, theme), own.id)
  }

  /** True: the row shows it now. */
  setTick(id: string, state: TickState): boolean {
    return this.#ticks.set(id, state, (column, span) => this.#window.screen.patch(id, column, span))
  }

  ask(question: Ask): Asked<'y' | 'n'> {
    return this.askFor(yesNo(question))
  }

  askFor<A extends string>(ask: AskFor<A>): Asked<A> {
    const { questions } = this.#input
    const { question, answer } = questionOf(ask, ask.number ?? questions.nextNumber())
    questions.add(question)
    this.print(askedRow(question, ask.hint))
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

  /** The transcript here and in the terminal, the line, and all lines before it. */
  conceal(): void {
    this.forgetHistory(true)
    this.#ticks.forget()
    this.clear()
  }

  clear(): void {
    this.#window.screen.clear()
    this.#paint()
  }

  /** The caller decides whether it is time for it (TERMINAL rule 24). */
  alert({
    bell,
    desktop,
  }: {
    readonly bell: boolean
    readonly desktop?: string | undefined
  }): void {
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
        return
      case 'next':
        this.#options.onNext?.()
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
