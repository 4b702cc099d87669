// PNG (ISO/IEC 15948) from and to pixels, over node:zlib: what a hostile file can make of itself is bounded by what its
// header promises, and that by MAX_PIXELS. All colour types and depths, interlaced or not; checksums are not looked at.
import { constants, crc32, deflateSync, inflateSync } from 'node:zlib'

import { fail } from '../../../util/errors.ts'
import { checkSize, type Raster } from './raster.ts'

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }
/** Adam7: first column and row of each pass, and the steps between them. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

interface Header {
  readonly width: number
  readonly height: number
  readonly depth: number
  readonly colour: number
  readonly interlaced: boolean
}

interface Chunks {
  readonly header: Header
  readonly packed: Buffer
  readonly palette: Buffer
  readonly alpha: Buffer
}

/** @throws E_FORMAT, E_TOO_BIG */
export function decodePng(bytes: Buffer): Raster {
  const chunks = read(bytes)
  const { header } = chunks
  const { width, height, interlaced } = header
  const passes = interlaced ? PASSES : ([[0, 0, 1, 1]] as const)
  const sizes = passes.map(([x, y, dx, dy]) => ({
    cols: Math.max(0, Math.ceil((width - x) / dx)),
    rows: Math.max(0, Math.ceil((height - y) / dy)),
  }))
  const rowBytes = (cols: number): number => Math.ceil((cols * bitsPerPixel(header)) / 8)
  const expected = sizes.reduce(
    (sum, { cols, rows }) => sum + (cols === 0 ? 0 : rows * (1 + rowBytes(cols))),
    0,
  )
  const raw = inflated(chunks.packed, expected)
  const data = new Uint8Array(width * height * 4)
  let at = 0
  passes.forEach(([x0, y0, dx, dy], pass) => {
    const { cols, rows } = sizes[pass] ?? { cols: 0, rows: 0 }
    if (cols === 0) return
    const length = rowBytes(cols)
    let before: Buffer = Buffer.alloc(length)
    for (let row = 0; row < rows; row++, at += 1 + length) {
      const line = raw.subarray(at + 1, at + 1 + length)
      unfilter(raw[at] ?? 0, line, before, Math.max(1, bitsPerPixel(header) >> 3))
      before = line
      for (let col = 0; col < cols; col++) {
        put(data, ((y0 + row * dy) * width + x0 + col * dx) * 4, line, col, chunks)
      }
    }
  })
  return { width, height, data }
}

/** RGB without alpha. */
export function encodePng({ width, height, data }: Raster): Buffer {
  const raw = Buffer.alloc(height * (1 + width * 3))
  for (let y = 0, to = 0; y < height; y++) {
    to += 1 // filter 0
    for (let x = 0; x < width; x++, to += 3)
      raw.set(data.subarray((y * width + x) * 4).subarray(0, 3), to)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(raw)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, body: Buffer): Buffer {
  const out = Buffer.alloc(12 + body.length)
  out.writeUInt32BE(body.length, 0)
  out.write(type, 4, 'latin1')
  body.copy(out, 8)
  out.writeUInt32BE(crc32(out.subarray(4, 8 + body.length)), 8 + body.length)
  return out
}

function read(bytes: Buffer): Chunks {
  let header: Header | null = null
  let palette = Buffer.alloc(0)
  let alpha = Buffer.alloc(0)
  const packed: Buffer[] = []
  for (let at = 8; at + 8 <= bytes.length;) {
    const length = bytes.readUInt32BE(at)
    const type = bytes.toString('latin1', at + 4, at + 8)
    const body = bytes.subarray(at + 8, at + 8 + length)
    if (type === 'IHDR') header = headerOf(body)
    else if (type === 'PLTE') palette = Buffer.from(body)
    else if (type === 'tRNS') alpha = Buffer.from(body)
    else if (type === 'IDAT') packed.push(body)
    else if (type === 'IEND') break
    at += 12 + length
  }
  if (header === null) fail('E_FORMAT', 'The image has no header.')
  return { header, palette, alpha, packed: Buffer.concat(packed) }
}

function headerOf(body: Buffer): Header {
  if (body.length < 13) fail('E_FORMAT', 'The header of the image is cut off.')
  const [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)]
  const [depth = 0, colour = 0, , , interlace = 0] = body.subarray(8)
  checkSize(width, height)
  const isDepth = [1, 2, 4, 8, 16].includes(depth) && (depth >= 8 || colour === 0 || colour === 3)
  if (CHANNELS[colour] === undefined || !isDepth || (colour === 3 && depth === 16)) {
    fail('E_FORMAT', 'The image has a colour type that there is not.')
  }
  return { width, height, depth, colour, interlaced: interlace === 1 }
}

function bitsPerPixel({ depth, colour }: Header): number {
  return depth * (CHANNELS[colour] ?? 1)
}

/** Exactly as many bytes as the header promises: a bomb ends where they do, what is missing is black. */
function inflated(packed: Buffer, expected: number): Buffer {
  try {
    const raw = inflateSync(packed, {
      maxOutputLength: expected,
      finishFlush: constants.Z_SYNC_FLUSH, // the end may be missing
    })
    return raw.length < expected ? Buffer.concat([raw], expected) : raw
  } catch (error) {
    return fail('E_FORMAT', 'The image is damaged.', error)
  }
}

function unfilter(filter: number, line: Buffer, before: Buffer, step: number): void {
  if (filter === 0) return
  for (let i = 0; i < line.length; i++) {
    const left = i < step ? 0 : (line[i - step] ?? 0)
    const up = before[i] ?? 0
    const corner = i < step ? 0 : (before[i - step] ?? 0)
    const guess =
      filter === 1
        ? left
        : filter === 2
          ? up
          : filter === 3
            ? (left + up) >> 1
            : paeth(left, up, corner)
    line[i] = ((line[i] ?? 0) + guess) & 255
  }
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)]
  if (a <= b && a <= c) return left
  return b <= c ? up : corner
}

function put(
  data: Uint8Array,
  to: number,
  line: Buffer,
  col: number,
  { header, palette, alpha }: Chunks,
): void {
  const { depth, colour } = header
  const channels = CHANNELS[colour] ?? 1
  const sample = (channel: number): number => {
    const n = col * channels + channel
    if (depth >= 8) return line[n * (depth >> 3)] ?? 0
    const byte = line[(n * depth) >> 3] ?? 0
    return (byte >> (8 - depth - ((n * depth) & 7))) & ((1 << depth) - 1)
  }
  if (depth === 8 && channels >= 3) {
    const from = col * channels
    for (let i = 0; i < 3; i++) data[to + i] = line[from + i] ?? 0
    data[to + 3] = channels === 4 ? (line[from + 3] ?? 0) : 255
    return
  }
  const scale = depth >= 8 ? 1 : 255 / ((1 << depth) - 1)
  const first = sample(0)
  let rgba: readonly number[]
  if (colour === 3) {
    rgba = [...palette.subarray(first * 3, first * 3 + 3), alpha[first] ?? 255]
    if (rgba.length < 4) rgba = [0, 0, 0, 255]
  } else if (channels < 3) {
    const grey = first * scale
    rgba = [grey, grey, grey, channels === 2 ? sample(1) : 255]
  } else {
    const last = channels === 4 ? sample(3) : 255
    rgba = [first, sample(1), sample(2), last]
  }
  data.set(rgba, to)
}
