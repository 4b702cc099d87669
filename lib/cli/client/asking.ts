// A question that arrives by itself, as whoever asks it sees it: words, and a promise of the answer. Knows no screen.
import { safeInline } from '../sanitise.ts'
import { parseYesNo, type Question } from './questions.ts'
import { type Entry, notice, rowWidth, spans, type Text } from './rows.ts'

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

export function yesNo(ask: Ask): AskFor<'y' | 'n'> {
  return { ...ask, choices: '[y/n]', parse: parseYesNo }
}

/** The question for the prompt, and the answer to come; undefined: it was withdrawn. */
export function questionOf<A extends string>(
  { text, choices, parse }: AskFor<A>,
  number: number,
): { readonly question: Question; readonly answer: Promise<A | undefined> } {
  let settle: (answer: A | undefined) => void = () => undefined
  const answer = new Promise<A | undefined>((resolve) => {
    settle = resolve
  })
  const question: Question = {
    number,
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
  return { question, answer }
}

/** The row of the transcript that a question leaves. */
export function askedRow({ number, text }: Question, hint: Text | undefined): Entry {
  const asked = [{ text: `[${number}] ` }, ...text]
  if (hint === undefined) return notice('?', asked)
  const answers = spans(hint)
  const inOne = [...asked, { text: '   ' }, ...answers]
  // what can be typed is never torn: it has a row of its own where one does not hold both
  const [one, two] = [notice('?', inOne), notice('?', asked, answers)]
  return (cols) => (rowWidth(inOne) <= cols - 3 ? one(cols) : two(cols))
}
