// A terminal window as an SVG picture that a code host shows: the cells of a real run with their colours, nothing redrawn by
// hand. Every run of equal cells is one <text> at its column, stretched to its width, whatever font the reader has.

/** Neighbouring cells that look the same. */
export interface CellRun {
  readonly text: string
  /** Column of the first, and how many cells. */
  readonly col: number
  readonly cols: number
  /** Of the palette of 256; -1: the default. */
  readonly colour: number
  readonly bold: boolean
  readonly dim: boolean
}

const CELL = { width: 8.4, height: 18 }
const MARGIN = 14
const BAR = 26
const GROUND = '#16181d'
const INK = '#d7dae0'
const SIXTEEN = [
  ...['#3b4048', '#e06c75', '#98c379', '#d7a65f', '#61afef', '#c678dd', '#56b6c2', '#abb2bf'],
  ...['#5c6370', '#e06c75', '#98c379', '#d7a65f', '#61afef', '#c678dd', '#56b6c2', '#ffffff'],
]

function css(colour: number): string {
  if (colour < 0) return INK
  if (colour < 16) return SIXTEEN[colour] ?? INK
  if (colour >= 232) {
    const grey = 8 + 10 * (colour - 232)
    return `rgb(${String(grey)},${String(grey)},${String(grey)})`
  }
  const n = colour - 16
  const level = (digit: number): string => String(digit === 0 ? 0 : 55 + 40 * digit)
  return `rgb(${level(Math.floor(n / 36))},${level(Math.floor(n / 6) % 6)},${level(n % 6)})`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** `label`: what the picture shows, for whoever cannot see it. */
export function svg(rows: readonly (readonly CellRun[])[], cols: number, label: string): string {
  const width = Math.round(cols * CELL.width + 2 * MARGIN)
  const height = Math.round(rows.length * CELL.height + 2 * MARGIN + BAR)
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
    (fill, i) => `<circle cx="${String(18 + 18 * i)}" cy="17" r="5.5" fill="${fill}"/>`,
  )
  const texts = rows.flatMap((row, y) =>
    row
      .filter(({ text }) => text.trim() !== '')
      .map(({ text: drawn, col, cols: wide, colour, bold, dim }) => {
        const text = drawn.trim()
        const before = drawn.length - drawn.trimStart().length
        const x = (MARGIN + (col + before) * CELL.width).toFixed(1)
        const baseline = (MARGIN + BAR + y * CELL.height + 13).toFixed(1)
        const look = `fill="${css(colour)}"${bold ? ' font-weight="bold"' : ''}${dim ? ' opacity="0.6"' : ''}`
        const length = `textLength="${((wide - (drawn.length - text.length)) * CELL.width).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`
        return `<text x="${x}" y="${baseline}" ${length} ${look} xml:space="preserve">${escaped(text)}</text>`
      }),
  )
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${String(width)}" height="${String(height)}" viewBox="0 0 ${String(width)} ${String(height)}" role="img" aria-label="${escaped(label)}">`,
    `<rect width="100%" height="100%" rx="8" fill="${GROUND}"/>`,
    ...dots,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">`,
    ...texts,
    '</g>',
    '</svg>',
  ].join('\n')}\n`
}
