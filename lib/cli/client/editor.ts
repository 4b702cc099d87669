// The line editor. Pure: keys in, effects out; knows no screen and no network. Only a key changes the line, never
// something that arrives (TERMINAL rule 2). Bindings are those of readline and Emacs.
import { History } from './history.ts'
import type { Key } from './keys.ts'
import { LineBuffer } from './line-buffer.ts'

export type Effect =
  | { readonly type: 'none' | 'change' | 'bell' }
  | { readonly type: 'complete' | 'interrupt' | 'eof' | 'suspend' | 'redraw' | 'escape' | 'next' }
  | { readonly type: 'submit'; readonly text: string }
  | { readonly type: 'pasted'; readonly lines: number }

const NONE: Effect = { type: 'none' }
const CHANGE: Effect = { type: 'change' }
const BELL: Effect = { type: 'bell' }
const MAX_KILLS = 16

/** A search through the history that is going on (Ctrl-R). */
export interface Search {
  readonly query: string
  /** No line contains the query; the last line found stays on show. */
  readonly missed: boolean
}

interface SearchState extends Search {
  /** Index of the line found. */
  readonly at: number
  readonly draft: string
  readonly offset: number
}

export class Editor {
  readonly history: History
  readonly line = new LineBuffer()
  readonly #kills: string[] = []
  #yanked = 0
  /** What the key before did, as far as the next one cares. */
  #before: 'kill' | 'yank' | '' = ''
  #last: 'kill' | 'yank' | '' = ''
  #search: SearchState | null = null

  constructor(history: readonly string[] = []) {
    this.history = new History(history)
  }

  get text(): string {
    return this.line.text
  }

  get empty(): boolean {
    return this.line.length === 0
  }

  get search(): Search | null {
    return this.#search
  }

  set(text: string, offset?: number): void {
    this.line.set(text, offset)
    this.#search = null
  }

  clear(): void {
    this.set('')
    this.history.reset()
  }

  /** The line, and what was cut from lines before. */
  forget(): void {
    this.clear()
    this.#kills.length = 0
  }

