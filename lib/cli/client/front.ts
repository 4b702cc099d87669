// What commands and events need of whatever shows them: the interactive screen, a pipe, a screen reader. Every string that
// reaches a front has been through cli/sanitise already, or is given as a MessageView whose body the front cleans.
import type { ConnectionState, MessageState, MessageView, Offer } from '../../client/events.ts'
import type { Known } from './faces.ts'
import type { Preferences } from './preferences.ts'
import type { UnreadChat } from './unread.ts'

/** First character of a row of ours (TERMINAL row grammar); `~12` tells what became of message 12. */
export type Mark = '*' | '!' | '?' | '-' | '~'

export interface Choice<T extends string> {
  readonly value: T
  readonly name: string
}

/** Questions that the person has asked for: sign up, log in, confirm. Each rejects with E_CANCELLED. */
export interface Forms {
  text(options: {
    readonly message: string
    readonly initial?: string
    readonly validate?: (value: string) => true | string
  }): Promise<string>
  password(options: {
    readonly message: string
    readonly validate?: (value: string) => true | string | Promise<true | string>
  }): Promise<string>
  confirm(message: string, initial: boolean): Promise<boolean>
  choose<T extends string>(message: string, choices: readonly Choice<T>[]): Promise<T>
}

/** What of cli/prompts is needed by a front. */
export interface OpenForm {
  /** `unasked` gets what was typed meanwhile, when the form ended well without a question. */
  form<T>(
    fn: (forms: Forms) => Promise<T>,
    outer?: AbortSignal,
    unasked?: (typed: string) => void,
  ): Promise<T>
}

export interface Progress {
  readonly offer: Offer
  readonly bytesPerSecond: number
  readonly etaMs: number | undefined
}

/** Shows the file if it is a picture. @throws E_FORMAT when it is none, E_TOO_BIG, E_TIMEOUT, E_FILE */
export interface PictureShow {
  show(path: string): Promise<void>
  /** Gives up what is not shown yet. */
  close(): void
}

export interface Front {
  /** A person looks at what is shown. */
  readonly attended: boolean
  /** Non-null while a form is open on a terminal. Null there is none: say which option does the same. */
  readonly forms: Forms | null
  /** Runs `fn` with `forms` open, if this front has a terminal. Inside another form it just runs. */
  form<T>(fn: () => Promise<T>): Promise<T>
  /** Absent: nothing here can show pictures. */
  readonly pictures?: PictureShow | undefined
  row(mark: Mark, text: string): void
  /** Several rows that belong together; continuation rows are the front's business. */
  rows(mark: Mark, lines: readonly string[]): void
  /** Something was said just now. `quiet`: no bell. */
  message(view: MessageView, fills: boolean, quiet?: boolean): void
  /** A line of the past, with its number and its date. */
  past(view: MessageView): void
  messageState(number: number, state: MessageState): void
  progress(progress: Progress): void
  /** The transfer ended, one way or the other. */
  progressEnd(offer: Offer): void
  /** A question that came by itself. `answer` is called at most once; `withdraw` takes the question back. */
  question(text: string, hint: string, answer: (yes: boolean) => void): { withdraw(): void }
  connection(state: ConnectionState): void
  /** Who is logged in and which chat is open (null: nobody, none), and whether that goes over a direct connection. */
  place(user: string | null, chat: string | null, isDirect?: boolean): void
  /** Puts text that could not be used back within reach. */
  giveBack(line: string): void
  clear(): void
  /** Where something is unread besides the open chat. */
  unread?(list: readonly UnreadChat[]): void
  /** Nothing of what was shown or typed is within anybody's reach any more. */
  conceal?(): void
  /** Where to look up who is known, for the look of names. */
  contacts?(known: Known): void
  /** What the person chose for this window. */
  preferences?(now: Preferences): void
  /** A code to scan, where there is room for it, with what it says in words beside it or in its place. */
  qr(payload: string, words?: readonly string[]): void
}
