// How one server key lies on the disk: canonical CBOR with its kind, then the SHA-256 of that, so that a damaged or
// exchanged file is named before it does harm. Knows no key.
import { basename } from 'node:path'

import { sha256 } from '../../crypto/hash.ts'
import { decodeCanonical, encode } from '../../protocol/cbor.ts'
import { check, type Shape } from '../../protocol/shape.ts'
import { readKeyFile, writeKeyFile } from '../../storage/key-files.ts'
import { concat, equal } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import { createFile } from './create-file.ts'

const DIGEST_BYTES = 32

/** Null when there is no such file. @throws E_CORRUPT for one that is not whole, E_FILE for one that cannot be read */
export async function readKey<T>(path: string, shape: Shape<T>): Promise<T | null> {
  const bytes = await readKeyFile(path)
  if (bytes === null) return null
  const body = bytes.subarray(0, -DIGEST_BYTES)
  try {
    if (!equal(sha256(body), bytes.subarray(-DIGEST_BYTES))) fail('E_FORMAT', 'wrong checksum')
    return check(shape, decodeCanonical(body))
  } catch (cause) {
    return fail(
      'E_CORRUPT',
      `The key file ${path} is damaged, or is no ${basename(path)} at all. ` +
        'Nothing was changed: put it back from your backup and start again.',
      cause,
    )
  }
}

/** In place of what is there: after a crash the old file or the new one. @throws E_DISK_FULL E_FILE */
export function replaceKey(path: string, value: unknown): Promise<void> {
  const body = encode(value)
  return writeKeyFile(path, concat(body, sha256(body)))
}

/** Durable when it resolves. False, and nothing is changed, when the file exists. @throws E_DISK_FULL E_FILE */
export function createKey(path: string, value: unknown): Promise<boolean> {
  const body = encode(value)
  return createFile(path, concat(body, sha256(body)))
}
