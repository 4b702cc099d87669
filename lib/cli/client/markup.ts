// A small part of Markdown in one line of a message: **bold**, *italic* or _italic_, ~~struck~~, `code`. Pure; the text is
// already fit for a terminal, and what comes out are pieces of that very text with roles, nothing else. Marks count only
// where they hug words from outside, so that file*names and snake_case stay as they are. Linear in the length.
import { hasRightToLeft } from '../sanitise.ts'
import type { Role } from '../theme.ts'

export interface Piece {
  readonly text: string
  readonly role?: Role
}

const MARKS: readonly { readonly mark: string; readonly role: Role }[] = [
  { mark: '`', role: 'code' },
  { mark: '**', role: 'bold' },
  { mark: '~~', role: 'struck' },
  { mark: '*', role: 'italic' },
  { mark: '_', role: 'italic' },
]
const WORD = /[\p{L}\p{N}]/u
/** More than anybody writes in a line. */
const PIECES_MAX = 100

/** `keepMarks`: where colours do not show, the marks say what is meant. */
export function markup(line: string, keepMarks: boolean): readonly Piece[] {
  // pieces of right-to-left text would be shown in the wrong order
  if (hasRightToLeft(line)) return [{ text: line }]
  const pieces: Piece[] = []
  /** Marks that have no closing partner any more. */
  const spent = new Set<string>()
  let plainFrom = 0
  let at = 0
  while (at < line.length && pieces.length < PIECES_MAX) {
    const found = MARKS.find(({ mark }) => !spent.has(mark) && opens(line, at, mark))
    const end = found === undefined ? -1 : closing(line, at, found.mark)
    if (found === undefined || end < 0) {
      if (found !== undefined) spent.add(found.mark)
      else at += 1
      continue
    }
    const { mark, role } = found
    if (at > plainFrom) pieces.push({ text: line.slice(plainFrom, at) })
    const inside = line.slice(at + mark.length, end)
    pieces.push({ text: keepMarks ? mark + inside + mark : inside, role })
    at = end + mark.length
    plainFrom = at
  }
  if (plainFrom < line.length) pieces.push({ text: line.slice(plainFrom) })
  return pieces
}

function opens(line: string, at: number, mark: string): boolean {
  if (!line.startsWith(mark, at)) return false
  const after = line.charAt(at + mark.length)
  return !isWordBefore(line, at, mark) && after.trim() !== '' && after !== mark.charAt(0)
}

/** Where the closing mark is; -1: nowhere behind `at`. */
function closing(line: string, at: number, mark: string): number {
  const from = at + mark.length + 1
  for (let end = line.indexOf(mark, from); end >= 0; end = line.indexOf(mark, end + 1)) {
    if (mark === '`') return end
    const before = line.charAt(end - 1)
    const after = line.charAt(end + mark.length)
    const isAlone = before !== mark.charAt(0) && after !== mark.charAt(0)
    if (isAlone && before.trim() !== '' && !WORD.test(after)) return end
  }
  return -1
}

function isWordBefore(line: string, at: number, mark: string): boolean {
  const before = line.charAt(at - 1)
  return at > 0 && (WORD.test(before) || before === mark.charAt(0))
}
