// One sealed message of a stream, in both directions (PROTOCOL 6.3):
//
//   c = seal1(key, ctx("msg", hp, u32 i), pad(CBOR{p, g, s}, 512)),  s = PSS(DSK, ctx("msg-sig", hp, u32 i, p, g))
import { open1, seal1 } from '../crypto/aead.ts'
import { ctx } from '../crypto/ctx.ts'
import { pad, padme, unpad } from '../crypto/padding.ts'
import type { RsaPublicKey } from '../crypto/rsa.ts'
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { b, bRange, check, exact } from '../protocol/shape.ts'
import { type Bytes, u32 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { messageContext, sealingKey } from './chain.ts'

/** What travels: a transmission is named by (st, i). */
export interface SealedMessage {
  readonly st: Bytes
  readonly i: number
  readonly n: Bytes
  readonly c: Bytes
}

const PADDING_FLOOR = 512
const TAG_BYTES = 16
/** The `c` of `msg.put` (PROTOCOL 14.2). */
const CIPHERTEXT_MAX_BYTES = 49_152
/** Length word, CBOR keys and heads, signature: what surrounds p and g. */
const FRAME_BYTES = 4 + 1 + 3 * 5 + 256

const BODY = exact({
  p: bRange(0, CIPHERTEXT_MAX_BYTES),
  g: bRange(0, CIPHERTEXT_MAX_BYTES),
  s: b(256),
})

/** What the sending device signs: this payload, here, to exactly the recipients of this head. */
export function messageStatement(hp: Bytes, i: number, payload: Bytes, gossip: Bytes): Buffer {
  return ctx('msg-sig', hp, u32(i), payload, gossip)
}

/** @throws E_TOO_BIG when the message would not fit into a frame */
export function checkMessageSize(payload: Bytes, gossip: Bytes): void {
  const padded = padme(payload.length + gossip.length + FRAME_BYTES, PADDING_FLOOR)
  if (padded + TAG_BYTES > CIPHERTEXT_MAX_BYTES) fail('E_TOO_BIG', 'The message is too long.')
}

export function sealMessage(
  messageKey: Bytes,
  hp: Bytes,
  i: number,
  n: Bytes,
  body: { readonly p: Bytes; readonly g: Bytes; readonly s: Bytes },
): Buffer {
  const context = messageContext(hp, i)
  const plaintext = pad(encode({ p: body.p, g: body.g, s: body.s }), PADDING_FLOOR)
  return seal1(sealingKey(messageKey, n, context), context, plaintext)
}

function undecryptable(): never {
  return fail('E_DECRYPT', 'The message could not be decrypted.')
}

function parse(content: Bytes): { readonly p: Bytes; readonly g: Bytes; readonly s: Bytes } {
  try {
    return check(BODY, decodeCanonical(content), 'message')
  } catch {
    return undecryptable()
  }
}

/** @throws E_DECRYPT for everything before the signature, E_SIG for the signature */
export function openMessage(
  messageKey: Bytes,
  hp: Bytes,
  senderKey: RsaPublicKey,
  { i, n, c }: Pick<SealedMessage, 'i' | 'n' | 'c'>,
): { readonly payload: Bytes; readonly gossip: Bytes } {
  const context = messageContext(hp, i)
  const padded = open1(sealingKey(messageKey, n, context), context, c) ?? undecryptable()
  const { p, g, s } = parse(unpad(padded, PADDING_FLOOR) ?? undecryptable())
  if (!senderKey.verify(messageStatement(hp, i, p, g), s)) {
    fail('E_SIG', 'The message is not signed by the device it claims to come from.')
  }
  return { payload: p, gossip: g }
}
