// Names of files that tell nothing to whoever cannot open them. The ids of accounts and devices are known to everybody they
// write to; with a name that follows from an id alone, a stolen disk would show how much there is of whom.
import { ctx } from '../crypto/ctx.ts'
import { hkdf, hmac } from '../crypto/hash.ts'
import { type Bytes, hex, NO_BYTES, utf8 } from '../util/bytes.ts'

/** Files in these folders are called so. */
export type HiddenFolder = 'mail' | 'logs' | 'files'

/** Told from a name of data format 1, which has none. */
export const LOG_SUFFIX = '.chunks'

export class HiddenNames {
  readonly #key: Buffer

  constructor(master: Bytes) {
    this.#key = hkdf(master, NO_BYTES, ctx('store-names'), 32)
  }

  /** 32 hex digits for what is called `name` in a folder. */
  of(folder: HiddenFolder, name: string): string {
    const mac = hmac(this.#key, ctx('store-names', utf8(folder), utf8(name)))
    return hex(mac.subarray(0, 16))
  }
}
