// The lines typed before, newest last. Pure; the caller keeps them elsewhere, and never adds a line with a secret (rule 23).

const MAX_LINES = 500

export class History {
  readonly #lines: string[]
  /** Index of the line on show; the length of the list: the draft. */
  #at: number
  /** What became of lines (and the draft) that were edited while walking: nothing typed is lost before Enter. */
  readonly #edited = new Map<number, string>()

  constructor(lines: readonly string[] = []) {
    this.#lines = lines.slice(-MAX_LINES)
    this.#at = this.#lines.length
  }

  get lines(): readonly string[] {
    return this.#lines
  }

  /** Lines of an earlier launch, before those of this one. What is being typed stays as it is. */
  addOlder(lines: readonly string[]): void {
    const room = Math.max(0, MAX_LINES - this.#lines.length)
    const older = room === 0 ? [] : lines.slice(-room)
    this.#lines.unshift(...older)
    const edited = [...this.#edited]
    this.#edited.clear()
    for (const [at, text] of edited) this.#edited.set(at + older.length, text)
    this.#at += older.length
  }

  /** Somebody else sits here from now on. */
  forget(): void {
    this.#lines.length = 0
    this.reset()
  }

  add(line: string): void {
    if (line.trim() !== '' && this.#lines.at(-1) !== line) {
      this.#lines.push(line)
      if (this.#lines.length > MAX_LINES) this.#lines.shift()
    }
    this.reset()
  }

  /** Back to the draft; forgets edits of older lines. */
  reset(): void {
    this.#edited.clear()
    this.#at = this.#lines.length
  }

  /** The next older (-1) or newer (1) line, given what stands on the line now; null at the end. */
  walk(direction: -1 | 1, current: string): string | null {
    const next = this.#at + direction
    if (next < 0 || next > this.#lines.length) return null
    this.#edited.set(this.#at, current)
    this.#at = next
    return this.#edited.get(next) ?? this.#lines[next] ?? ''
  }

  /** The newest line older than `before` that contains `query`; -1: none. */
  find(query: string, before: number): number {
    for (let i = Math.min(before, this.#lines.length) - 1; i >= 0; i--) {
      if (this.#lines[i]?.includes(query) === true) return i
    }
    return -1
  }
}
