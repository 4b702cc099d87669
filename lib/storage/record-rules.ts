// What every Records adapter refuses, so that nobody comes to rely on the more generous of two.
import type { Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import type { Keys } from './ports.ts'

/** Above every record of PROTOCOL (blobs 64 KiB, history batches 128 KiB); larger things belong into files or logs. */
export const RECORD_BYTES = 256 * 1024

/** Kinds are file names and fields are names in documents: both come from code, so a wrong one is a programmer's mistake. */
export function checkKind(kind: string): void {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(kind)) throw new TypeError(`no kind of record: ${kind}`)
}

export function checkRecord(body: Bytes, keys: Keys): void {
  if (body.length > RECORD_BYTES) fail('E_TOO_BIG', 'too large for one record')
  for (const field of [...Object.keys(keys.unique ?? {}), ...Object.keys(keys.index ?? {})]) {
    if (!/^[a-zA-Z][a-zA-Z0-9]{0,31}$/.test(field)) throw new TypeError(`no key field: ${field}`)
  }
}
