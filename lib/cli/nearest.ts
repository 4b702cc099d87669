// "Did you mean": the known word within two typing mistakes of what was typed, one for a short word.
import { distance } from 'fastest-levenshtein'

const MAX_TYPOS = 2
const SHORT = 4

/** Undefined when nothing is near. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  return known
    .map((word) => ({ word, typos: distance(typed.toLowerCase(), word.toLowerCase()) }))
    .filter(({ typos }) => typos <= (typed.length < SHORT ? 1 : MAX_TYPOS))
    .sort((a, b) => a.typos - b.typos)[0]?.word
}
