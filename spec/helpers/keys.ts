// Fixed RSA keys for specs that need *a* key: making one takes up to a second, parsing one a tenth of a millisecond.
import { readFileSync } from 'node:fs'

import { RsaPrivateKey } from '../../lib/crypto/rsa.ts'

interface KeyFile {
  readonly rsa2048: readonly string[]
  readonly rsa3072: readonly string[]
}

const file = JSON.parse(
  readFileSync(new URL('../fixtures/keys.json', import.meta.url), 'utf8'),
) as KeyFile

function pick(list: readonly string[], index: number): Buffer {
  const text = list[index]
  if (text === undefined) throw new RangeError(`the fixture has ${list.length} keys of this size`)
  return Buffer.from(text, 'base64')
}

/** One of 16 launch, device or inbox keys. */
export function rsa2048(index: number): RsaPrivateKey {
  return RsaPrivateKey.fromPkcs8(pick(file.rsa2048, index), 2048)
}

/** How many identity keys there are. */
export const IDENTITIES = file.rsa3072.length

/** One of the identity keys. */
export function rsa3072(index: number): RsaPrivateKey {
  return RsaPrivateKey.fromPkcs8(pick(file.rsa3072, index), 3072)
}
