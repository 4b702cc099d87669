// Sizes as people write them, and as setup shows them.
const UNITS: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }
const SIZE = /^(\d{1,12}(?:\.\d{1,6})?) ?([kmgt])(?:i?b)?$/i
const SHOWN = [
  [2 ** 40, 'TiB'],
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
] as const

/** Bytes; undefined: not a size. A number without a unit is none, except 0: nobody means bytes. */
export function sizeOf(text: string): number | undefined {
  const trimmed = text.trim()
  if (trimmed === '0') return 0
  const [, number = '', unit = ''] = SIZE.exec(trimmed) ?? []
  const factor = UNITS[unit.toLowerCase()]
  return factor === undefined ? undefined : Math.floor(Number(number) * factor)
}

/** In the largest unit that is not smaller than the size; read again it is the same, or the nearest with two digits. */
export function sizeText(bytes: number): string {
  const found = SHOWN.find(([factor]) => bytes >= factor)
  if (found === undefined) return bytes === 0 ? '0' : '1 KiB'
  const [factor, unit] = found
  return `${Number((bytes / factor).toFixed(2))} ${unit}`
}
