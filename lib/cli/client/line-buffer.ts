// The text of one input line and a cursor in it, as grapheme clusters: nothing ever splits an emoji. Pure.
import { graphemes } from './width.ts'

/** Twice the largest text of PROTOCOL 15, in UTF-16 code units: the limit itself is told when the line is sent. */
const MAX_CHARS = 16_384

export class LineBuffer {
  #clusters: string[] = []
  #cursor = 0

  get text(): string {
    return this.#clusters.join('')
  }

  get graphemes(): readonly string[] {
    return this.#clusters
  }

  get length(): number {
    return this.#clusters.length
  }

  /** Index into `graphemes`. */
  get cursor(): number {
    return this.#cursor
  }

  /** The cursor as an offset into `text`. */
  get offset(): number {
    return this.#clusters.slice(0, this.#cursor).join('').length
  }

  /** Replaces the text; the cursor goes behind its first `offset` code units. */
  set(text: string, offset: number = text.length): void {
    const before = graphemes(text.slice(0, offset))
    this.#clusters = [...before, ...graphemes(text.slice(offset))]
    this.#cursor = before.length
  }

  /** False: it would be too long, and nothing changed. */
  insert(text: string): boolean {
    if (this.text.length + text.length > MAX_CHARS) return false
    // Segment again from one cluster before the cursor, so that marks and joiners typed one by one find their base.
    const from = Math.max(0, this.#cursor - 1)
    const added = graphemes(this.#clusters.slice(from, this.#cursor).join('') + text)
    this.#clusters.splice(from, this.#cursor - from, ...added)
    this.#cursor = from + added.length
    return true
  }

  /** Removes [start, end) and returns it; '' when there is nothing. */
  remove(start: number, end: number): string {
    if (start < 0 || end > this.#clusters.length || start >= end) return ''
    this.#cursor = start
    return this.#clusters.splice(start, end - start).join('')
  }

  move(to: number): void {
    this.#cursor = Math.max(0, Math.min(to, this.#clusters.length))
  }

  lineStart(from: number = this.#cursor): number {
    return this.#leftWhile(from, (cluster) => cluster !== '\n')
  }

  lineEnd(from: number = this.#cursor): number {
    return this.#rightWhile(from, (cluster) => cluster !== '\n')
  }

  wordLeft(): number {
    return this.#leftWhile(this.#leftWhile(this.#cursor, isNotWord), isWord)
  }

  wordRight(): number {
    return this.#rightWhile(this.#rightWhile(this.#cursor, isNotWord), isWord)
  }

  /** Where the blank-separated word before the cursor begins. */
  blankLeft(): number {
    return this.#leftWhile(this.#leftWhile(this.#cursor, isBlank), (cluster) => !isBlank(cluster))
  }

  /** One line up in a text of several lines; false on the first. */
  up(): boolean {
    const start = this.lineStart()
    if (start === 0) return false
    this.move(Math.min(this.lineStart(start - 1) + this.#cursor - start, start - 1))
    return true
  }

  /** One line down; false on the last. */
  down(): boolean {
    const end = this.lineEnd()
    if (end === this.#clusters.length) return false
    this.move(Math.min(end + 1 + this.#cursor - this.lineStart(), this.lineEnd(end + 1)))
    return true
  }

  /** Swaps the characters around the cursor (at the end: the last two). */
  transpose(): boolean {
    const at = Math.min(this.#cursor, this.#clusters.length - 1)
    const [left, right] = this.#clusters.slice(Math.max(0, at - 1), at + 1)
    if (at < 1 || left === undefined || right === undefined) return false
    this.#clusters.splice(at - 1, 2, right, left)
    this.#cursor = at + 1
    return true
  }

  #leftWhile(from: number, test: (cluster: string) => boolean): number {
    let at = from
    while (at > 0 && test(this.#clusters[at - 1] ?? '')) at--
    return at
  }

  #rightWhile(from: number, test: (cluster: string) => boolean): number {
    let at = from
    while (at < this.#clusters.length && test(this.#clusters[at] ?? '')) at++
    return at
  }
}

function isWord(cluster: string): boolean {
  return /[\p{L}\p{N}_]/u.test(cluster)
}

function isNotWord(cluster: string): boolean {
  return !isWord(cluster)
}

function isBlank(cluster: string): boolean {
  return /^\s/u.test(cluster)
}