  handle(key: Key): Effect {
    if (this.#search !== null) return this.#searchKey(key, this.#search)
    this.#before = this.#last
    this.#last = ''
    if (key.type === 'text') return this.#insert(key.text)
    if (key.type === 'paste') return this.#paste(key.text)
    const name = `${key.ctrl ? 'ctrl-' : ''}${key.alt ? 'alt-' : ''}${key.shift ? 'shift-' : ''}${key.name}`
    return this.#bindings.get(name)?.() ?? NONE
  }

  readonly #bindings: ReadonlyMap<string, () => Effect> = new Map<string, () => Effect>([
    ['return', () => this.#submit()],
    ...both('newline', 'alt-return', () => this.#insert('\n')),
    ['shift-return', () => this.#insert('\n')],
    ['tab', () => ({ type: 'complete' })],
    ['escape', () => ({ type: 'escape' })],
    ['ctrl-c', () => ({ type: 'interrupt' })],
    ['ctrl-d', () => (this.empty ? { type: 'eof' } : this.#deleteRight())],
    ['ctrl-z', () => ({ type: 'suspend' })],
    ['ctrl-l', () => ({ type: 'redraw' })],
    ['alt-a', () => ({ type: 'next' })],
    ...both('ctrl-a', 'home', () => this.#move(this.line.lineStart())),
    ...both('ctrl-e', 'end', () => this.#move(this.line.lineEnd())),
    ...both('ctrl-b', 'left', () => this.#move(this.line.cursor - 1)),
    ...both('ctrl-f', 'right', () => this.#move(this.line.cursor + 1)),
    ...both('alt-b', 'ctrl-left', () => this.#move(this.line.wordLeft())),
    ...both('alt-f', 'ctrl-right', () => this.#move(this.line.wordRight())),
    ['alt-left', () => this.#move(this.line.wordLeft())],
    ['alt-right', () => this.#move(this.line.wordRight())],
    // Inside a text of several lines the arrows move between them; at its edges they walk the history.
    ['up', () => (this.line.up() ? CHANGE : this.#walk(-1))],
    ['down', () => (this.line.down() ? CHANGE : this.#walk(1))],
    ['ctrl-p', () => this.#walk(-1)],
    ['ctrl-n', () => this.#walk(1)],
    ['ctrl-r', () => this.#startSearch()],
    ...both('backspace', 'shift-backspace', () => this.#deleteLeft()),
    ['delete', () => this.#deleteRight()],
    ['ctrl-w', () => this.#kill(this.line.blankLeft(), this.line.cursor)],
    ...both('alt-backspace', 'ctrl-backspace', () =>
      this.#kill(this.line.wordLeft(), this.line.cursor),
    ),
    ...both('alt-d', 'ctrl-delete', () => this.#kill(this.line.cursor, this.line.wordRight())),
    ['ctrl-u', () => this.#kill(this.line.lineStart(), this.line.cursor)],
    ['ctrl-k', () => this.#kill(this.line.cursor, this.line.lineEnd())],
    ['ctrl-y', () => this.#yank()],
    ['alt-y', () => this.#yankOlder()],
    ['ctrl-t', () => (this.line.transpose() ? CHANGE : BELL)],
  ])

  #submit(): Effect {
    const text = this.text
    // one backslash at the very end goes on below; two are two
    if (/(^|[^\\])\\$/u.test(text) && this.line.cursor === this.line.length) {
      this.line.remove(this.line.length - 1, this.line.length)
      return this.#insert('\n')
    }
    this.clear()
    return { type: 'submit', text }
  }

  #insert(text: string): Effect {
    return this.line.insert(text) ? CHANGE : BELL
  }

  #paste(pasted: string): Effect {
    // The line feed behind one copied line is not part of it.
    const text = /^[^\n]*\n$/u.test(pasted) ? pasted.slice(0, -1) : pasted
    if (text === '') return NONE
    return this.line.insert(text) ? { type: 'pasted', lines: text.split('\n').length } : BELL
  }

  #move(to: number): Effect {
    this.line.move(to)
    return CHANGE
  }

  #deleteLeft(): Effect {
    return this.line.remove(this.line.cursor - 1, this.line.cursor) === '' ? BELL : CHANGE
  }

  #deleteRight(): Effect {
    return this.line.remove(this.line.cursor, this.line.cursor + 1) === '' ? BELL : CHANGE
  }

  /** Removes into the kill ring; kills in a row are one piece, in the order of the line. */
  #kill(start: number, end: number): Effect {
    const leftwards = start < this.line.cursor
    const cut = this.line.remove(start, end)
    if (cut === '') return BELL
    const top = this.#before === 'kill' ? (this.#kills.shift() ?? '') : ''
    this.#kills.unshift(leftwards ? cut + top : top + cut)
    this.#kills.length = Math.min(this.#kills.length, MAX_KILLS)
    this.#last = 'kill'
    return CHANGE
  }

  #yank(): Effect {
    const [text] = this.#kills
    const length = this.line.length
    if (text === undefined || !this.line.insert(text)) return BELL
    this.#yanked = this.line.length - length
    this.#last = 'yank'
    return CHANGE
  }

  #yankOlder(): Effect {
    if (this.#before !== 'yank') return BELL
    this.line.remove(this.line.cursor - this.#yanked, this.line.cursor)
    this.#kills.push(...this.#kills.splice(0, 1))
    return this.#yank()
  }

  #walk(direction: -1 | 1): Effect {
    const line = this.history.walk(direction, this.text)
    if (line === null) return BELL
    this.line.set(line)
    return CHANGE
  }

  #startSearch(): Effect {
    const at = this.history.lines.length
    this.#search = { query: '', missed: false, at, draft: this.text, offset: this.line.offset }
    return CHANGE
  }

  /** Enter takes the line over without sending it: what is sent was seen. Ctrl-C and Ctrl-G give the draft back. */
  #searchKey(key: Key, search: SearchState): Effect {
    const newest = this.history.lines.length
    if (key.type === 'text') return this.#find(search, search.query + key.text, newest)
    if (key.type === 'paste') return BELL
    if (key.ctrl && key.name === 'r') return this.#find(search, search.query, search.at)
    if (key.name === 'backspace') return this.#find(search, search.query.slice(0, -1), newest)
    this.#search = null
    if (key.ctrl && (key.name === 'c' || key.name === 'g')) {
      this.line.set(search.draft, search.offset)
      return CHANGE
    }
    return key.name === 'return' || key.name === 'escape' ? CHANGE : this.handle(key)
  }

  #find(search: SearchState, query: string, before: number): Effect {
    const at = query === '' ? -1 : this.history.find(query, before)
    const line = this.history.lines[at]
    if (line === undefined) {
      this.#search = { ...search, query, missed: query !== '' }
      return query === '' ? CHANGE : BELL
    }
    this.line.set(line, line.indexOf(query))
    this.#search = { ...search, query, missed: false, at }
    return CHANGE
  }
}

function both(one: string, other: string, run: () => Effect): [string, () => Effect][] {
  return [
    [one, run],
    [other, run],
  ]
}
