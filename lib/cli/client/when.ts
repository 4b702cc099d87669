// Dates and lengths of time as people type them. Pure.
import { fail } from '../../util/errors.ts'
import { parseSpan } from '../../util/span.ts'

const DAY_MS = 86_400_000

/**
 * `2026-11-20`, `2026-11-20T12:30`, `today`, `yesterday`, or a span before now (`2d`), local time. `end`: a day alone means
 * the end of it. @throws E_USAGE
 */
export function parseDate(typed: string, now: number, end = false): number {
  const span = parseSpan(typed)
  if (span !== null) return now - span * 1000
  const word = typed.toLowerCase()
  const midnight = new Date(now).setHours(0, 0, 0, 0)
  const lengthMs = end ? DAY_MS : 0
  if (word === 'today') return midnight + lengthMs
  if (word === 'yesterday') return midnight - DAY_MS + lengthMs
  const [, year = '', month = '', day = '', hour, minute = '0'] =
    /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2}))?$/.exec(typed) ?? []
  const date = new Date(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour ?? 0),
    Number(minute),
  )
  const isReal = date.getMonth() === Number(month) - 1 && date.getDate() === Number(day)
  if (year === '' || !isReal) {
    fail(
      'E_USAGE',
      'A date is 2026-11-20, 2026-11-20T12:30, today, yesterday, or 2d for two days ago.',
    )
  }
  return date.getTime() + (hour === undefined ? lengthMs : 0)
}

/** `5 s`, `1 hour`, `2 days`: the largest unit that fits. */
export function spanWords(seconds: number): string {
  for (const [unit, size] of [
    ['week', 7 * 86_400],
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const) {
    if (seconds % size === 0 && seconds >= size) {
      const count = seconds / size
      return `${String(count)} ${unit}${count === 1 ? '' : 's'}`
    }
  }
  return `${String(seconds)} seconds`
}
