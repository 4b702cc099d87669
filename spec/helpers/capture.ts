// Screens of real runs, kept as text in spec/fixtures/screens and looked at by a person: what is different at every run (times,
// ports, keys, folders) stands there as one example. RENEW=1 writes them anew.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

import { qrRows } from '../../lib/cli/client/qr.ts'
import { plainText } from '../../lib/cli/client/rows.ts'
import { safetyWords } from '../../lib/identity/safety-words.ts'
import type { Screen } from './screen.ts'
import { type CellRun, svg } from './svg.ts'

const EXAMPLE = Array.from({ length: 12 }, (_, i) =>
  String(((i + 1) * 12345) % 100_000).padStart(5, '0'),
)

/** The same screen with an example for everything that no two runs have in common. */
export function normalised(view: string): string {
  const rows = view
    .replace(/(^|\| )\d\d:\d\d(?= )/gmu, '$112:04')
    .replace(
      /\| - \w+day,? \d+ \w+ \d{4} -+$/gmu,
      '| - Friday 20 November 2026 -------------------------',
    )
    .replace(/127\.0\.0\.1:\d+/gu, '127.0.0.1:7700')
    .replace(/(?:[0-9A-Z]{5}-){5}[0-9A-Z]{5}/gu, '7QX2M-P8ZC4-4TN9W-XHLA6-9WVE3-6B3SY')
    .replace(/: [0-9A-Z]{5}$/gmu, ': P8ZC4')
    .replace(
      /unaltered:\s+\/[^]*?(?=\/[^/\s]+$)/gmu,
      'unaltered:\n  /home/alice/Downloads/securechat',
    )
    .split('\n')
    .filter((row) => !/^- \w+day,? \d+ \w+ \d{4} -+$/u.test(row))
  return withExample(rows).join('\n')
}

/** A safety number on the screen becomes the example: digits, words and code, which have to say the same. */
function withExample(rows: readonly string[]): readonly string[] {
  const groups = rows.flatMap(
    (row) => / {4}(\d{5}(?: \d{5}){3})(?: |$)/u.exec(row)?.[1]?.split(' ') ?? [],
  )
  if (groups.length !== 12) return rows
  const looks = { seen: parts(groups), wanted: parts(EXAMPLE) }
  return rows.map((row) => {
    let shown = row
    looks.seen.forEach((part, i) => {
      shown = shown.replace(part, looks.wanted[i] ?? '')
    })
    return shown
  })
}

/** Rows of digits, of words and of the code, as they stand on the screen. */
function parts(groups: readonly string[]): string[] {
  const words = safetyWords(groups).map((word) => word.padEnd(12))
  const code = (qrRows(groups.join(''), { cols: 80, rows: 40 }) ?? []).map(plainText)
  const digits = [0, 4, 8].map((from) => groups.slice(from, from + 4).join(' '))
  const lines = [0, 3, 6, 9, 12, 15, 18, 21, 24].map((from) => words.slice(from, from + 3).join(''))
  return [...digits, ...lines, ...code]
}

interface Asserts {
  is(actual: string, expected: string): unknown
}

/** A picture of it, for the README: made with RENEW=1 only, because colours come from keys that are new in each run. */
export function picture(
  name: string,
  cells: readonly (readonly CellRun[])[],
  cols: number,
  label: string,
): void {
  const file = new URL(`../fixtures/screens/${name}.svg`, import.meta.url)
  if (process.env['RENEW'] === '1' || !existsSync(file))
    writeFileSync(file, svg(cells, cols, label))
}

/** What is on the way to the screen has the patience of `waitFor` to get there. */
export async function looksLike(t: Asserts, name: string, screen: Screen): Promise<void> {
  const file = new URL(`../fixtures/screens/${name}.txt`, import.meta.url)
  const seen = (): string => `${normalised(screen.view)}\n`
  if (process.env['RENEW'] === '1' || !existsSync(file)) {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    writeFileSync(file, seen())
  }
  const expected = readFileSync(file, 'utf8')
  const isThere = (): string => (seen() === expected ? 'the same' : 'different')
  await screen.waitFor(/^the same$/, isThere).catch(() => undefined)
  t.is(seen(), expected)
}
