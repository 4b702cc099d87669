// The private keyboard of one question of a form: what was typed, one key per chunk, because node:readline of Node 20
// misplaces the rest of a chunk when the cursor is not at the end. Never the real stdin: inquirer may do what it likes
// with this. Knows keys, not questions.
import { PassThrough } from 'node:stream'
import { ESC, splitKeys } from './client/key-sequences.ts'
import { safeInline } from './sanitise.ts'

const PASTE_START = `${ESC}[200~`
const PASTE_END = `${ESC}[201~`
/** Arrows, Home, End, Delete, Alt-b, Alt-f, Alt-d: all that a form knows. Everything else is an answer of the terminal. */
const SEQUENCES = /^(\[[ABCDFH]|\[[1-8]~|O[ABCDFH]|[bfd])$/u
/** Ctrl-A, B, E, F, H, K, U, W, Y, Enter, Backspace. Ctrl-L would clear the screen, Ctrl-Z stop with a raw terminal. */
const CONTROLS = '\x01\x02\x05\x06\b\x0b\x15\x17\x19\r\n\x7f'
const CTRL_C = '\x03'
const CTRL_D = '\x04'
const MAX_WAITING_KEYS = 4096

export class PromptInput extends PassThrough {
  readonly #visible: boolean
  readonly #onCancel: (why: 'interrupt' | 'eof') => void
  #rest = ''
  #waiting: string[] = []
  #pasting = false
  #pumping = false
  #paused = false
  #closed = false

  /** `visible`: what is typed is shown, so it must be fit for a terminal. */
  constructor(visible: boolean, onCancel: (why: 'interrupt' | 'eof') => void) {
    super()
    this.#visible = visible
    this.#onCancel = onCancel
  }

  /** The real terminal is raw already and stays so; readline believes that it has made it so. */
  setRawMode(): this {
    return this
  }

  feed(text: string): void {
    const { keys, rest } = splitKeys(this.#rest + text)
    this.#rest = rest
    for (const key of keys) {
      if (key === CTRL_C || key === CTRL_D) {
        this.#onCancel(key === CTRL_C ? 'interrupt' : 'eof')
        return
      }
      if (this.#waiting.length < MAX_WAITING_KEYS) this.#waiting.push(key)
    }
    void this.#pump()
  }

  /** Keys wait: an answer is being checked. */
  hold(): void {
    this.#paused = true
  }

  /** The answer was refused: as soon as the question has taken that in, keys are for it again. */
  goOn(): void {
    setImmediate(() => {
      this.#paused = false
      void this.#pump()
    })
  }

  /** The question is answered. Returns what was typed beyond the answer. */
  close(): string {
    this.#closed = true
    this.destroy()
    return this.#waiting.join('') + this.#rest
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return
    this.#pumping = true
    while (!this.#paused && !this.#closed) {
      const key = this.#waiting.shift()
      if (key === undefined) break
      if (!this.#isFit(key)) continue
      this.write(key)
      // Until readline and the question have seen this key.
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    this.#pumping = false
  }

  /** A paste is text of one line: the Enter in it answers nothing. */
  #isFit(key: string): boolean {
    if (key === PASTE_START || key === PASTE_END) {
      this.#pasting = key === PASTE_START
      return false
    }
    if (key.startsWith(ESC)) return !this.#pasting && SEQUENCES.test(key.slice(1))
    if (/^\p{Cc}/u.test(key)) return !this.#pasting && CONTROLS.includes(key)
    return !this.#visible || safeInline(key) === key
  }
}
