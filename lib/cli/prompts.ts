// The only home of inquirer: the questions that a person has asked for (connect, sign up, log in, server setup). Never
// for questions that arrive by themselves. Works on a terminal that nobody else uses at the time: before the window of the
// messenger has started, or inside its modal(). One question at a time, everything shown is cleaned, and every way out
// of a question is E_CANCELLED with a reason.
import { Writable } from 'node:stream'
import inquirer from 'inquirer'
import { fail, SecureChatError } from '../util/errors.ts'
import type { TerminalOutput } from './client/terminal.ts'
import type { TtyInput } from './client/tty-input.ts'
import { PromptInput } from './prompt-input.ts'
import { safeInline } from './sanitise.ts'
import type { Theme } from './theme.ts'

/** true, or a sentence that says what is wrong with the value. */
export type Validation = true | string

export interface TextQuestion {
  readonly message: string
  /** Taken by Enter on an empty line. */
  readonly initial?: string
  readonly validate?: (value: string) => Validation | Promise<Validation>
}

export interface PasswordQuestion {
  readonly message: string
  readonly validate?: (value: string) => Validation | Promise<Validation>
}

export interface Choice<T> {
  readonly value: T
  readonly name: string
}

/** Each rejects with E_CANCELLED when the person, the program or the terminal gives up. */
export interface Form {
  text(question: TextQuestion): Promise<string>
  /** Masked; nothing of it stays on the screen. */
  password(question: PasswordQuestion): Promise<string>
  confirm(message: string, initial: boolean): Promise<boolean>
  choose<T>(message: string, choices: readonly Choice<T>[], initial?: T): Promise<T>
}

/** interrupt: Ctrl-C. eof: Ctrl-D. aborted: the program gave up. hangup: the terminal is gone. */
type CancelReason = 'interrupt' | 'eof' | 'aborted' | 'hangup'

export interface PromptsOptions {
  readonly tty: TtyInput
  readonly output: TerminalOutput
  readonly theme: Theme
}

/** Keys typed between two questions of a form that are kept for the next one. */
const MAX_HELD_CHARS = 1024
const CTRL_C = '\x03'
const MIN_PAGE = 5

function cancelled(reason: CancelReason): SecureChatError {
  return new SecureChatError('E_CANCELLED', 'Cancelled.', { cause: reason })
}

export class Prompts implements Form {
  readonly #options: PromptsOptions
  /** The question that is on the screen, or the last one. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: PromptsOptions) {
    this.#options = options
  }

  /**
   * Several questions with work between them. What is typed during the work waits for the next question of this form and
   * for nothing else; Ctrl-C then ends the form at once, whatever `fn` is waiting for. `signal` tells `fn`.
   * A form that ended well without a question gives it to `unasked`: no password can be in it.
   */
  async form<T>(
    fn: (form: Form, signal: AbortSignal) => Promise<T>,
    outer?: AbortSignal,
    unasked?: (typed: string) => void,
  ): Promise<T> {
    const { tty } = this.#options
    const session = new Session(outer)
    const release = tty.attach((text) => {
      session.hold(text)
    })
    const offHangup = tty.onHangup(() => {
      session.cancel('hangup')
    })
    try {
      const result = await Promise.race([fn(this.#bound(session), session.signal), session.over])
      const typed = session.takeHeld()
      if (!session.hasAsked && typed !== '') unasked?.(typed)
      return result
    } finally {
      session.cancel('aborted') // a question that `fn` asks later finds nobody
      offHangup()
      release()
    }
  }

  text(question: TextQuestion): Promise<string> {
    return this.form((form) => form.text(question))
  }

  password(question: PasswordQuestion): Promise<string> {
    return this.form((form) => form.password(question))
  }

  confirm(message: string, initial: boolean): Promise<boolean> {
    return this.form((form) => form.confirm(message, initial))
  }

  choose<T>(message: string, choices: readonly Choice<T>[], initial?: T): Promise<T> {
    return this.form((form) => form.choose(message, choices, initial))
  }

  #bound(session: Session): Form {
    const { theme, output } = this.#options
    const look = inquirerTheme(theme)
    return {
      text: ({ message, initial, validate }) =>
        this.#ask(session, true, async (ask, checked) => {
          const { answer } = await ask({
            type: 'input',
            name: 'answer',
            message: safeInline(message),
            theme: look,
            validate: checked(validate),
            ...(initial === undefined ? {} : { default: safeInline(initial) }),
          })
          return String(answer)
        }),
      password: ({ message, validate }) =>
        this.#ask(session, false, async (ask, checked) => {
          const { answer } = await ask({
            type: 'password',
            name: 'answer',
            message: safeInline(message),
            theme: look,
            mask: '*',
            toggleMask: false,
            validate: checked(validate),
          })
          return String(answer)
        }),
      confirm: (message, initial) =>
        this.#ask(session, true, async (ask) => {
          const { answer } = await ask({
            type: 'confirm',
            name: 'answer',
            message: safeInline(message),
            theme: look,
            default: initial,
          })
          return answer === true
        }),
      choose: (message, choices, initial) =>
        this.#ask(session, true, async (ask) => {
          const at = choices.findIndex((choice) => choice.value === initial)
          const { answer } = await ask({
            type: 'select',
            name: 'answer',
            message: safeInline(message),
            theme: look,
            loop: false,
            pageSize: Math.max(MIN_PAGE, (output.rows ?? 0) - 4),
            choices: choices.map(({ name }, value) => ({ name: safeInline(name), value })),
            ...(at < 0 ? {} : { default: at }),
          })
          const chosen = choices[Number(answer)] ?? fail('E_INTERNAL')
          return chosen.value
        }),
    }
  }

  /** Waits for its turn, then asks with streams of its own. */
  #ask<T>(session: Session, visible: boolean, run: Asking<T>): Promise<T> {
    const turn = this.#turn.then(() => this.#askNow(session, visible, run))
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #askNow<T>(session: Session, visible: boolean, run: Asking<T>): Promise<T> {
    const { tty, output } = this.#options
    if (session.signal.aborted) throw cancelled(session.reason)
    session.hasAsked = true
    const input = new PromptInput(visible, (why) => {
      session.cancel(why)
    })
    const release = tty.attach((text) => {
      input.feed(text)
    })
    const ask = inquirer.createPromptModule({
      input,
      output: new PromptOutput(output),
      signal: session.signal,
      clearPromptOnDone: !visible, // the mask would tell the length of a password
    }) as unknown as Module
    const checked = (validate?: Validate): Validate => {
      return async (value) => {
        input.hold()
        const verdict = (await validate?.(value)) ?? true
        if (verdict === true) return true // what comes next is not for this question
        input.goOn()
        return safeInline(verdict)
      }
    }
    try {
      const answer = run(ask, checked)
      input.feed(session.takeHeld())
      return await answer
    } catch (error) {
      if (error instanceof Error && GIVEN_UP.includes(error.name)) throw cancelled(session.reason)
      throw error
    } finally {
      release()
      session.hold(input.close())
    }
  }
}

