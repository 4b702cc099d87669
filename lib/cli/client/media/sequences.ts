// Pictures as what terminals with graphics understand. What is sent are always our own pixels, never the file of somebody
// else: no terminal has to decode what a stranger made. Pure.
import { encodePng } from './png.ts'
import type { Graphics } from './graphics.ts'
import type { Raster } from './raster.ts'

const ESC = '\x1b'
/** kitty takes base64 in pieces of this length. */
const PIECE = 4096
/** A picture of more bytes takes too long through a slow line: half blocks do as well. */
const MAX_BYTES = 512 * 1024
/** Six steps of each colour: a palette of 216 registers, which every terminal has. */
const STEPS = 6
/** 4x4 ordered dither, so that steps do not show as edges. */
const BAYER = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5]

/** Room in cells that the picture takes. */
export interface Cells {
  readonly cols: number
  readonly rows: number
}

/** Draws at the cursor. Null: too large, or not for this terminal. */
export function pictureSequence(raster: Raster, cells: Cells, graphics: Graphics): string | null {
  if (graphics === 'sixel') return sized(sixel(raster))
  if (graphics !== 'kitty' && graphics !== 'iterm') return null
  const png = encodePng(raster)
  return sized(graphics === 'kitty' ? kitty(png, cells) : iterm(png, cells))
}

function sized(sequence: string): string | null {
  return sequence.length > MAX_BYTES ? null : sequence
}

/** q=2: the terminal answers nothing; C=1: the cursor stays. */
function kitty(png: Buffer, { cols, rows }: Cells): string {
  const text = png.toString('base64')
  const pieces = text.match(new RegExp(`.{1,${PIECE}}`, 'g')) ?? []
  return pieces
    .map((piece, i) => {
      const head = i === 0 ? `a=T,f=100,q=2,C=1,c=${cols},r=${rows},` : ''
      return `${ESC}_G${head}m=${i < pieces.length - 1 ? 1 : 0};${piece}${ESC}\\`
    })
    .join('')
}

function iterm(png: Buffer, { cols, rows }: Cells): string {
  const head = `inline=1;size=${png.length};width=${cols};height=${rows};preserveAspectRatio=1`
  return `${ESC}]1337;File=${head};doNotMoveCursor=1:${png.toString('base64')}\x07`
}

function sixel(raster: Raster): string {
  const { width, height } = raster
  const colours = new Uint8Array(width * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) colours[y * width + x] = register(raster, x, y)
  }
  const used = [...new Set(colours)].sort((a, b) => a - b)
  const palette = used.map((colour) => {
    const level = (of: number): number => Math.round(((of % STEPS) * 100) / (STEPS - 1))
    const [r, g, b] = [level(Math.floor(colour / 36)), level(Math.floor(colour / 6)), level(colour)]
    return `#${colour};2;${r};${g};${b}`
  })
  let body = ''
  for (let top = 0; top < height; top += 6) {
    body += used
      .map((colour) => band(colours, width, height, top, colour))
      .filter((row) => row !== '')
      .join('$')
    body += '-'
  }
  return `${ESC}P0;1;0q"1;1;${width};${height}${palette.join('')}${body}${ESC}\\`
}

/** Number of the colour of a pixel, 0 to 215. */
function register({ width, data }: Raster, x: number, y: number): number {
  const dither = ((BAYER[(y % 4) * 4 + (x % 4)] ?? 0) + 0.5) / 16 - 0.5
  let index = 0
  for (let c = 0; c < 3; c++) {
    const value = ((data[(y * width + x) * 4 + c] ?? 0) / 255) * (STEPS - 1) + dither
    index = index * STEPS + Math.min(STEPS - 1, Math.max(0, Math.round(value)))
  }
  return index
}

/** Six rows of one colour, runs counted; empty: that colour is not in them. */
function band(
  colours: Uint8Array,
  width: number,
  height: number,
  top: number,
  colour: number,
): string {
  let out = ''
  let run = 0
  let last = ''
  let isUsed = false
  const flush = (): void => {
    out += run > 3 ? `!${run}${last}` : last.repeat(run)
  }
  for (let x = 0; x < width; x++) {
    let bits = 0
    for (let i = 0; i < 6 && top + i < height; i++) {
      if (colours[(top + i) * width + x] === colour) bits |= 1 << i
    }
    isUsed ||= bits > 0
    const char = String.fromCharCode(63 + bits)
    if (char !== last) {
      flush()
      run = 0
    }
    last = char
    run += 1
  }
  flush()
  return isUsed ? `#${colour}${out}` : ''
}
