// Keys from a passphrase of the user's own choice, for files on this device (PROTOCOL 3, LSK file). In the thread pool.
import { scrypt } from 'node:crypto'

import { type Bytes } from '../util/bytes.ts'

export interface ScryptCost {
  /** A power of two. */
  readonly N: number
  readonly r: number
  readonly p: number
}

export const PASSPHRASE_COST: ScryptCost = { N: 2 ** 17, r: 8, p: 1 }

/** 32 bytes; at the default cost about 0.4 s and 128 MiB by design. */
export function passphraseKey(
  passphrase: string,
  salt: Bytes,
  { N, r, p }: ScryptCost = PASSPHRASE_COST,
): Promise<Buffer> {
  const options = { N, r, p, maxmem: 192 * N * r }
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), salt, 32, options, (error, key) => {
      if (error) reject(error)
      else resolve(key)
    })
  })
}
