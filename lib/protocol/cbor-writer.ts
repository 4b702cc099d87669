// The CBOR encoder for frames: the deterministic bytes of RFC 8949 4.2 for the types frames have. Signed and hashed data
// goes through `encode` in cbor.ts; specs prove that both write the same bytes.
import type { Bytes } from '../util/bytes.ts'

const encoder = new TextEncoder()

/** Fields that are `undefined` are left out. TypeError for what no frame holds: floats, negative numbers, null, keys not in ASCII. */
export function write(value: unknown): Buffer {
  const writer = new Writer(bound(value))
  writer.item(value)
  return writer.bytes
}

/** At least the length of the encoding. */
function bound(value: unknown): number {
  if (typeof value === 'string') return 9 + 3 * value.length
  if (typeof value !== 'object' || value === null) return 9
  if (value instanceof Uint8Array) return 9 + value.length
  let sum = 9
  if (Array.isArray(value)) for (const v of value) sum += bound(v)
  else {
    for (const [k, v] of Object.entries(value)) sum += 9 + 3 * k.length + bound(v)
  }
  return sum
}

class Writer {
  readonly #out: Buffer
  #at = 0

  constructor(maxBytes: number) {
    this.#out = Buffer.allocUnsafe(maxBytes)
  }

  get bytes(): Buffer {
    return this.#out.subarray(0, this.#at)
  }

  item(value: unknown): void {
    if (typeof value === 'number') this.#uint(value)
    else if (typeof value === 'string') this.#text(value)
    else if (typeof value === 'boolean') this.#out[this.#at++] = value ? 0xf5 : 0xf4
    else if (value instanceof Uint8Array) this.#byteString(value)
    else if (Array.isArray(value)) this.#array(value)
    else if (typeof value === 'object' && value !== null) this.#map(value)
    else unsupported(value)
  }

  #uint(n: number): void {
    if (Number.isSafeInteger(n) && n >= 0) this.#head(0, n)
    else unsupported(n)
  }

  #head(major: number, n: number): void {
    const out = this.#out
    const m = major << 5
    if (n < 24) out[this.#at++] = m | n
    else if (n < 0x100) {
      out[this.#at++] = m | 24
      out[this.#at++] = n
    } else if (n < 0x1_0000) {
      out[this.#at++] = m | 25
      out[this.#at++] = n >> 8
      out[this.#at++] = n & 255
    } else if (n < 0x1_0000_0000) {
      out[this.#at++] = m | 26
      this.#at = out.writeUInt32BE(n, this.#at)
    } else {
      out[this.#at++] = m | 27
      this.#at = out.writeUInt32BE(Math.floor(n / 0x1_0000_0000), this.#at)
      this.#at = out.writeUInt32BE(n >>> 0, this.#at)
    }
  }

  #byteString(b: Bytes): void {
    this.#head(2, b.length)
    this.#out.set(b, this.#at)
    this.#at += b.length
  }

  #text(s: string): void {
    if (this.#ascii(s)) return
    const utf8 = encoder.encode(s)
    this.#head(3, utf8.length)
    this.#out.set(utf8, this.#at)
    this.#at += utf8.length
  }

  /** Writes a text of ASCII; writes nothing and returns false for any other. */
  #ascii(s: string): boolean {
    const start = this.#at
    this.#head(3, s.length)
    for (let i = 0; i < s.length; i++) {
      const c = s.charCodeAt(i)
      if (c >= 128) {
        this.#at = start
        return false
      }
      this.#out[this.#at++] = c
    }
    return true
  }

  #array(values: readonly unknown[]): void {
    this.#head(4, values.length)
    for (const v of values) this.item(v)
  }

  #map(value: object): void {
    const fields = value as Readonly<Record<string, unknown>>
    const keys = sorted(Object.keys(fields).filter((k) => fields[k] !== undefined))
    this.#head(5, keys.length)
    for (const k of keys) {
      if (!this.#ascii(k)) unsupported(k)
      this.item(fields[k])
    }
  }
}

/** Shorter keys first, then by their letters: the order of the encoded keys. Maps of frames are small and nearly sorted. */
function sorted(keys: string[]): string[] {
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] ?? ''
    let j = i - 1
    for (; j >= 0; j--) {
      const other = keys[j] ?? ''
      if (other.length < key.length || (other.length === key.length && other < key)) break
      keys[j + 1] = other
    }
    keys[j + 1] = key
  }
  return keys
}

function unsupported(value: unknown): never {
  throw new TypeError(`a frame cannot hold ${String(value)}`)
}
