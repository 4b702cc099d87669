// Byte strings: big-endian integers, concatenation, text forms (PROTOCOL 2).
import { timingSafeEqual } from 'node:crypto'

export type Bytes = Uint8Array

export const NO_BYTES: Bytes = new Uint8Array(0)

export function concat(...parts: readonly Bytes[]): Buffer {
  return Buffer.concat(parts)
}

export function u8(n: number): Buffer {
  return Buffer.of(n)
}

export function u32(n: number): Buffer {
  const out = Buffer.allocUnsafe(4)
  out.writeUInt32BE(n)
  return out
}

export function u64(n: number): Buffer {
  const out = Buffer.allocUnsafe(8)
  out.writeBigUInt64BE(BigInt(n))
  return out
}

/** A Buffer over the same memory (no copy). */
export function view(b: Bytes): Buffer {
  return Buffer.isBuffer(b) ? b : Buffer.from(b.buffer, b.byteOffset, b.byteLength)
}

/** Equality for public values. */
export function equal(a: Bytes, b: Bytes): boolean {
  return view(a).equals(b)
}

/** Equality for secrets and commitments: constant time for equal lengths. */
export function equalSecret(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Byte-wise order, as in every "strictly ascending" rule of PROTOCOL. */
export function compare(a: Bytes, b: Bytes): number {
  return Buffer.compare(a, b)
}

export function hex(b: Bytes): string {
  return view(b).toString('hex')
}

export function fromHex(s: string): Buffer {
  return Buffer.from(s, 'hex')
}

export function base64url(b: Bytes): string {
  return view(b).toString('base64url')
}

export function fromBase64url(s: string): Buffer {
  return Buffer.from(s, 'base64url')
}

export function utf8(s: string): Buffer {
  return Buffer.from(s, 'utf8')
}

const B32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** RFC 4648 base32, lower case, without padding: fingerprints and URIs. */
export function base32(b: Bytes): string {
  let out = ''
  let acc = 0
  let bits = 0
  for (const byte of b) {
    acc = ((acc << 8) | byte) & 0xfff
    bits += 8
    for (; bits >= 5; bits -= 5) out += B32.charAt((acc >> (bits - 5)) & 31)
  }
  return bits > 0 ? out + B32.charAt((acc << (5 - bits)) & 31) : out
}

/** Inverse of base32, case-insensitive; null for any other text, also for non-zero trailing bits. */
export function fromBase32(s: string): Buffer | null {
  const out: number[] = []
  let acc = 0
  let bits = 0
  for (const c of s.toLowerCase()) {
    const v = B32.indexOf(c)
    if (v < 0) return null
    acc = ((acc << 5) | v) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      out.push((acc >> bits) & 0xff)
    }
  }
  const result = Buffer.from(out)
  return base32(result) === s.toLowerCase() ? result : null
}
