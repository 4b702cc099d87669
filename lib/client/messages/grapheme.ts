// Whether a text is one thing a person would call a character (a reaction, PROTOCOL 7.1). Bounded: texts of 32 bytes at most.

const MAX_BYTES = 32
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u

export function isOneGrapheme(text: string): boolean {
  if (Buffer.byteLength(text) > MAX_BYTES || !VISIBLE.test(text)) return false
  const segments = new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)
  return Array.from(segments).length === 1
}
