// Numbers, times and sizes as words. Pure.

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `12:04`, local time. */
export function clockTime(ms: number): string {
  const d = new Date(ms)
  return `${two(d.getHours())}:${two(d.getMinutes())}`
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

/** `0:04`, `12:30`, `1:02:03`: what is left of a transfer. */
export function countdown(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / SECOND))
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60]
  return h > 0 ? `${String(h)}:${two(m)}:${two(s % 60)}` : `${String(m)}:${two(s % 60)}`
}

/** `812 B`, `48 KB`, `2.1 MB`, `3.2 GB` in powers of 1000. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${String(bytes)} B`
  const units = ['KB', 'MB', 'GB', 'TB'] as const
  let value = bytes / 1000
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  return `${value.toFixed(digits)} ${units[unit] ?? 'TB'}`
}

function two(n: number): string {
  return String(n).padStart(2, '0')
}
