// The front for programs: every event, every row a command prints and every result as one JSON object on one line. Remote
// text is data here and is not cleaned, but nothing that a terminal acts upon leaves unescaped (safeJson). A reader that is
// slow slows the program down: standard output blocks, so nothing piles up in memory.
import type { Writable } from 'node:stream'

import type { ClientEvent, MessageView } from '../../../client/events.ts'
import type { Me } from '../../../client/api.ts'
import type { ErrorCode, SecureChatError } from '../../../util/errors.ts'
import type { ExitCode } from '../../exit-codes.ts'
import { safeJson } from '../../sanitise.ts'
import type { Front, Mark } from '../front.ts'

/** Grows when a field changes its meaning or goes away; new types and fields may come at any time. */
export const JSON_VERSION = 1

/** What a caller gives to find the answers to its line again. */
export type LineId = string | number

/** What is printed besides the events of the session. JSON.md describes all of it. */
export type JsonLine =
  | ClientEvent
  | { readonly type: 'hello'; readonly version: number; readonly program: string }
  | { readonly type: 'ready'; readonly me: Me }
  | { readonly type: 'row'; readonly mark: Mark; readonly text: string; readonly id?: LineId }
  | { readonly type: 'past'; readonly message: MessageView; readonly id?: LineId }
  | {
      readonly type: 'result'
      readonly ok: boolean
      readonly code?: ErrorCode
      readonly text?: string
      readonly id?: LineId
    }
  | { readonly type: 'error'; readonly code: ErrorCode; readonly text: string }
  | { readonly type: 'end'; readonly exit: ExitCode }

export class JsonFront implements Front {
  readonly attended = false
  readonly forms = null
  readonly #output: Writable
  #id: LineId | undefined

  constructor(output: Writable) {
    this.#output = output
  }

  put(line: JsonLine | Readonly<Record<string, unknown>>): void {
    this.#output.write(`${safeJson(line)}\n`)
  }

  /** Why the program ends. */
  readonly failed = ({ code, message }: SecureChatError): void => {
    this.put({ type: 'error', code, text: message })
  }

  /** Rows and past messages belong to this line until the next one. */
  answering(id: LineId | undefined): void {
    this.#id = id
  }

  form<T>(fn: () => Promise<T>): Promise<T> {
    return fn()
  }

  row(mark: Mark, text: string): void {
    this.put({ type: 'row', mark, text, ...this.#about() })
  }

  rows(mark: Mark, lines: readonly string[]): void {
    for (const text of lines) this.row(mark, text)
  }

  past(message: MessageView): void {
    this.put({ type: 'past', message, ...this.#about() })
  }

  message(): void {
    // its event is printed
  }

  messageState(): void {
    // likewise
  }

  progress(): void {
    // likewise
  }

  progressEnd(): void {
    // likewise
  }

  /** What a command asks before it goes on; the hint says what to type. Who may be asked by others has their events. */
  question(text: string, hint: string): { withdraw(): void } {
    this.row('?', `${text} ${hint}`)
    return { withdraw: () => undefined }
  }

  connection(): void {
    // its event is printed
  }

  place(): void {
    // there is no prompt
  }

  giveBack(): void {
    // the line is in the caller's program
  }

  clear(): void {
    // nothing to clear
  }

  qr(_payload: string, words: readonly string[] = []): void {
    if (words.length > 0) this.rows('*', words)
  }

  #about(): { readonly id?: LineId } {
    return this.#id === undefined ? {} : { id: this.#id }
  }
}
