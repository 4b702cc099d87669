// Short forms of identities for people's eyes. For comparing a person use safety-number.ts.
import { base32, type Bytes } from '../util/bytes.ts'

const SHOWN_BYTES = 20
const GROUP_LETTERS = 4

/** Cuts a text into groups for reading aloud: "abcd efgh ij". */
export function grouped(text: string, letters: number, separator: string): string {
  const groups: string[] = []
  for (let at = 0; at < text.length; at += letters) groups.push(text.slice(at, at + letters))
  return groups.join(separator)
}

/** base32(srv[0:20]) as eight groups of four letters (PROTOCOL 4.1): 160 bits, as much as anybody compares. */
export function serverFingerprint(srv: Bytes): string {
  return grouped(base32(srv.subarray(0, SHOWN_BYTES)), GROUP_LETTERS, ' ')
}
