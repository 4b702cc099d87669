// Ways out of the window: Ctrl-C twice, Ctrl-D, and whoever asks again while the program ends.
import type { Clock } from '../../util/clock.ts'
import { type Entry, notice } from './rows.ts'

export type QuitReason = 'interrupt' | 'eof' | 'hangup' | 'force'

const QUIT_AGAIN_MS = 2000

interface LeavingOptions {
  readonly clock: Clock
  readonly onQuit: (why: QuitReason) => void
  readonly quitHint?: () => string
}

export class Leaving {
  readonly #options: LeavingOptions
  readonly #print: (entry: Entry) => void
  #quitting = false
  #lastInterruptMs = -Infinity

  constructor(options: LeavingOptions, print: (entry: Entry) => void) {
    this.#options = options
    this.#print = print
  }

  /** Ctrl-C on an empty line. */
  interrupt(): void {
    const now = this.#options.clock.monotonic()
    if (this.#quitting || now - this.#lastInterruptMs < QUIT_AGAIN_MS) {
      this.quit('interrupt')
      return
    }
    this.#lastInterruptMs = now
    const more = this.#options.quitHint?.() ?? ''
    this.#print(notice('*', `Ctrl-C again within 2 s, Ctrl-D or !quit leaves. ${more}`.trimEnd()))
  }

  quit(why: 'interrupt' | 'eof'): void {
    const again = this.#quitting
    this.#quitting = true
    this.#options.onQuit(again ? 'force' : why)
  }
}
