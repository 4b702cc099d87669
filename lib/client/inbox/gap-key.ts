// How a message that could not be read is named, by who sent it and by who misses it (PROTOCOL 9.4).
import { sha256 } from '../../crypto/hash.ts'
import { type Bytes, hex, u64 } from '../../util/bytes.ts'

/** Names a transmission in an `again`: its payload id, so that the answer finds the placeholder. */
export function againId(st: Bytes, i: number): Buffer {
  return sha256(st, u64(i)).subarray(0, 16)
}

/** The key of the placeholder's row: only the device that sent the missing message can name it. */
export function gapKey(sender: { readonly acct: Bytes; readonly dev: Bytes }, id: Bytes): string {
  return `gap-${hex(sha256(sender.acct, sender.dev, id).subarray(0, 16))}`
}
