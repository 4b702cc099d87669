// One typed line -> what it asks for. Knows the grammar of the prompt, not what commands do.
import { nearest } from '../nearest.ts'

/** What a command accepts behind its name. `rest` of a line is kept as typed. */
export interface CommandSpec {
  readonly name: string
  /** Other full names, e.g. those of the programs this one replaces. */
  readonly aliases?: readonly string[]
}

export type Line =
  | { readonly kind: 'empty' }
  /** Plain text: goes to the open chat, if there is one. */
  | { readonly kind: 'text'; readonly text: string }
  /** `@alice hello` */
  | { readonly kind: 'to'; readonly user: string; readonly text: string }
  /** `#team hello`; `group` begins with its `#`. */
  | { readonly kind: 'group'; readonly group: string; readonly text: string }
  | { readonly kind: 'command'; readonly name: string; readonly rest: string }
  | { readonly kind: 'unknown'; readonly typed: string; readonly suggestions: readonly string[] }
  | { readonly kind: 'ambiguous'; readonly typed: string; readonly candidates: readonly string[] }

/**
 * `!` and `/` start a command, `@` names a person, `#` a group; doubled they are literal. A unique prefix of a command name is enough;
 * aliases must be typed in full. Only the first line decides: a pasted message may contain anything.
 */
export function parseLine(line: string, commands: readonly CommandSpec[]): Line {
  const text = line.trim()
  if (text === '') return { kind: 'empty' }
  const first = text.charAt(0)
  if (text.charAt(1) === first && '!/@#'.includes(first)) {
    return { kind: 'text', text: text.slice(1) }
  }
  if (first === '@') {
    const [, user = '', rest = ''] = /^@(\S*)\s*([\s\S]*)$/.exec(text) ?? []
    return { kind: 'to', user, text: rest }
  }
  if (first === '#') {
    const [, group = '', rest = ''] = /^(#\S*)\s*([\s\S]*)$/.exec(text) ?? []
    return { kind: 'group', group, text: rest }
  }
  if (first === '!' || first === '/') {
    const [, typed = '', rest = ''] = /^.(\S*)\s*([\s\S]*)$/.exec(text) ?? []
    return findCommand(typed, rest, commands)
  }
  return { kind: 'text', text }
}

function findCommand(typed: string, rest: string, commands: readonly CommandSpec[]): Line {
  const folded = typed.toLowerCase()
  const exact = commands.find(
    (c) => c.name === folded || c.aliases?.some((a) => a.toLowerCase() === folded) === true,
  )
  if (exact !== undefined) return { kind: 'command', name: exact.name, rest }
  const byPrefix = folded === '' ? [] : commands.filter((c) => c.name.startsWith(folded))
  const [only] = byPrefix
  if (only !== undefined && byPrefix.length === 1) {
    return { kind: 'command', name: only.name, rest }
  }
  if (byPrefix.length > 1) {
    return { kind: 'ambiguous', typed, candidates: byPrefix.map((c) => c.name) }
  }
  const near = nearest(
    folded,
    commands.map((c) => c.name),
  )
  return { kind: 'unknown', typed, suggestions: near === undefined ? [] : [near] }
}

/**
 * Splits the arguments of a command at blanks; "double" or 'single' quotes and backslashes keep them together, so that
 * `!file alice "./my doc.pdf"` and a completed path work. Null for an unfinished quote.
 */
export function splitArguments(rest: string): string[] | null {
  const out: string[] = []
  let current: string | null = null
  let quote = ''
  for (let i = 0; i < rest.length; i++) {
    const c = rest.charAt(i)
    if (quote !== '') {
      if (c === quote) quote = ''
      else current = (current ?? '') + c
    } else if (c === '"' || c === "'") {
      quote = c
      current ??= ''
    } else if (c === '\\' && i + 1 < rest.length) {
      i += 1
      current = (current ?? '') + rest.charAt(i)
    } else if (/\s/.test(c)) {
      if (current !== null) out.push(current)
      current = null
    } else {
      current = (current ?? '') + c
    }
  }
  if (quote !== '') return null
  if (current !== null) out.push(current)
  return out
}

/** At most `count` arguments, the last of them everything that is left, blanks and quotes included. */
export function splitText(rest: string, count: number): string[] {
  const out: string[] = []
  let left = rest.trim()
  while (out.length < count - 1 && left !== '') {
    const [, word = '', more = ''] = /^(\S+)\s*([\s\S]*)$/.exec(left) ?? []
    out.push(word)
    left = more
  }
  return left === '' ? out : [...out, left]
}

/** `@alice`, `alice` and `ALICE` name the same person. */
export function userArgument(word: string): string {
  return word.replace(/^@/, '').toLowerCase()
}
