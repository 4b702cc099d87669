// SHA-256 of a whole file in bounded memory: the promise inside an offer (PROTOCOL 10).
import { createHash } from 'node:crypto'

import type { FileReader } from '../ports.ts'

const STEP_BYTES = 256 * 1024

export async function hashFile(reader: FileReader): Promise<Buffer> {
  const hash = createHash('sha256')
  for (let offset = 0; offset < reader.size;) {
    const bytes = await reader.read(offset, Math.min(STEP_BYTES, reader.size - offset))
    if (bytes.length === 0) break // it became shorter: the upload will notice
    hash.update(bytes)
    offset += bytes.length
  }
  return hash.digest()
}
