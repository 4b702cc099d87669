// A quick look at stored bytes: whether a text could be in them at all. Texts lie there as UTF-8, so what is plain ASCII can
// be found without decoding anything; for other letters, case does not follow from bytes and everything may match.
import { type Bytes, view } from '../../util/bytes.ts'

const ASCII = /^[ -~]*$/

/** `needle` is in lower case. Never false for bytes that hold it in some case. */
export function byteFilter(needle: string): (bytes: Bytes) => boolean {
  if (!ASCII.test(needle)) return () => true
  return (bytes) => view(bytes).toString('latin1').toLowerCase().includes(needle)
}
