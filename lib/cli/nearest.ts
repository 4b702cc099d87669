// "Did you mean": the known word within two typing mistakes of what was typed.
import { distance } from 'fastest-levenshtein'

const MAX_TYPOS = 2

/** Undefined when nothing is near. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  return known
    .map((word) => ({ word, typos: distance(typed.toLowerCase(), word.toLowerCase()) }))
    .filter(({ typos }) => typos <= MAX_TYPOS)
    .sort((a, b) => a.typos - b.typos)[0]?.word
}
