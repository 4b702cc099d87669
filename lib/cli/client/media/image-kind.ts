// What kind of picture a file is, by its first bytes; its name says nothing. Pure.

export type ImageKind = 'png' | 'jpeg' | 'gif'

/** As many bytes as this needs. */
export const HEAD_BYTES = 16

/** Null: none that can be shown. */
export function imageKind(head: Buffer): ImageKind | null {
  const text = head.toString('latin1', 0, HEAD_BYTES)
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png'
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg'
  return /^GIF8[79]a/.test(text) ? 'gif' : null
}
