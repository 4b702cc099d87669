// Keys from a passphrase of the user's own choice, for files on this device (PROTOCOL 3, LSK file). In the thread pool.
import { scrypt } from 'node:crypto'

import { type Bytes } from '../util/bytes.ts'

const PARAMETERS = { N: 2 ** 17, r: 8, p: 1, maxmem: 192 * 2 ** 20 } as const

/** 32 bytes; about 0.4 s and 128 MiB by design. */
export function passphraseKey(passphrase: string, salt: Bytes): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), salt, 32, PARAMETERS, (error, key) => {
      if (error) reject(error)
      else resolve(key)
    })
  })
}
