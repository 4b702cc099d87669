// What a group is called on this device: typed behind `#`, made of the name that its admins gave it, never the same for two.

const CHARACTERS = 32
/** When nothing of the name can be typed. */
const NAMELESS = 'group'

/** Letters by their category that show nothing: with them two groups would look like one. */
const BLANK = /[\u115F\u1160\u3164\uFFA0]+/g

/** Letters, digits and `_.-`, in lower case: nothing that ends a word on a command line or looks like a command. */
export function typable(name: string): string {
  const plain = name
    .normalize('NFC')
    .toLowerCase()
    .replace(BLANK, '')
    .replace(/[^\p{L}\p{N}_.-]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
  return Array.from(plain)
    .slice(0, CHARACTERS)
    .join('')
    .replace(/[-.]+$/, '')
}

/** `isTaken`: another group has it. */
export function localName(name: string, isTaken: (name: string) => boolean): string {
  const plain = typable(name)
  const base = plain === '' ? NAMELESS : plain
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? base : `${base}-${count}`
    if (!isTaken(candidate)) return candidate
  }
}
