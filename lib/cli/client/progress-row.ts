// One row for one transfer in the live block: name, who, bar, percent, sizes, rate, time left - as much as fits. Pure.
import { safeName } from '../sanitise.ts'
import type { Glyphs } from '../theme.ts'
import { clipRow, type Row } from './rows.ts'
import { fit, width } from './width.ts'

export interface ProgressView {
  readonly direction: 'down' | 'up'
  readonly name: string
  readonly peer: string
  readonly doneBytes: number
  readonly totalBytes: number
  readonly bytesPerSecond?: number | undefined
  readonly etaMs?: number | undefined
  /** Instead of rate and time left: `paused`, `waiting for bob`. */
  readonly note?: string | undefined
}

const BAR_COLS = 20
const MIN_BAR_COLS = 6
const NAME_COLS = 12
const PEER_COLS = 8
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const

/** `2.1 MB`; decimal units, one digit below ten. */
export function formatBytes(bytes: number): string {
  const { value, unit } = scale(bytes)
  return `${value} ${unit}`
}

function scale(bytes: number, like = bytes): { value: string; unit: string } {
  let power = 0
  let divisor = 1
  while (like / divisor >= 999.5 && power < UNITS.length - 1) {
    power++
    divisor *= 1000
  }
  const amount = bytes / divisor
  const digits = power === 0 || like / divisor >= 99.95 ? 0 : 1
  return { value: amount.toFixed(digits), unit: UNITS[power] ?? '' }
}

/** `0:04`, `12:30`, `1:02:03`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (n: number): string => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

export function progressRow(view: ProgressView, glyphs: Glyphs, cols: number): Row {
  const share = view.totalBytes === 0 ? 1 : Math.min(1, view.doneBytes / view.totalBytes)
  const percent = `${String(Math.floor(share * 100)).padStart(3)}%`
  const name = fit(safeName(view.name), NAME_COLS)
  const peer = fit(safeName(view.peer), PEER_COLS)
  const head = `${view.direction === 'down' ? glyphs.down : glyphs.up} ${name} ${peer}`
  const details = [sizes(view), ...speed(view)]
  // What does not fit goes from the right; the bar gives way before the sizes do.
  while (details.length > 0) {
    const tail = ` ${percent}  ${details.join('  ')}`
    const room = Math.min(BAR_COLS, cols - 1 - width(head) - width(tail) - 3)
    if (room >= MIN_BAR_COLS) return [...bar(head, share, room), { text: tail }]
    details.pop()
  }
  return clipRow([{ text: `${percent} ` }, { text: head }], cols - 1)
}

function bar(head: string, share: number, cells: number): Row {
  const full = Math.floor(share * cells)
  return [
    { text: `${head} [` },
    { text: '#'.repeat(full), role: 'progress' },
    { text: '.'.repeat(cells - full), role: 'muted' },
    { text: ']' },
  ]
}

function sizes({ doneBytes, totalBytes }: ProgressView): string {
  const total = scale(totalBytes)
  return `${scale(Math.min(doneBytes, totalBytes), totalBytes).value}/${total.value} ${total.unit}`
}

function speed({ bytesPerSecond, etaMs, note }: ProgressView): string[] {
  if (note !== undefined) return [safeName(note)]
  const rate = bytesPerSecond === undefined ? [] : [`${formatBytes(bytesPerSecond)}/s`]
  return etaMs === undefined ? rate : [...rate, formatDuration(etaMs)]
}
