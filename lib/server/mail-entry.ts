// A mailbox entry: a `mail` frame (PROTOCOL 14.2) without its number q, encoded once when the message arrives. The number
// is put in when the mail is pushed. Deterministic CBOR orders the one-letter keys c f h i n q t w before st:
//
//   entry = u8 field count of the frame || u32 length of A || A || B      A = c f [h] i n      B = t [w] st
//   frame = map(count) || A || "q" uint || B
import type { Wrap } from '../protocol/composites.ts'
import type { Bytes } from '../util/bytes.ts'

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

/** The longest number with its head. */
const NUMBER_BYTES = 9
/** More than all keys and lengths of an entry take. */
const OVERHEAD_BYTES = 128

/** CBOR head: major type in the upper three bits, then the argument in as few bytes as possible (RFC 8949 3). */
function head(out: Buffer, at: number, major: number, n: number): number {
  const m = major << 5
  if (n < 24) return out.writeUInt8(m | n, at)
  if (n < 0x100) return out.writeUInt8(n, out.writeUInt8(m | 24, at))
  if (n < 0x1_0000) return out.writeUInt16BE(n, out.writeUInt8(m | 25, at))
  if (n < 0x1_0000_0000) return out.writeUInt32BE(n, out.writeUInt8(m | 26, at))
  const high = out.writeUInt32BE(Math.floor(n / 0x1_0000_0000), out.writeUInt8(m | 27, at))
  return out.writeUInt32BE(n >>> 0, high)
}

function put(out: Buffer, at: number, part: Bytes): number {
  out.set(part, at)
  return at + part.length
}

function bytes(out: Buffer, at: number, b: Bytes): number {
  return put(out, head(out, at, 2, b.length), b)
}

interface Opening {
  readonly head: Bytes
  readonly wrap: Wrap
}

/** With `stream` the entry also opens the stream: the first mail of it to this device. */
export function encodeMailEntry(m: Transmission, stream?: Opening): Buffer {
  const sealed = stream === undefined ? [] : [stream.head, ...stream.wrap]
  const room = sealed.reduce((sum, part) => sum + part.length, m.c.length + OVERHEAD_BYTES)
  const out = Buffer.allocUnsafe(room)
  out[0] = FIELDS + (stream === undefined ? 0 : 2)
  let at = bytes(out, put(out, ENTRY_HEAD_BYTES, C), m.c)
  at = put(out, put(out, at, F), m.acct)
  at = put(out, put(out, at, DEV), m.dev)
  if (stream !== undefined) at = bytes(out, put(out, at, H), stream.head)
  at = head(out, put(out, at, I), 0, m.i)
  at = put(out, put(out, at, N), m.n)
  out.writeUInt32BE(at - ENTRY_HEAD_BYTES, 1)
  at = put(out, at, T)
  if (stream !== undefined) {
    at = put(out, at, W)
    for (const part of stream.wrap) at = bytes(out, at, part)
  }
  at = put(out, put(out, at, ST), m.st)
  return out.subarray(0, at)
}

/** The `mail` frame of an entry under its number in the mailbox. */
export function mailFrame(q: number, entry: Bytes): Buffer {
  const from = Buffer.from(entry.buffer, entry.byteOffset, entry.length)
  const middle = ENTRY_HEAD_BYTES + from.readUInt32BE(1)
  const out = Buffer.allocUnsafe(from.length + Q.length + NUMBER_BYTES)
  out[0] = MAP | from.readUInt8(0)
  let at = 1 + from.copy(out, 1, ENTRY_HEAD_BYTES, middle)
  at = head(out, put(out, at, Q), 0, q)
  at += from.copy(out, at, middle)
  return out.subarray(0, at)
}