type Validate = (value: string) => Validation | Promise<Validation>
/** inquirer's own types lose the answer of a question that is built from parts. */
type Module = (question: object) => Promise<{ readonly answer: unknown }>
type Asking<T> = (ask: Module, checked: (validate?: Validate) => Validate) => Promise<T>

const GIVEN_UP: readonly string[] = ['AbortPromptError', 'ExitPromptError', 'CancelPromptError']

/** One form: whether it goes on, and what was typed ahead. */
class Session {
  /** Rejects when the form is cancelled; never resolves. */
  readonly over: Promise<never>
  hasAsked = false
  readonly #abort = new AbortController()
  #reason: CancelReason = 'aborted'
  #held = ''

  constructor(outer?: AbortSignal) {
    this.over = new Promise((_, reject) => {
      this.signal.addEventListener('abort', () => {
        reject(cancelled(this.#reason))
      })
    })
    this.over.catch(() => undefined)
    if (outer?.aborted === true) this.cancel('aborted')
    outer?.addEventListener(
      'abort',
      () => {
        this.cancel('aborted')
      },
      { signal: this.signal },
    )
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get reason(): CancelReason {
    return this.#reason
  }

  cancel(reason: CancelReason): void {
    if (this.signal.aborted) return
    this.#reason = reason
    this.#abort.abort()
  }

  hold(text: string): void {
    if (text.includes(CTRL_C)) this.cancel('interrupt')
    this.#held = (this.#held + text).slice(0, MAX_HELD_CHARS)
  }

  takeHeld(): string {
    const held = this.#held
    this.#held = ''
    return held
  }
}

/** inquirer ends its output when a question is done; this one forwards and can be ended. */
class PromptOutput extends Writable {
  readonly isTTY = true
  readonly #output: TerminalOutput

  constructor(output: TerminalOutput) {
    super({ decodeStrings: false })
    this.#output = output
  }

  get columns(): number {
    return this.#output.columns ?? 80
  }

  get rows(): number {
    return this.#output.rows ?? 24
  }

  override _write(chunk: unknown, _: BufferEncoding, done: () => void): void {
    this.#output.write(String(chunk))
    done()
  }
}

/** inquirer paints with node:util, which does not know NO_COLOR: every style it has is replaced. */
function inquirerTheme(theme: Theme): object {
  const muted = (text: string): string => theme.paint('muted', text)
  return {
    prefix: { idle: theme.paint('question', '?'), done: theme.paint('muted', '?') },
    spinner: { interval: 1000, frames: [theme.paint('muted', '?')] }, // TERMINAL rule 17: none
    icon: { cursor: theme.glyphs.pointer },
    style: {
      answer: (text: string) => text,
      message: (text: string) => theme.paint('question', text),
      error: (text: string) => theme.paint('error', `> ${text}`),
      defaultAnswer: (text: string) => muted(`(${text})`),
      help: muted,
      highlight: (text: string) => theme.paint('command', text),
      key: (text: string) => text,
      disabled: muted,
      description: muted,
      maskedText: '',
      keysHelpTip: () => muted('Arrow keys choose, Enter takes it, Ctrl-C cancels.'),
    },
  }
}
