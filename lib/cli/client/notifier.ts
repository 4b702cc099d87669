// When a message that arrives rings the bell or shows up on the desktop: only while nobody looks, seldom, and without its
// words unless they were asked for (TERMINAL rule 24). Knows no terminal.
import { safeInline } from '../sanitise.ts'
import type { Clock } from '../../util/clock.ts'

export interface Attention {
  /** Whether the window has the focus; undefined: this terminal does not tell. */
  readonly focused: boolean | undefined
  /** Since the last key; Infinity before the first. */
  readonly idleMs: number
}

export interface News {
  /** `alice`, or `#team carol`. */
  readonly from: string
  /** One line. */
  readonly words: string
}

export interface Wishes {
  readonly bell: boolean
  readonly desktop: 'off' | 'on' | 'content'
}

export interface Alarm {
  readonly bell: boolean
  /** Undefined: nothing on the desktop. */
  readonly desktop: string | undefined
}

const EVERY_MS = 10_000
const IDLE_MS = 60_000
const MAX_CHARS = 160

export class Notifier {
  readonly #clock: Clock
  #lastMs = -Infinity
  #missed = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Null: nothing now. */
  alarm(news: News, { bell, desktop }: Wishes, { focused, idleMs }: Attention): Alarm | null {
    // a terminal that tells is believed, unless everybody has left it with the focus on
    const away = focused === false || (idleMs >= IDLE_MS && idleMs < Infinity)
    if (!away || (!bell && desktop === 'off')) return null
    const now = this.#clock.monotonic()
    if (now - this.#lastMs < EVERY_MS) {
      this.#missed++
      return null
    }
    this.#lastMs = now
    const more = this.#missed === 0 ? '' : ` (and ${String(this.#missed)} more)`
    this.#missed = 0
    return { bell, desktop: desktop === 'off' ? undefined : words(news, desktop) + more }
  }
}

function words({ from, words: said }: News, desktop: 'on' | 'content'): string {
  const who = safeInline(from)
  if (desktop === 'on') return `Message from ${who}`
  const all = Array.from(safeInline(said))
  return `${who}: ${all.slice(0, MAX_CHARS).join('')}${all.length > MAX_CHARS ? '..' : ''}`
}
