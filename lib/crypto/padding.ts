// Padme padding: hides all but O(log log n) bits of a length (PROTOCOL 2; Nikitin et al., PURBs, 2019).
import { type Bytes, view } from '../util/bytes.ts'

const LENGTH_BYTES = 4
const DEFAULT_FLOOR = 256

/** The padded size of `length` bytes: at least `floor`, at most about 12 % more than `length`. */
export function padme(length: number, floor: number = DEFAULT_FLOOR): number {
  if (length <= floor) return floor
  const exponent = Math.floor(Math.log2(length))
  const step = 2 ** (exponent - Math.floor(Math.log2(exponent)) - 1)
  return Math.ceil(length / step) * step
}

/** u32(len) || b || zeros up to padme(len + 4, floor). */
export function pad(b: Bytes, floor: number = DEFAULT_FLOOR): Buffer {
  const out = Buffer.alloc(padme(b.length + LENGTH_BYTES, floor))
  out.writeUInt32BE(b.length)
  out.set(b, LENGTH_BYTES)
  return out
}

/** The content (a view), or null unless the padded length and the zero fill are exact. */
export function unpad(b: Bytes, floor: number = DEFAULT_FLOOR): Buffer | null {
  const padded = view(b)
  if (padded.length < LENGTH_BYTES) return null
  const end = LENGTH_BYTES + padded.readUInt32BE(0)
  if (end > padded.length || padded.length !== padme(end, floor)) return null
  for (let i = end; i < padded.length; i++) if (padded[i] !== 0) return null
  return padded.subarray(LENGTH_BYTES, end)
}
