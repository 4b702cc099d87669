// The handshake of a direct connection between two devices (PROTOCOL 12), as functions over bytes. Both know a psk whose
// halves went through their signed envelopes; the MAC is checked before any other work.
//
//   P1, P2 = type || sess(16) || X(32) || n(16) || mac(16)     P1 by the dialler (0x11), P2 by the listener (0x12)
import { ctx } from '../crypto/ctx.ts'
import { hkdf, hkdfExtract, hmac, sha256 } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import type { X25519Key } from '../crypto/x25519.ts'
import { type Bytes, concat, equalSecret, NO_BYTES } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { type ChannelKeys, channelKeys } from './key-schedule.ts'

const DIALLER = 0x11
const LISTENER = 0x12
const SESSION_BYTES = 16
const NONCE_BYTES = 16
const MAC_BYTES = 16
const X_AT = 1 + SESSION_BYTES
const MAC_AT = X_AT + 32 + NONCE_BYTES
const Z32 = Buffer.alloc(32)

export const LINK_HELLO_BYTES: number = MAC_AT + MAC_BYTES

/** What both devices know before they meet. */
export interface LinkSecret {
  /** psk_A || psk_B, 64 bytes, used for one link only. */
  readonly psk: Bytes
  readonly sess: Bytes
}

/** Which introduction a P1 names; nothing of it is genuine yet. */
export function sessionOf(p1: Bytes): Bytes {
  return p1.subarray(1, X_AT)
}

function macOf(psk: Bytes, previous: Bytes, head: Bytes): Buffer {
  const key = hkdf(psk, NO_BYTES, ctx('p2p-mac'), 32)
  return hmac(key, ctx('p2p', previous, head)).subarray(0, MAC_BYTES)
}

function hello(
  type: number,
  { psk, sess }: LinkSecret,
  previous: Bytes,
  ephemeral: X25519Key,
  nonce: Bytes,
): Buffer {
  const head = concat(Buffer.of(type), sess, ephemeral.publicKey, nonce)
  return concat(head, macOf(psk, previous, head))
}

/** The peer's X25519 key. @throws E_HANDSHAKE for every failure */
function open(type: number, { psk, sess }: LinkSecret, previous: Bytes, frame: Bytes): Bytes {
  const head = frame.subarray(0, MAC_AT)
  const genuine =
    frame.length === LINK_HELLO_BYTES &&
    equalSecret(macOf(psk, previous, head), frame.subarray(MAC_AT)) &&
    equalSecret(concat(Buffer.of(type), sess), frame.subarray(0, X_AT))
  return genuine ? frame.subarray(X_AT, X_AT + 32) : fail('E_HANDSHAKE', 'The handshake failed.')
}

function keys(
  { psk }: LinkSecret,
  own: X25519Key,
  peer: Bytes,
  first: Bytes,
  second: Bytes,
): ChannelKeys {
  let shared: Bytes
  try {
    shared = own.agree(peer)
  } catch {
    return fail('E_HANDSHAKE', 'The handshake failed.')
  }
  return channelKeys(hkdfExtract(Z32, concat(psk, shared)), sha256(first, second))
}

/** P1, the first bytes of a link. */
export function dialLink(
  secret: LinkSecret,
  ephemeral: X25519Key,
  nonce: Bytes = randomBytes(NONCE_BYTES),
): Buffer {
  return hello(DIALLER, secret, NO_BYTES, ephemeral, nonce)
}

/** The listener's answer P2 to P1 and the keys, where the dialler is "c". @throws E_HANDSHAKE */
export function answerLink(
  secret: LinkSecret,
  p1: Bytes,
  ephemeral: X25519Key,
  nonce: Bytes = randomBytes(NONCE_BYTES),
): { readonly frame: Buffer; readonly keys: ChannelKeys } {
  const peer = open(DIALLER, secret, NO_BYTES, p1)
  const frame = hello(LISTENER, secret, p1, ephemeral, nonce)
  return { frame, keys: keys(secret, ephemeral, peer, p1, frame) }
}

/** The dialler's keys from P2. @throws E_HANDSHAKE */
export function finishLink(
  secret: LinkSecret,
  ephemeral: X25519Key,
  p1: Bytes,
  p2: Bytes,
): ChannelKeys {
  return keys(secret, ephemeral, open(LISTENER, secret, p1, p2), p1, p2)
}
