// Keys from the terminal with all that depends on time: a lone Esc, Enter right behind a paste, how long nothing was
// typed. Knows what a key is, not what it does.
import type { Clock, Timer } from '../../util/clock.ts'
import { type Key, KeyDecoder } from './keys.ts'
import type { TtyInput } from './tty-input.ts'

export interface KeyboardOptions {
  readonly tty: TtyInput
  readonly clock: Clock
  readonly onKey: (key: Key) => void
  /** All keys of one read were told. */
  readonly onRead: () => void
}

/** Behind an Esc that begins a sequence the rest comes at once, even through a slow line. */
const ESCAPE_MS = 50
/** Enter this soon behind a paste belongs to it: a terminal may let an end mark through from the clipboard. */
const PASTE_GUARD_MS = 50

export class Keyboard {
  readonly #options: KeyboardOptions
  readonly #decoder = new KeyDecoder()
  #detach: (() => void) | null = null
  #escape: Timer | null = null
  #lastKeyMs = -Infinity
  #lastPasteMs = -Infinity
  #count = 0
  #focused: boolean | undefined

  constructor(options: KeyboardOptions) {
    this.#options = options
  }

  /** Since the last key. */
  get idleMs(): number {
    return this.#options.clock.monotonic() - this.#lastKeyMs
  }

  /** Keys so far: tells whether something was typed meanwhile. */
  get count(): number {
    return this.#count
  }

  /** Whether the window has the focus; undefined: this terminal does not tell. */
  get focused(): boolean | undefined {
    return this.#focused
  }

  start(): void {
    this.#detach ??= this.#options.tty.attach((chunk) => {
      this.#read(chunk)
    })
  }

  /** What was typed before anybody listened. It answers no question: none was on the screen. */
  typedBefore(text: string): void {
    this.forget()
    this.#read(text)
  }

  end(): void {
    this.forget()
    this.#detach?.()
    this.#detach = null
  }

  /** Somebody else had the terminal: half a sequence is void, and what comes next needs some quiet before it. */
  forget(): void {
    this.#escape?.cancel()
    this.#escape = null
    this.#decoder.flush()
    this.#lastKeyMs = this.#options.clock.monotonic()
  }

  #read(chunk: string): void {
    this.#escape?.cancel()
    this.#escape = null
    this.#tell(this.#decoder.feed(chunk))
    if (!this.#decoder.pending) return
    this.#escape = this.#options.clock.after(ESCAPE_MS, () => {
      this.#escape = null
      this.#tell(this.#decoder.flush())
    })
  }

  #tell(keys: readonly Key[]): void {
    for (const key of keys) this.#key(key)
    if (keys.length > 0) this.#options.onRead()
  }

  #key(key: Key): void {
    if (key.type === 'key' && (key.name === 'focus' || key.name === 'blur')) {
      this.#focused = key.name === 'focus'
      return
    }
    const now = this.#options.clock.monotonic()
    const enter = key.type === 'key' && key.name === 'return'
    const guarded = enter && now - this.#lastPasteMs < PASTE_GUARD_MS
    if (key.type === 'paste') this.#lastPasteMs = now
    this.#count++
    this.#options.onKey(guarded ? { ...key, name: 'newline' } : key)
    this.#lastKeyMs = now // last, so that the receiver can still ask how quiet it was before this key
  }
}
