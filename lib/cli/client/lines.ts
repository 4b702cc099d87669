// The front without a screen: one row of plain text a line, data on stdout, trouble on stderr. For pipes, logs and screen
// readers. It asks nothing; what waits for an answer is printed with the command that answers it.
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

import type { ConnectionState, MessageView } from '../../client/events.ts'
import { inert, safeBody, safeInline, safeRow } from '../sanitise.ts'
import type { App } from './app.ts'
import { runLine } from './dispatch.ts'
import type { Forms, Front, Mark, OpenForm } from './front.ts'
import { clockTime, duration, isoDate } from './format.ts'
import { chatWord, isGroupName } from './chat-words.ts'
import { answerWords, bodyWords, groupLine, missedWords, notesOf, speaker } from './message-text.ts'
import type { SecureChatError } from '../../util/errors.ts'
import { type ExitCode, exitCodeOf } from '../exit-codes.ts'

export interface LineStreams {
  readonly input: Readable
  readonly output: Writable
  readonly errors: Writable
}

export class LineFront implements Front {
  readonly attended = false
  forms: Forms | null = null
  readonly #streams: LineStreams
  readonly #prompts: OpenForm | undefined
  #offline = false

  /** `prompts`: for a person at a terminal who wants plain lines, so that a password is still hidden. */
  constructor(streams: LineStreams, prompts?: OpenForm) {
    this.#streams = streams
    this.#prompts = prompts
  }

  async form<T>(fn: () => Promise<T>): Promise<T> {
    if (this.#prompts === undefined || this.forms !== null) return fn()
    return this.#prompts.form(async (forms) => {
      this.forms = forms
      try {
        return await fn()
      } finally {
        this.forms = null
      }
    })
  }

  row(mark: Mark, text: string): void {
    this.rows(mark, [text])
  }

  rows(mark: Mark, lines: readonly string[]): void {
    const stream = mark === '!' ? this.#streams.errors : this.#streams.output
    const head = mark === '~' ? mark : `${mark} `
    for (const line of lines) stream.write(`${inert(`${head}${safeRow(line)}`).trimEnd()}\n`)
  }

  message(view: MessageView, fills = false): void {
    if (view.own) return
    // what was printed cannot be changed: say that this belongs further up
    if (fills) {
      this.row(
        '*',
        `A message from ${isGroupName(view.chat) ? `${view.from} in ${chatWord(view.chat)}` : `@${view.from}`} of ${clockTime(view.saidAt)} that was missing:`,
      )
    }
    const answer = answerWords(view)
    const who = safeInline(speaker(view))
    if (answer !== null) this.#write(`${who}: (${answer})`)
    for (const line of plainBody(view).split('\n')) this.#write(`${who}: ${line}`)
    const missed = missedWords(view)
    if (missed !== '') this.#write(`${who}: ${missed}`)
  }

  past(view: MessageView): void {
    const [first = '', ...more] = plainBody(view).split('\n')
    const when = `${isoDate(view.saidAt)} ${clockTime(view.saidAt)}`
    const answer = answerWords(view)
    const words = [answer === null ? '' : `(${answer})`, first].filter((s) => s !== '').join(' ')
    const notes = notesOf(view, false)
    const line = groupLine(view) ?? `${safeInline(speaker(view))}: ${words}`
    this.#write(`${String(view.number)} ${when} ${line}`)
    for (const next of more) this.#write(`|  ${next}`)
    if (notes !== '') this.#write(`   ${notes}`)
  }

  #write(line: string): void {
    this.#streams.output.write(`${inert(safeRow(line))}\n`)
  }

  messageState(): void {
    // `settled` at the end and the rows for held and failed messages say what matters here
  }

  progress(): void {
    // only the end is worth a line
  }

  progressEnd(): void {
    // likewise
  }

  question(text: string, hint: string): { withdraw(): void } {
    this.row('?', `${text} ${hint.replace(/^\(y\/n, or /, '(')}`)
    return { withdraw: () => undefined }
  }

  connection(state: ConnectionState): void {
    if (state.state === 'offline') {
      const next = state.nextTryMs === undefined ? '' : ` Next try in ${duration(state.nextTryMs)}.`
      if (!this.#offline) this.row('!', `Offline: ${state.reason}${next}`)
      this.#offline = true
    } else if (state.state === 'online') {
      if (this.#offline) this.row('!', 'Back online.')
      this.#offline = false
    }
  }

  place(): void {
    // there is no prompt to show it in
  }

  giveBack(): void {
    // the line is in the caller's script
  }

  clear(): void {
    // nothing to clear in a pipe
  }

  qr(_payload: string, words: readonly string[] = []): void {
    if (words.length > 0) this.rows('*', words.map(indented))
  }
}

function indented(words: string): string {
  return words === '' ? '' : `    ${words}`
}

function plainBody(view: MessageView): string {
  return view.body.kind === 'text' ? safeBody(view.body.text) : bodyWords(view.body)
}

/**
 * Reads commands until the end of input, one after the other, then waits until everything sent is accepted.
 * Resolves to what the first failure, of a command or of a message, means to the shell.
 */
export async function runLines(app: App, input: Readable): Promise<ExitCode> {
  let first: SecureChatError | null = null
  // Made right before iterating: lines that arrive between the two would be lost.
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    const error = await runLine(app, line)
    first ??= error
    if (app.ended) break
  }
  await app.session?.settled()
  return first === null ? app.undelivered : exitCodeOf(first)
}
