// The first picture of a GIF (87a, 89a) as pixels. Pure; every length is checked, no table grows beyond its 4096 codes.
import { fail } from '../../../util/errors.ts'
import { checkSize, type Raster } from './raster.ts'

const MAX_CODES = 4096

/** @throws E_FORMAT, E_TOO_BIG */
export function decodeGif(bytes: Buffer): Raster {
  const reader = new Reader(bytes, 6)
  const [width, height, flags] = [reader.u16(), reader.u16(), reader.u8()]
  reader.skip(2)
  checkSize(width, height)
  const common = tableSize(flags) === 0 ? null : reader.take(tableSize(flags))
  let transparent = -1
  for (;;) {
    const block = reader.u8()
    if (block === 0x21) {
      const isControl = reader.u8() === 0xf9
      const body = reader.subBlocks()
      if (isControl && ((body[0] ?? 0) & 1) === 1) transparent = body[3] ?? -1
    } else if (block === 0x2c) return frame(reader, { width, height }, common, transparent)
    else fail('E_FORMAT', 'There is no picture in this GIF.')
  }
}

function frame(
  reader: Reader,
  { width, height }: { readonly width: number; readonly height: number },
  common: Buffer | null,
  transparent: number,
): Raster {
  const [left, top, cols, rows] = [reader.u16(), reader.u16(), reader.u16(), reader.u16()]
  const flags = reader.u8()
  checkSize(cols, rows)
  const table = tableSize(flags) === 0 ? common : reader.take(tableSize(flags))
  if (table === null) fail('E_FORMAT', 'The GIF has no colours.')
  const bits = reader.u8()
  const indices = unpacked(reader.subBlocks(), bits, cols * rows)
  const data = new Uint8Array(width * height * 4)
  const order = (flags & 0x40) === 0 ? null : interlaced(rows)
  for (let row = 0; row < rows; row++) {
    const y = top + (order?.[row] ?? row)
    for (let col = 0; col < cols && y < height; col++) {
      const index = indices[row * cols + col] ?? 0
      if (index === transparent || left + col >= width) continue
      const at = (y * width + left + col) * 4
      data.set(table.subarray(index * 3, index * 3 + 3), at)
      data[at + 3] = 255
    }
  }
  return { width, height, data }
}

function tableSize(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1)
}

function interlaced(rows: number): number[] {
  const order: number[] = []
  for (const [from, step] of [
    [0, 8],
    [4, 8],
    [2, 4],
    [1, 2],
  ] as const) {
    for (let y = from; y < rows; y += step) order.push(y)
  }
  return order
}

/** LZW with codes of growing length; exactly `count` indices, what is missing stays 0. */
function unpacked(packed: Buffer, bits: number, count: number): Uint8Array {
  if (bits < 1 || bits > 11) fail('E_FORMAT', 'The GIF is damaged.')
  const clear = 1 << bits
  const out = new Uint8Array(count)
  const prefix = new Uint16Array(MAX_CODES)
  const suffix = new Uint8Array(MAX_CODES)
  const stack = new Uint8Array(MAX_CODES)
  for (let i = 0; i < clear; i++) suffix[i] = i
  let [size, next, old, first, held, have, at, to] = [bits + 1, clear + 2, -1, 0, 0, 0, 0, 0]
  while (to < count) {
    while (have < size && at < packed.length) {
      held |= (packed[at++] ?? 0) << have
      have += 8
    }
    if (have < size) break
    const code = held & ((1 << size) - 1)
    held >>= size
    have -= size
    if (code === clear) {
      ;[size, next, old] = [bits + 1, clear + 2, -1]
      continue
    }
    if (code === clear + 1) break
    if (code > next || (old < 0 && code >= clear)) fail('E_FORMAT', 'The GIF is damaged.')
    let depth = 0
    let walk = code
    if (code === next) {
      stack[depth++] = first
      walk = old
    }
    while (walk >= clear) {
      stack[depth++] = suffix[walk] ?? 0
      walk = prefix[walk] ?? 0
    }
    first = suffix[walk] ?? 0
    out[to++] = first
    while (depth > 0 && to < count) out[to++] = stack[--depth] ?? 0
    if (old >= 0 && next < MAX_CODES) {
      prefix[next] = old
      suffix[next] = first
      next += 1
      if (next === 1 << size && size < 12) size += 1
    }
    old = code
  }
  return out
}

class Reader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  u8(): number {
    return this.take(1)[0] ?? 0
  }

  u16(): number {
    return this.take(2).readUInt16LE(0)
  }

  skip(length: number): void {
    this.take(length)
  }

  take(length: number): Buffer {
    const from = this.#at
    this.#at += length
    if (this.#at > this.#bytes.length) fail('E_FORMAT', 'The GIF is cut off.')
    return this.#bytes.subarray(from, this.#at)
  }

  /** What is cut off is not there. */
  subBlocks(): Buffer {
    const parts: Buffer[] = []
    while (this.#at < this.#bytes.length) {
      const length = this.u8()
      if (length === 0) break
      parts.push(this.take(Math.min(length, this.#bytes.length - this.#at)))
    }
    return Buffer.concat(parts)
  }
}
