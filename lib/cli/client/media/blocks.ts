// A picture as rows of half blocks: two pixels a cell, one above the other, for any terminal with 256 colours or more. Pure.
import type { Row, Span } from '../rows.ts'
import type { Raster } from './raster.ts'

const UPPER_HALF = '\u2580'

export function blockRows({ width, height, data }: Raster): Row[] {
  const colour = (x: number, y: number): number => {
    const at = (y * width + x) * 4
    return ((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0)
  }
  const rows: Row[] = []
  for (let y = 0; y < height; y += 2) {
    const row: (Span & { pixels: NonNullable<Span['pixels']> })[] = []
    for (let x = 0; x < width; x++) {
      const upper = colour(x, y)
      const lower = y + 1 < height ? colour(x, y + 1) : 0
      const last = row.at(-1)
      if (last?.pixels.upper === upper && last.pixels.lower === lower) {
        row[row.length - 1] = { ...last, text: last.text + UPPER_HALF }
      } else row.push({ text: UPPER_HALF, pixels: { upper, lower } })
    }
    rows.push(row)
  }
  return rows
}
