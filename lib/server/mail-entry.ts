// A mailbox entry: a `mail` frame (PROTOCOL 14.2) without its number q, encoded once when the message arrives. The number
// is put in when the mail is pushed. Deterministic CBOR orders the one-letter keys c f h i n q t w before st:
//
//   entry = u8 field count of the frame || u32 length of A || A || B      A = c f [h] i n      B = t [w] st
//   frame = map(count) || A || "q" uint || B
import type { Wrap } from '../protocol/composites.ts'
import { type Bytes, concat } from '../util/bytes.ts'

export interface Transmission {
  readonly acct: Bytes
  readonly dev: Bytes
  readonly st: Bytes
  readonly i: number
  readonly n: Bytes
  readonly c: Bytes
}

const ENTRY_HEAD_BYTES = 5
const FIELDS = 7
const MAP = 0xa0

const C = Buffer.of(0x61, 0x63)
// "f": [acct, dev]; the lengths of both are fixed
const F = Buffer.of(0x61, 0x66, 0x82, 0x58, 32)
const DEV = Buffer.of(0x48)
const H = Buffer.of(0x61, 0x68)
const I = Buffer.of(0x61, 0x69)
const N = Buffer.of(0x61, 0x6e, 0x50)
const Q = Buffer.of(0x61, 0x71)
const T = Buffer.of(0x61, 0x74, 0x64, 0x6d, 0x61, 0x69, 0x6c)
const W = Buffer.of(0x61, 0x77, 0x83)
const ST = Buffer.of(0x62, 0x73, 0x74, 0x50)

/** CBOR head: major type in the upper three bits, then the argument in as few bytes as possible (RFC 8949 3). */
function head(major: number, n: number): Buffer {
  const m = major << 5
  if (n < 24) return Buffer.of(m | n)
  if (n < 0x100) return Buffer.of(m | 24, n)
  const size = n < 0x1_0000 ? 2 : n < 0x1_0000_0000 ? 4 : 8
  const out = Buffer.allocUnsafe(1 + size)
  if (size === 2) {
    out[0] = m | 25
    out.writeUInt16BE(n, 1)
  } else if (size === 4) {
    out[0] = m | 26
    out.writeUInt32BE(n, 1)
  } else {
    out[0] = m | 27
    out.writeUInt32BE(Math.floor(n / 0x1_0000_0000), 1)
    out.writeUInt32BE(n >>> 0, 5)
  }
  return out
}

function bytes(b: Bytes): Bytes[] {
  return [head(2, b.length), b]
}

/** With `stream` the entry also opens the stream: the first mail of it to this device. */
export function encodeMailEntry(
  m: Transmission,
  stream?: { readonly head: Bytes; readonly wrap: Wrap },
): Buffer {
  const a: Bytes[] = [C, ...bytes(m.c), F, m.acct, DEV, m.dev]
  if (stream !== undefined) a.push(H, ...bytes(stream.head))
  a.push(I, head(0, m.i), N, m.n)
  const b: Bytes[] = [T]
  if (stream !== undefined) b.push(W, ...stream.wrap.flatMap(bytes))
  b.push(ST, m.st)
  const lengthOfA = a.reduce((sum, part) => sum + part.length, 0)
  const prefix = Buffer.allocUnsafe(ENTRY_HEAD_BYTES)
  prefix[0] = FIELDS + (stream === undefined ? 0 : 2)
  prefix.writeUInt32BE(lengthOfA, 1)
  return concat(prefix, ...a, ...b)
}

/** The `mail` frame of an entry under its number in the mailbox. */
export function mailFrame(q: number, entry: Bytes): Buffer {
  const from = Buffer.from(entry.buffer, entry.byteOffset, entry.length)
  const middle = ENTRY_HEAD_BYTES + from.readUInt32BE(1)
  const number = head(0, q)
  const out = Buffer.allocUnsafe(from.length - ENTRY_HEAD_BYTES + 1 + Q.length + number.length)
  out[0] = MAP | from.readUInt8(0)
  let at = 1 + from.copy(out, 1, ENTRY_HEAD_BYTES, middle)
  at += Q.copy(out, at)
  at += number.copy(out, at)
  from.copy(out, at, middle)
  return out
}
