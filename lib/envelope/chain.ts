// From one stream secret to one key per message (PROTOCOL 6.2, 6.3). Pure derivations; who keeps what is not known here.
import { ctx } from '../crypto/ctx.ts'
import { hkdf, hmac, sha256 } from '../crypto/hash.ts'
import { type Bytes, NO_BYTES, u32 } from '../util/bytes.ts'

const MESSAGE_KEY = Buffer.of(1)
const NEXT_CHAIN_KEY = Buffer.of(2)

/** hp: what every key and signature of a stream is bound to. */
export function headHash(head: Bytes): Buffer {
  return sha256(ctx('head', head))
}

/** com: without it one wrap could carry another secret than the next, and one ciphertext two readings. */
export function commitment(secret: Bytes, st: Bytes): Buffer {
  return hkdf(secret, NO_BYTES, ctx('commit', st), 32)
}

/** ck_0 */
export function firstChainKey(secret: Bytes, hp: Bytes): Buffer {
  return hkdf(secret, NO_BYTES, ctx('chain', hp), 32)
}

/** mk_i and ck_{i+1} from ck_i; the caller forgets ck_i. */
export function ratchet(chainKey: Bytes): { readonly messageKey: Buffer; readonly next: Buffer } {
  return { messageKey: hmac(chainKey, MESSAGE_KEY), next: hmac(chainKey, NEXT_CHAIN_KEY) }
}

/** The KDF info and AAD of message i. */
export function messageContext(hp: Bytes, i: number): Buffer {
  return ctx('msg', hp, u32(i))
}

/** What seals message i: fresh in every transmission because n is, even if a sender's state was copied. */
export function sealingKey(messageKey: Bytes, n: Bytes, context: Bytes): Buffer {
  return hkdf(messageKey, n, context, 32)
}
