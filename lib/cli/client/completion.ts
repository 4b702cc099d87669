// What Tab does with the candidates for the word before the cursor. Pure; who the candidates are is the caller's matter.
import { graphemes } from './width.ts'

/** Candidates that replace the text from `from` to the cursor. Each brings its own trailing blank or slash. */
export interface Completion {
  /** Offset into the line, in UTF-16 code units. */
  readonly from: number
  readonly items: readonly string[]
}

export type Completed =
  | { readonly type: 'none' }
  | { readonly type: 'insert'; readonly text: string; readonly offset: number }
  /** Nothing more is common to them: the list is shown. */
  | { readonly type: 'list'; readonly items: readonly string[] }

export function complete(line: string, offset: number, { from, items }: Completion): Completed {
  if (items.length === 0 || from < 0 || from > offset) return { type: 'none' }
  const common = commonPrefix(items)
  const typed = line.slice(from, offset)
  if (items.length > 1 && common.length <= typed.length) return { type: 'list', items }
  const before = line.slice(0, from) + common
  const after = line.slice(offset)
  return {
    type: 'insert',
    text: before + (doubled(common, after) ? after.slice(1) : after),
    offset: before.length,
  }
}

/** The blank behind the word is there already. */
function doubled(item: string, after: string): boolean {
  return item.endsWith(' ') && after.startsWith(' ')
}

function commonPrefix([first = '', ...others]: readonly string[]): string {
  let prefix = graphemes(first)
  for (const other of others) {
    const clusters = graphemes(other)
    const length = prefix.findIndex((cluster, i) => cluster !== clusters[i])
    if (length >= 0) prefix = prefix.slice(0, length)
  }
  return prefix.join('')
}
