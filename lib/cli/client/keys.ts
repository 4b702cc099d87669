// What a keyboard sends -> keys. Pure: no stream, no timer. Between paste marks everything is text (TERMINAL rule 21).
// Our own decoder, because node:readline of Node 20 misplaces the characters of a paste in the middle of a line.
import { ESC, splitKeys } from './key-sequences.ts'

export type Key =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'paste'; readonly text: string }
  | {
      readonly type: 'key'
      /** 'return', 'up', 'backspace', 'focus' .. or the letter of a Ctrl or Alt combination. */
      readonly name: string
      readonly ctrl: boolean
      readonly alt: boolean
      readonly shift: boolean
    }

const PASTE_START = `${ESC}[200~`
const PASTE_END = `${ESC}[201~`
const CTRL_C = '\x03'
const MAX_PASTE_CHARS = 256 * 1024

// Bits of the second CSI parameter less one.
const SHIFT = 1
const ALT = 2
const CTRL = 4

const CSI_LETTERS: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  F: 'end',
  H: 'home',
  I: 'focus',
  O: 'blur',
  Z: 'backtab',
}
const CSI_NUMBERS: Readonly<Record<string, string>> = {
  '1': 'home',
  '2': 'insert',
  '3': 'delete',
  '4': 'end',
  '5': 'pageup',
  '6': 'pagedown',
  '7': 'home',
  '8': 'end',
}
const CODES: Readonly<Record<number, string>> = {
  9: 'tab',
  13: 'return',
  27: 'escape',
  127: 'backspace',
}

export class KeyDecoder {
  #rest = ''
  #paste: string | null = null

  /** An unfinished sequence waits. If nothing follows within some 50 ms it was a lone Esc: call flush(). */
  get pending(): boolean {
    return this.#paste === null && this.#rest !== ''
  }

  /** One read of the terminal. */
  feed(chunk: string): Key[] {
    if (this.#paste !== null && chunk === CTRL_C) {
      // The end mark was lost: without this the keyboard would stay dead.
      this.#paste = null
      this.#rest = ''
    }
    const out: Key[] = []
    const input = this.#rest + chunk
    this.#rest = ''
    this.#read(input, out)
    return merge(out)
  }

  flush(): Key[] {
    const rest = this.#rest
    this.#rest = ''
    if (rest === '') return []
    if (rest === ESC) return [plain('escape')]
    const [first = '', ...others] = Array.from(rest.slice(1))
    const alt = decode(ESC + first)
    return merge([...(alt === null ? [] : [alt]), ...others.map(character)])
  }

  #read(input: string, out: Key[]): void {
    let text = input
    if (this.#paste === null) {
      const start = text.indexOf(PASTE_START)
      if (start < 0) {
        this.#keys(text, out)
        return
      }
      out.push(...splitKeys(text.slice(0, start)).keys.map(decode).filter(isKey))
      this.#paste = ''
      text = text.slice(start + PASTE_START.length)
    }
    const end = text.indexOf(PASTE_END)
    if (end < 0) {
      const held = heldBack(text)
      this.#collect(text.slice(0, text.length - held))
      this.#rest = text.slice(text.length - held)
      return
    }
    this.#collect(text.slice(0, end))
    this.#afterPaste(text.slice(end + PASTE_END.length), out)
  }

  /**
   * Text and Enter in the same read as the end mark still belong to the paste: a terminal that lets an end mark through
   * from the clipboard must not be able to press Enter.
   */
  #afterPaste(text: string, out: Key[]): void {
    const { keys, rest } = splitKeys(text)
    const later: Key[] = []
    for (const key of keys) {
      if (key === PASTE_START || key === PASTE_END) continue
      if (key.startsWith(ESC)) later.push(...[decode(key)].filter(isKey))
      else this.#collect(key)
    }
    this.#rest = rest
    out.push({ type: 'paste', text: pasted(this.#paste ?? '') }, ...later)
    this.#paste = null
  }

  #keys(text: string, out: Key[]): void {
    const { keys, rest } = splitKeys(text)
    this.#rest = rest
    out.push(...keys.map(decode).filter(isKey))
  }

  #collect(text: string): void {
    const paste = this.#paste ?? ''
    this.#paste = paste.length < MAX_PASTE_CHARS ? paste + text : paste
  }
}

