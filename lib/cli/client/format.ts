// Times as words. Pure; sizes and rates are in progress-row.ts.

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `13:04`, or `01:04pm`; local time, always as wide. */
export function clockTime(ms: number, hours: '24' | '12' = '24'): string {
  const d = new Date(ms)
  const h = d.getHours()
  const minutes = two(d.getMinutes())
  if (hours === '24') return `${two(h)}:${minutes}`
  return `${two(h % 12 === 0 ? 12 : h % 12)}:${minutes}${h < 12 ? 'am' : 'pm'}`
}

/** `Friday 20 November 2026`, local date. */
export function longDate(ms: number): string {
  return new Date(ms).toLocaleDateString('en-GB', {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
  })
}

/** `2026-11-20`, local date. */
export function isoDate(ms: number): string {
  const d = new Date(ms)
  return `${String(d.getFullYear()).padStart(4, '0')}-${two(d.getMonth() + 1)}-${two(d.getDate())}`
}

export function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString()
}

/** `8 s`, `2 min 10 s`, `3 h 5 min`, `4 days` */
export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / SECOND))
  if (s < 60) return `${String(s)} s`
  const min = Math.floor(s / 60)
  if (min < 60)
    return s % 60 === 0 ? `${String(min)} min` : `${String(min)} min ${String(s % 60)} s`
  const h = Math.floor(min / 60)
  if (h < 24) return min % 60 === 0 ? `${String(h)} h` : `${String(h)} h ${String(min % 60)} min`
  const days = Math.floor(h / 24)
  return `${String(days)} day${days === 1 ? '' : 's'}`
}

/** `just now`, `5 min ago` */
export function age(ms: number): string {
  if (ms < MINUTE) return 'just now'
  if (ms < HOUR) return `${String(Math.floor(ms / MINUTE))} min ago`
  if (ms < DAY) return `${String(Math.floor(ms / HOUR))} h ago`
  return `${duration(ms)} ago`
}

function two(n: number): string {
  return String(n).padStart(2, '0')
}
