// The text of a message from standard input: all of it, without the line end that echo and most programs leave behind.
import { fail } from '../../../util/errors.ts'

/** Far above what a message holds: whatever is larger is refused before it is in memory. */
const MAX_BYTES = 1024 * 1024

/** @throws E_TOO_BIG, E_FORMAT for what is no UTF-8 */
export async function readText(input: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > MAX_BYTES) fail('E_TOO_BIG', 'That is too long for a message: send it as a --file.')
    parts.push(bytes)
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
    return text.replace(/\r?\n$/, '')
  } catch (cause) {
    return fail('E_FORMAT', 'Standard input is no text: send it as a --file.', cause)
  }
}