/** How many characters at the end may be the beginning of an end mark. */
function heldBack(text: string): number {
  for (let n = Math.min(PASTE_END.length - 1, text.length); n > 0; n--) {
    if (text.endsWith(PASTE_END.slice(0, n))) return n
  }
  return 0
}

/** A paste as text: line feeds stay, tabs become blanks, other controls are gone. */
function pasted(text: string): string {
  return text
    .replace(/\r\n?/gu, '\n')
    .replaceAll('\t', '    ')
    .replace(/(?!\n)\p{Cc}/gu, '')
}

function merge(keys: readonly Key[]): Key[] {
  const out: Key[] = []
  for (const key of keys) {
    const last = out.at(-1)
    if (key.type === 'text' && last?.type === 'text') {
      out[out.length - 1] = { type: 'text', text: last.text + key.text }
    } else out.push(key)
  }
  return out
}

function isKey(key: Key | null): key is Key {
  return key !== null
}

function plain(name: string, modifiers = 0): Key {
  return {
    type: 'key',
    name,
    shift: (modifiers & SHIFT) !== 0,
    alt: (modifiers & ALT) !== 0,
    ctrl: (modifiers & CTRL) !== 0,
  }
}

function decode(sequence: string): Key | null {
  if (!sequence.startsWith(ESC)) return character(sequence)
  if (sequence === ESC) return plain('escape')
  if (sequence.startsWith(ESC + ESC)) {
    const inner = decode(sequence.slice(1))
    return inner?.type === 'key' ? { ...inner, alt: true } : null
  }
  if (sequence.startsWith(`${ESC}[`) && sequence.length > 2) return csi(sequence.slice(2))
  if (sequence.startsWith(`${ESC}O`) && sequence.length > 2)
    return named(CSI_LETTERS[sequence.slice(2)])
  if (sequence.length > 3) return null // an answer of the terminal
  const key = character(sequence.slice(1))
  if (key.type === 'text') return plain(key.text.toLowerCase(), ALT)
  return key.type === 'key' ? { ...key, alt: true } : null
}

function named(name: string | undefined, modifiers = 0): Key | null {
  return name === undefined ? null : plain(name, modifiers)
}

/** What stands behind `ESC [`: parameters and a final character. The second parameter is 1 + modifiers. */
function csi(body: string): Key | null {
  if (body.startsWith('[')) return null // function keys of the Linux console
  const final = body.slice(-1)
  const [first = '', second = '1', third = ''] = body.slice(0, -1).split(';')
  const modifiers = Math.max(0, Number.parseInt(second, 10) - 1) || 0
  if (final === '~' && first === '27') return named(CODES[Number(third)], modifiers) // modifyOtherKeys
  if (final === '~') return named(CSI_NUMBERS[first], modifiers)
  if (final === 'u') return named(CODES[Number(first)], modifiers)
  return named(CSI_LETTERS[final], modifiers)
}

function character(char: string): Key {
  const code = char.codePointAt(0) ?? 0
  if (code >= 0x20 && code !== 0x7f && (code < 0x80 || code > 0x9f))
    return { type: 'text', text: char }
  switch (char) {
    case '\r':
      return plain('return')
    case '\n':
      return plain('newline')
    case '\t':
      return plain('tab')
    case '\x7f':
    case '\b':
      return plain('backspace')
    default:
      // Ctrl-A is 1, Ctrl-Z 26, Ctrl-_ 31; C1 is nothing that a keyboard sends.
      return plain(code < 0x20 ? String.fromCharCode(code + 0x60) : 'unknown', CTRL)
  }
}
