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
import type { Clock } from '../../util/clock.ts'
import type { Theme, TickState } from '../theme.ts'
import { type Ask, type AskFor, type Asked, askedRow, questionOf, yesNo } from './asking.ts'
import { Below } from './below.ts'
import type { Completion } from './completion.ts'
import { InputLine } from './input-line.ts'
import type { JobControl } from './job-control.ts'
import type { Key } from './keys.ts'
import { Leaving, type QuitReason } from './leaving.ts'
import type { ProgressView } from './progress-row.ts'
import { type Entry, message, type MessageText, type Text, tickColumn } from './rows.ts'
import type { TerminalOutput } from './terminal.ts'
import { Ticks } from './ticks.ts'
import type { TtyInput } from './tty-input.ts'
import { type CreateScreen, Window } from './window.ts'

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

const SETTLE_MS = 100

export class Ui {
  readonly #options: UiOptions
  readonly #window: Window
  readonly #input: InputLine
  readonly #below: Below
  readonly #ticks: Ticks
  readonly #leaving: Leaving
  #ahead: string | null = ''

  constructor(options: UiOptions) {
    this.#options = options
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
        this.#below.paint()
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
        this.#below.paint()
      },
      complete: options.complete,
      history: options.history,
      isSecret: options.isSecret,
      doubt: options.doubt,
    })
    this.#below = new Below(this.#window, this.#input, options)
    this.#leaving = new Leaving(options, (entry) => {
      this.print(entry)
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
    this.#below.paint()
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
    this.#below.stop()
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
    this.#below.paint()
    const withdraw = (): void => {
      if (questions.withdraw(question)) this.#below.paint()
    }
    return { number: question.number, answer, withdraw }
  }

  /** A row for a transfer; null takes it away. */
  setProgress(id: string, view: ProgressView | null): void {
    this.#below.setProgress(id, view)
  }

  /** One row above the prompt; '' for none. */
  setStatus(text: Text): void {
    this.#below.setStatus(text)
  }

  setPrompt(text: Text): void {
    this.#below.setPrompt(text)
  }

  /** Gives a line back that could not be used: onto the line if nothing is typed, else it stays in the history. */
  restore(line: string): void {
    this.#input.restore(line)
    this.#below.paint()
  }

  /** The transcript here and in the terminal, the line, and all lines before it. */
  conceal(): void {
    this.forgetHistory(true)
    this.#ticks.forget()
    this.clear()
  }

  clear(): void {
    this.#window.screen.clear()
    this.#below.paint()
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

  #key(key: Key): void {
    if (this.#options.onKey?.(key) === true) return
    switch (this.#input.handle(key, this.#below.question())) {
      case 'none':
        return
      case 'interrupt':
        this.#leaving.interrupt()
        return
      case 'eof':
        this.#leaving.quit('eof')
        return
      case 'suspend':
        this.#window.stop()
        return
      case 'redraw':
        this.#below.paint()
        this.#window.screen.repaint()
        return
      case 'escape':
        this.#options.onEscape?.()
        return
      case 'next':
        this.#options.onNext?.()
    }
  }
}
