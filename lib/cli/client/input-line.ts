// The line being typed and what Enter means for it: an answer to the question in the prompt, or a line for the program.
// Typed text is never lost and never goes where the person did not see it go. Knows no screen.
import { safeInline } from '../sanitise.ts'
import { complete, type Completion } from './completion.ts'
import { Editor } from './editor.ts'
import type { Key } from './keys.ts'
import { type Question, Questions } from './questions.ts'
import { type Entry, notice } from './rows.ts'

export interface InputLineOptions {
  readonly onLine: (line: string) => void
  readonly print: (entry: Entry) => void
  readonly bell: () => void
  /** The line changed although no key was told: a completion came. */
  readonly onChange: () => void
  readonly complete?:
    ((line: string, offset: number) => Completion | Promise<Completion>) | undefined
  readonly history?: readonly string[] | undefined
  readonly isSecret?: ((line: string) => boolean) | undefined
  /** What is to be said before such a line is sent, by a second Enter; null: nothing. */
  readonly doubt?: ((line: string) => string | null) | undefined
}

/** What a key asks of the window. */
export type WindowRequest = 'none' | 'interrupt' | 'eof' | 'suspend' | 'redraw' | 'escape' | 'next'

/** A longer text is sent only when Enter is pressed twice. */
const MAX_UNASKED_LINES = 10
const MAX_COMPLETIONS = 40
/** What begins a line that says by itself whom or what it is for. */
const ADDRESSED = /^\s*[@!/#]/u
/** What begins another line when typed right behind a word: of a text (`hello!` goes on), of a command. */
const BEHIND_TEXT = /^[@#]/u
const BEHIND_COMMAND = /^[@!/#]/u

export class InputLine {
  readonly editor: Editor
  readonly questions = new Questions()
  readonly #options: InputLineOptions
  #hint = ''
  /** A long text that was entered once already. */
  #confirmed = ''
  #changes = 0
  /** The line was given back, and no key has come since. */
  #givenBack = false

  constructor(options: InputLineOptions) {
    this.#options = options
    this.editor = new Editor(options.history)
  }

  /** For the status row: what Enter is going to do with a paste. */
  get hint(): string {
    return this.#hint
  }

  /** One key; `front` is the question that stood in the prompt when it was pressed. */
  handle(key: Key, front: Question | null): WindowRequest {
    this.#changes++
    this.#beginAnew(key)
    const wasEmpty = this.editor.empty
    const effect = this.editor.handle(key)
    if (!this.editor.empty && wasEmpty) this.questions.bind(front)
    if (this.editor.empty && effect.type !== 'submit') this.#drop()
    switch (effect.type) {
      case 'none':
      case 'change':
        return 'none'
      case 'bell':
        this.#options.bell()
        return 'none'
      case 'pasted':
        if (effect.lines > 1) this.#hint = `pasted ${effect.lines} lines: ${sends('Enter')}`
        return 'none'
      case 'submit':
        this.#submit(effect.text)
        return 'none'
      case 'complete':
        void this.#complete()
        return 'none'
      case 'interrupt':
        if (this.editor.empty) return 'interrupt'
        this.editor.clear()
        this.#drop()
        return 'none'
      case 'escape':
        return this.editor.empty ? 'escape' : 'none'
      case 'next': // with words on the line it would change whom they go to
        if (this.editor.empty) return 'next'
        this.#options.bell()
        return 'none'
      case 'eof':
      case 'suspend':
      case 'redraw':
        return effect.type
    }
  }

  /** Gives a line back that could not be used, unless something else is being typed: then the history has it. */
  restore(line: string): void {
    if (!this.editor.empty) return
    this.editor.set(line)
    this.#givenBack = true
  }

  /** The lines typed before, and with `line` the one being typed. */
  forget(line: boolean): void {
    this.editor.history.forget()
    if (!line) return
    this.editor.forget()
    this.#givenBack = false
    this.#drop()
  }

  /** Who goes on with another line does not want the one that failed in front of it; the history has it. */
  #beginAnew(key: Key): void {
    const { text } = this.editor
    const begins = ADDRESSED.test(text) ? BEHIND_COMMAND : BEHIND_TEXT
    if (this.#confirmed !== '' && !isEnter(key)) this.#drop()
    const isNew = this.#givenBack && key.type !== 'key' && begins.test(key.text)
    this.#givenBack = false
    if (isNew && /\S$/u.test(text)) this.editor.clear()
  }

  /** Nothing is typed any more. */
  #drop(): void {
    this.questions.bind(null)
    this.#hint = ''
    this.#confirmed = ''
  }

  #submit(text: string): void {
    if (this.#isAnswer(text)) return
    const lines = text.split('\n').length
    if (lines > MAX_UNASKED_LINES && this.#confirmed !== text) {
      this.editor.set(text)
      this.#confirmed = text
      this.#hint = `${lines} lines: ${sends('Enter again')}`
      return
    }
    const doubt = this.#confirmed === text ? null : (this.#options.doubt?.(text) ?? null)
    if (doubt !== null) {
      this.editor.set(text)
      this.#confirmed = text
      this.#hint = doubt
      return
    }
    this.#drop()
    if (text.trim() === '') return
    if (this.#options.isSecret?.(text) !== true) this.editor.history.add(text)
    this.#options.onLine(text)
  }

  /** Whether the line was about a question and goes no further. */
  #isAnswer(text: string): boolean {
    const verdict = this.questions.judge(text)
    switch (verdict.type) {
      case 'none':
        return false
      case 'answered':
        return true
      case 'gone': {
        const { number } = verdict.question
        this.#options.print(
          notice('!', `Question [${number}] is no longer open; nothing was answered.`),
        )
        return true
      }
      case 'unfit': {
        // Typed while the prompt showed a question, not a chat: nobody saw whom it would go to.
        if (text.trim() === '' || ADDRESSED.test(text)) return false
        const { number, choices } = verdict.question
        const kept = 'Nothing was sent; your text is back on the line.'
        this.#options.print(notice('!', `[${number}] wants ${choices}. ${kept}`))
        this.editor.set(text)
        return true
      }
    }
  }

  async #complete(): Promise<void> {
    const { text } = this.editor
    const { offset } = this.editor.line
    const asked = this.#changes
    let found: Completion = { from: offset, items: [] }
    try {
      found = (await this.#options.complete?.(text, offset)) ?? found
    } catch {
      // no candidates
    }
    if (asked !== this.#changes) return // typed on meanwhile
    const done = complete(text, offset, found)
    if (done.type === 'none') this.#options.bell()
    else if (done.type === 'insert') this.editor.set(done.text, done.offset)
    else this.#list(done.items)
    this.#options.onChange()
  }

  #list(items: readonly string[]): void {
    const more = items.length - MAX_COMPLETIONS
    const shown = items.slice(0, MAX_COMPLETIONS).map((item) => safeInline(item).trim())
    this.#options.print(notice('*', `${shown.join('   ')}${more > 0 ? `   (+${more} more)` : ''}`))
  }
}

function isEnter(key: Key): boolean {
  return key.type === 'key' && key.name === 'return'
}

function sends(enter: string): string {
  return `${enter} sends them as ONE message, Ctrl-C drops them`
}
