// Identifiers that both ends compute for themselves, so that a server cannot move a message (PROTOCOL 6.1).
import { ctx } from '../crypto/ctx.ts'
import { sha256 } from '../crypto/hash.ts'
import { type Bytes, compare, concat } from '../util/bytes.ts'

/** The full identity of an account: the hashes of its server's and its own first identity key (PROTOCOL 3). */
export interface AccountId {
  readonly srv: Bytes
  readonly acct: Bytes
}

export interface DeviceId extends AccountId {
  readonly dev: Bytes
}

/** 16 bytes, the same whoever computes it; both arguments equal = the notes of an account to itself. */
export function convId(a: AccountId, b: AccountId): Buffer {
  const parties = [concat(a.srv, a.acct), concat(b.srv, b.acct)].sort(compare)
  return sha256(ctx('dm', ...parties)).subarray(0, 16)
}

/** 16 bytes that only the author's payload can produce; equal in every retry and resend. */
export function messageId(conv: Bytes, authorAcct: Bytes, payloadId: Bytes): Buffer {
  return sha256(ctx('mid', conv, authorAcct, payloadId)).subarray(0, 16)
}
