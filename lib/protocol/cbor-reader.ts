// The strict CBOR decoder (PROTOCOL 2, RFC 8949): bytes -> value, in one pass, as the server does it for every frame.
// A general decoder is several times slower; specs compare this one with cborg on every kind of input.
// What was announced is never believed: nothing is allocated for a length before that many bytes are there.
import { view, type Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { LIMITS } from './limits.ts'

/**
 * The one item in these bytes. Byte strings are copies, so a kept field does not keep a whole record alive; only one
 * that fills at least half of its memory (a file chunk) is a view of the input.
 */
export function read(bytes: Bytes): unknown {
  const reader = new Reader(bytes)
  const value = reader.item(0)
  return reader.atEnd ? value : refuse('bytes after the end')
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Bytes) {
    // a plain view: slice() of a Buffer would share memory
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  item(depth: number): unknown {
    const initial = this.#bytes[this.#at++] ?? refuse('cut short')
    const minor = initial & 31
    switch (initial >> 5) {
      case 0:
        return this.#argument(minor)
      case 1:
        return this.#negative(minor)
      case 2:
        return this.#byteString(minor)
      case 3:
        return this.#text(minor)
      case 4:
        return this.#array(minor, depth + 1)
      case 5:
        return this.#map(minor, depth + 1)
      case 7:
        return this.#simple(minor)
      default:
        return refuse('a tag')
    }
  }

  /** The number after a major type: in the fewest bytes possible, at most 2^53-1. */
  #argument(minor: number): number {
    if (minor < 24) return minor
    if (minor > 27) return refuse('an indefinite or reserved length')
    const size = 1 << (minor - 24)
    const start = this.#advance(size)
    let value = 0
    for (let i = start; i < this.#at; i++) value = value * 256 + (this.#bytes[i] ?? 0)
    const smallest = minor === 24 ? 24 : 256 ** (size / 2)
    if (value < smallest) return refuse('a number in more bytes than it needs')
    // rounding starts above 2^53, so what compares as safe is exact
    return value <= Number.MAX_SAFE_INTEGER ? value : refuse('a number over 2^53-1')
  }

  #negative(minor: number): number {
    const value = -1 - this.#argument(minor)
    return Number.isSafeInteger(value) ? value : refuse('a number under -(2^53-1)')
  }

  #byteString(minor: number): Uint8Array {
    const length = this.#argument(minor)
    const start = this.#advance(length)
    return 2 * length >= this.#bytes.buffer.byteLength
      ? this.#bytes.subarray(start, this.#at)
      : this.#bytes.slice(start, this.#at)
  }

  #text(minor: number): string {
    const start = this.#advance(this.#argument(minor))
    return text(this.#bytes, start, this.#at)
  }

  #array(minor: number, depth: number): unknown[] {
    const length = this.#count(minor, 1, depth)
    const out: unknown[] = []
    for (let i = 0; i < length; i++) out.push(this.item(depth))
    return out
  }

  #map(minor: number, depth: number): Record<string, unknown> {
    const length = this.#count(minor, 2, depth)
    const out: Record<string, unknown> = {}
    for (let i = 0; i < length; i++) {
      const initial = this.#bytes[this.#at++] ?? refuse('cut short')
      if (initial >> 5 !== 3) return refuse('a key that is no text')
      const key = this.#text(initial & 31)
      if (Object.hasOwn(out, key)) return refuse('a key twice')
      const value = this.item(depth)
      if (key !== '__proto__') out[key] = value
      else {
        // an assignment would replace the prototype of the map
        Object.defineProperty(out, key, {
          value,
          configurable: true,
          enumerable: true,
          writable: true,
        })
      }
    }
    return out
  }

  #count(minor: number, bytesEach: number, depth: number): number {
    if (depth > LIMITS.cborDepth) return refuse('nested too deeply')
    const length = this.#argument(minor)
    return length * bytesEach <= this.#bytes.length - this.#at ? length : refuse('cut short')
  }

  /** Steps over so many bytes; returns where they begin. */
  #advance(length: number): number {
    const start = this.#at
    if (length > this.#bytes.length - start) return refuse('cut short')
    this.#at = start + length
    return start
  }

  #simple(minor: number): unknown {
    switch (minor) {
      case 20:
        return false
      case 21:
        return true
      case 22:
        return null
      case 25:
      case 26:
      case 27:
        return this.#float(minor)
      default:
        return refuse('an undefined or unassigned simple value')
    }
  }

  /** No field is a float, but an unknown one might be, and integers may come as floats. */
  #float(minor: 25 | 26 | 27): number {
    const start = this.#advance(1 << (minor - 24))
    const data = view(this.#bytes)
    const value =
      minor === 25
        ? float16(data.readUInt16BE(start))
        : minor === 26
          ? data.readFloatBE(start)
          : data.readDoubleBE(start)
    return Number.isFinite(value) ? value : refuse('NaN or Infinity')
  }
}

/** IEEE 754 half precision, RFC 8949 appendix D. */
function float16(half: number): number {
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  if (exponent === 31) return NaN
  const value = exponent === 0 ? fraction * 2 ** -24 : (fraction + 1024) * 2 ** (exponent - 25)
  return half & 0x8000 ? -value : value
}

/** UTF-8 with replacement characters (the canonical decoder finds them); short ASCII without leaving JavaScript. */
function text(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > 24) return view(bytes).toString('utf8', start, end)
  let out = ''
  for (let i = start; i < end; i++) {
    const c = bytes[i] ?? 0
    if (c >= 128) return view(bytes).toString('utf8', start, end)
    out += String.fromCharCode(c)
  }
  return out
}

function refuse(what: string): never {
  return fail('E_FORMAT', `CBOR: ${what}`)
}
