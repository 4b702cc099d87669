// Text that came from somewhere else, made fit for a terminal (PROTOCOL 13). Pure; knows no screen and no colour.
// What one message or name may contain is decided here by code point. Nothing is "stripped": removing escape
// sequences from nested ones builds live sequences, so every control becomes one visible U+FFFD instead.

/** Longest text that is shown, in UTF-16 code units; the rest is cut (PROTOCOL 13). */
const MAX_TEXT = 8192
const MAX_FILE_NAME_BYTES = 120

// PROTOCOL 13, "drop": code points that show nothing and serve spoofing, smuggling and watermarks.
const INVISIBLE =
  /\u00AD|\u034F|[\u115F-\u1160]|[\u17B4-\u17B5]|[\u180B-\u180F]|[\u200B-\u200D]|[\u2060-\u2064]|\u3164|[\uFE00-\uFE0F]|\uFEFF|\uFFA0|[\u{1BCA0}-\u{1BCA3}]|[\u{1D173}-\u{1D17A}]|[\u{E0000}-\u{E0FFF}]/gu

// PROTOCOL 13, "replace": C0 except \n and \t, DEL and C1 (all of Cc), direction marks and overrides, specials,
// private, lone surrogate and unassigned code points.
const FORBIDDEN =
  /(?![\t\n])[\p{Cc}\p{Co}\p{Cs}\p{Cn}\u061C\u200E\u200F\u2028-\u202E\u2065-\u206F\uFFF0-\uFFFC]/gu

const LONG_MARKS = /(\p{M}{3})\p{M}+/gu
const LEADING_MARKS = /^\p{M}+/gmu
const PLAIN = /^[\t\n -~]*$/u
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u

// Whatever a terminal could act upon. FSI and PDI are absent: isolate() puts them there.
const ACTIVE = /[\p{Cc}\u2028-\u202E\u2066\u2067]/gu

/** The filter of PROTOCOL 13. Idempotent; keeps line feeds and tabs, at most 8192 code units long. */
export function safeText(text: string): string {
  const cut = text.slice(0, MAX_TEXT)
  if (PLAIN.test(cut)) return cut
  const clean = cut
    .normalize('NFC')
    .replace(INVISIBLE, '')
    .replace(FORBIDDEN, '\uFFFD')
    .replace(LONG_MARKS, '$1')
    .normalize('NFC') // what was dropped may have stood between a letter and its mark
  return clean.length > MAX_TEXT ? clean.slice(0, MAX_TEXT).replace(/\p{Cs}$/u, '\uFFFD') : clean
}

/** safeText() for a place where only one line fits: line feeds and tabs become one blank. */
export function safeLine(text: string): string {
  return safeText(text).replace(/[\t\n]+/gu, ' ')
}

/** A body as it is drawn: tabs widened, and no line begins with a mark that would cling to our own text. */
export function safeBody(text: string): string {
  return safeText(text).replaceAll('\t', '    ').replace(LEADING_MARKS, '')
}

/** One line for the middle of our own sentence: like safeLine(), and it cannot cling to the word before it. */
export function safeInline(text: string): string {
  return safeLine(text).replace(LEADING_MARKS, '')
}

/** A display name: one line, trimmed, at most `maxChars` characters. Compare with the input to tell "altered". */
export function safeName(name: string, maxChars = 64): string {
  const chars = Array.from(safeLine(name).replace(/^[\s\p{M}]+|\s+$/gu, ''))
  return chars.length <= maxChars ? chars.join('') : `${chars.slice(0, maxChars - 2).join('')}..`
}

/** A display name as it stands behind a username: in brackets that it cannot close to go on in our words. */
export function nameInBrackets(name: string): string {
  const bare = safeName(name.replace(/[\p{Ps}\p{Pe}]/gu, '')).replace(/\s+/gu, ' ')
  return bare === '' ? '' : ` (${isolate(bare)})`
}

/**
 * A name for a file that was sent to us: no separators, no reserved characters, no leading dots, blanks or dashes, no
 * Windows device, at most 120 bytes of which the extension is kept. Compare with the input to tell "altered".
 */
export function safeFileName(name: string): string {
  const bare = safeInline(name)
    .replace(/[\\/:*?"<>|\uFFFD]/gu, '_')
    .replace(/^[\s.\-\p{M}]+|[\s.]+$/gu, '')
  const device = /^(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])(\..*)?$/iu
  return shorten(bare === '' || device.test(bare) ? `file_${bare}` : bare)
}

function shorten(name: string): string {
  if (Buffer.byteLength(name) <= MAX_FILE_NAME_BYTES) return name
  const extension = /\.[a-z0-9]{1,10}$/iu.exec(name)?.[0] ?? ''
  const room = MAX_FILE_NAME_BYTES - extension.length
  let stem = ''
  let bytes = 0
  for (const char of name.slice(0, name.length - extension.length)) {
    bytes += Buffer.byteLength(char)
    if (bytes > room) break
    stem += char
  }
  return stem.replace(/[\s.]+$/u, '') + extension
}

/** Fences text with right-to-left letters so that it cannot reorder the time, sender or marks around it. */
export function isolate(text: string): string {
  return hasRightToLeft(text) ? `\u2068${text}\u2069` : text
}

export function hasRightToLeft(text: string): boolean {
  return RIGHT_TO_LEFT.test(text)
}

/** A row of ours in which words of others stand: cleaned as a whole, whoever made it; the fences of isolate() stay. */
export function safeRow(text: string): string {
  if (PLAIN.test(text)) return safeInline(text)
  const parts = text.split(/([\u2068\u2069])/u)
  const isFenced = parts.every(
    (part, i) => i % 2 === 0 || part === (i % 4 === 1 ? '\u2068' : '\u2069'),
  )
  const keepsFences = isFenced && parts.length % 4 === 1
  return parts.map((part, i) => (i % 2 === 0 ? safeInline(part) : keepsFences ? part : '')).join('')
}

/** The last line of defence at the sink: nothing that a terminal acts upon leaves this function. */
export function inert(text: string): string {
  return text.replace(ACTIVE, '\uFFFD')
}

/**
 * JSON for a line that may end up in a terminal. JSON.stringify() leaves U+007F-009F, line separators and direction
 * controls raw; here they, and everything else that safeText() would not show, are \uXXXX. Parses to the same value.
 */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(INVISIBLE, escapeUnits).replace(FORBIDDEN, escapeUnits)
}

function escapeUnits(chars: string): string {
  let out = ''
  for (let i = 0; i < chars.length; i++) {
    out += `\\u${chars.charCodeAt(i).toString(16).padStart(4, '0')}`
  }
  return out
}
