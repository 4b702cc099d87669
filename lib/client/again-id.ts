// The name of an answer to "send that again", which both sides know before it is written (PROTOCOL 9.4).
import { sha256 } from '../crypto/hash.ts'
import { type Bytes, u64 } from '../util/bytes.ts'

/** Names a transmission in an `again`: its payload id, so that the answer finds the placeholder. */
export function againId(st: Bytes, i: number): Buffer {
  return sha256(st, u64(i)).subarray(0, 16)
}
