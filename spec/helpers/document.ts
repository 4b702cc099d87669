// PROTOCOL.md as data: its tables and sections, so that specs can compare the document with the code.
import { readFileSync } from 'node:fs'

export const documentText: string = readFileSync(
  new URL('../../lib/protocol/PROTOCOL.md', import.meta.url),
  'utf8',
)

/** The text from the line that starts with `heading` up to the next heading of the same or a higher level. */
export function section(heading: string): string {
  const lines = documentText.split('\n')
  const start = lines.findIndex((line) => line.startsWith(heading))
  if (start < 0) throw new Error(`PROTOCOL.md has no ${heading}`)
  const level = heading.indexOf(' ')
  const after = lines.slice(start + 1)
  const end = after.findIndex((line) => /^#+ /.test(line) && line.indexOf(' ') <= level)
  return after.slice(0, end < 0 ? undefined : end).join('\n')
}

/** The rows of the tables in a text, without headers and rulers; `code` marks are removed. */
export function rows(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('|'))
  const isRuler = (line: string | undefined): boolean =>
    line !== undefined && /^[|\s-]+$/.test(line)
  return lines
    .filter((line, i) => !isRuler(line) && !isRuler(lines[i + 1]))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    )
}

/** First cell to the rest, for tables whose first cell is a key. */
export function table(text: string): Map<string, string[]> {
  return new Map(rows(text).map(([key = '', ...rest]) => [key, rest]))
}
