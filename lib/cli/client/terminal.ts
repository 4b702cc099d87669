// The terminal as something to write to: its size, whether it keeps up, whether it is still there. Knows no rows.
import { inert, safeLine } from '../sanitise.ts'

/** What this needs of process.stdout. */
export interface TerminalOutput {
  write(text: string): boolean
  readonly columns?: number
  readonly rows?: number
  getWindowSize?(): [number, number]
  on(event: 'drain' | 'resize', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

export interface TerminalHooks {
  readonly onResize: () => void
  /** It takes text again after `ready` was false. */
  readonly onReady: () => void
  /** EPIPE, EIO: nothing is written any more. */
  readonly onGone: () => void
}

export const CSI = '\x1b['
/** Private modes (DECSET) that this program switches. */
export const MODES = { autowrap: 7, cursor: 25, focusReports: 1004, bracketedPaste: 2004 } as const
const MAX_NOTIFICATION_CHARS = 200
const TITLE = 'SecureChat'

export class Terminal {
  readonly #output: TerminalOutput
  readonly #isRxvtLike: boolean
  #ready = true
  #gone = false

  constructor(
    output: TerminalOutput,
    hooks: TerminalHooks,
    env: Readonly<Record<string, string | undefined>> = process.env,
  ) {
    this.#output = output
    this.#isRxvtLike = env['VTE_VERSION'] !== undefined || /^(rxvt|foot)/u.test(env['TERM'] ?? '')
    // These stay to the end of the process: a late EIO without a listener would be a crash.
    output.on('error', () => {
      if (this.#gone) return
      this.#gone = true
      hooks.onGone()
    })
    output.on('resize', hooks.onResize)
    output.on('drain', () => {
      this.#ready = true
      hooks.onReady()
    })
  }

  get gone(): boolean {
    return this.#gone
  }

  /** False: it is slow; wait for onReady before writing what can wait. */
  get ready(): boolean {
    return this.#ready
  }

  get cols(): number {
    return Math.max(4, this.#size()[0] || 80)
  }

  get rows(): number {
    return Math.max(2, this.#size()[1] || 24)
  }

  write(text: string): void {
    if (!this.#gone && text !== '') this.#ready = this.#output.write(text)
  }

  bell(): void {
    this.write('\x07')
  }

  /**
   * A desktop notification. OSC 9 is known to most terminals that know any; those of the rxvt and VTE families know OSC 777,
   * whose fields end at a semicolon. The others ignore it.
   */
  notify(text: string): void {
    const shown = inert(safeLine(text)).slice(0, MAX_NOTIFICATION_CHARS)
    const body = this.#isRxvtLike
      ? `777;notify;${TITLE};${shown.replaceAll(';', ',')}`
      : `9;${shown}`
    this.write(`\x1b]${body}\x07`)
  }

  /** Switches private modes on ('h') or off ('l'). */
  modes(change: 'h' | 'l', ...modes: readonly number[]): void {
    this.write(modes.map((mode) => `${CSI}?${mode}${change}`).join(''))
  }

  /** Asks the kernel: the cached size may be older than a SIGWINCH that waits behind us. 0 means unknown. */
  #size(): [number, number] {
    try {
      const size = this.#output.getWindowSize?.()
      if (size !== undefined && size[0] > 0) return size
    } catch {
      // no terminal any more: whatever was known last
    }
    return [this.#output.columns ?? 0, this.#output.rows ?? 0]
  }
}
