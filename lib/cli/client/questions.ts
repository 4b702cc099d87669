// Questions that arrive by themselves: file offers, requests, key changes. They never take the keyboard (TERMINAL rules 6
// to 8): one stands in the prompt only while nothing is typed and the keyboard is quiet, and an answer belongs to the
// question that stood there when its first key was typed. Knows no screen and no clock.
import type { Row } from './rows.ts'

export interface Question {
  readonly number: number
  readonly text: Row
  /** What stands behind it in the prompt: `[y/n]`. */
  readonly choices: string
  /** How to settle it with what was typed; undefined: that is no answer. */
  readonly accept: (typed: string) => (() => void) | undefined
  readonly withdrawn: () => void
}

export type Verdict =
  /** none: not about a question. answered: settled. */
  | { readonly type: 'none' | 'answered' }
  /** Meant for a question that is gone meanwhile: nothing was answered. */
  | { readonly type: 'gone'; readonly question: Question }
  /** Typed while this question stood in the prompt, and no answer to it. */
  | { readonly type: 'unfit'; readonly question: Question }

export class Questions {
  #open: Question[] = []
  /** The question that the line being typed belongs to. */
  #bound: Question | null = null
  #next = 1

  get count(): number {
    return this.#open.length
  }

  nextNumber(): number {
    return this.#next
  }

  add(question: Question): void {
    this.#next = Math.max(this.#next, question.number + 1)
    this.#open.push(question)
  }

  /** The question for the prompt. `quiet`: nothing is typed, and no key came for a while. */
  front(quiet: boolean): Question | null {
    if (this.#bound !== null) return this.#open.includes(this.#bound) ? this.#bound : null
    return quiet ? (this.#open[0] ?? null) : null
  }

  /** The first key of a line was typed while `question` (or none) stood in the prompt. */
  bind(question: Question | null): void {
    this.#bound = question
  }

  /** A line was entered. An answer settles its question. */
  judge(line: string): Verdict {
    const question = this.#bound
    this.#bound = null
    if (question === null) return { type: 'none' }
    const settle = question.accept(line.trim())
    const open = this.#open.includes(question)
    if (settle === undefined) return open ? { type: 'unfit', question } : { type: 'none' }
    if (!open) return { type: 'gone', question }
    this.#remove(question)
    settle()
    return { type: 'answered' }
  }

  /** False: it is not open (any more). */
  withdraw(question: Question): boolean {
    if (!this.#open.includes(question)) return false
    this.#remove(question)
    question.withdrawn()
    return true
  }

  withdrawAll(): void {
    for (const question of this.#open) this.withdraw(question)
  }

  #remove(question: Question): void {
    this.#open = this.#open.filter((q) => q !== question)
  }
}

/** y, yes, n, no; nothing else counts and there is no default. */
export function parseYesNo(typed: string): 'y' | 'n' | undefined {
  if (/^y(es)?$/iu.test(typed)) return 'y'
  return /^no?$/iu.test(typed) ? 'n' : undefined
}
