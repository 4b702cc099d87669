// What stands below the transcript: transfers, one status row, and the prompt with the question or the line in it. Decides
// what is drawn there and when; live-block.ts how (TERMINAL section 8).
import type { Clock, Timer } from '../../util/clock.ts'
import type { Theme } from '../theme.ts'
import type { InputLine } from './input-line.ts'
import { liveBlock } from './live-block.ts'
import type { ProgressView } from './progress-row.ts'
import type { Question } from './questions.ts'
import { type Row, spans, type Text } from './rows.ts'
import type { Window } from './window.ts'

const QUIET_MS = 600
const PROGRESS_MS = 250

interface BelowOptions {
  readonly theme: Theme
  readonly clock: Clock
  readonly quietMs?: number
}

export class Below {
  readonly #window: Window
  readonly #input: InputLine
  readonly #options: BelowOptions
  readonly #quietMs: number
  readonly #progress = new Map<string, ProgressView>()
  readonly #timers = new Map<'quiet' | 'progress', Timer>()
  #prompt: Row = [{ text: '> ', role: 'prompt' }]
  #status: Row = []
  #lastPaintMs = -Infinity

  constructor(window: Window, input: InputLine, options: BelowOptions) {
    this.#window = window
    this.#input = input
    this.#options = options
    this.#quietMs = options.quietMs ?? QUIET_MS
  }

  /** A row for a transfer; null takes it away. Drawn at most four times a second (TERMINAL rule 16). */
  setProgress(id: string, view: ProgressView | null): void {
    const known = this.#progress.has(id)
    if (view === null) this.#progress.delete(id)
    else this.#progress.set(id, view)
    if (known === (view === null)) this.paint()
    else if (known && !this.#timers.has('progress')) {
      const wait = this.#lastPaintMs + PROGRESS_MS - this.#options.clock.monotonic()
      this.#timer('progress', Math.max(0, wait))
    }
  }

  /** One row above the prompt; '' for none. */
  setStatus(text: Text): void {
    this.#status = spans(text)
    this.paint()
  }

  setPrompt(text: Text): void {
    this.#prompt = spans(text).map((span) => ({ text: span.text, role: span.role ?? 'prompt' }))
    this.paint()
  }

  paint(): void {
    if (this.#window.ended) return
    this.#lastPaintMs = this.#options.clock.monotonic()
    const { editor, questions } = this.#input
    const question = this.question()
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
      this.#timer('quiet', Math.max(0, this.#quietMs - this.#window.keyboard.idleMs))
    }
  }

  /** The question that stands in the prompt. */
  question(): Question | null {
    const quiet = this.#input.editor.empty && this.#window.keyboard.idleMs >= this.#quietMs
    return this.#input.questions.front(quiet)
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel()
  }

  #timer(name: 'quiet' | 'progress', delayMs: number): void {
    this.#timers.get(name)?.cancel()
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(name)
      this.paint()
    })
    this.#timers.set(name, timer)
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
}
