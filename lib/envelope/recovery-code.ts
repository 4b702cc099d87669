// The recovery code: 128 random bits that open the vault without the password, shown once, written on paper (PROTOCOL 5.2).
//
//   K7Q2M-P8ZC4-4TNXH-A9WVE-6B3SY-D5K0T      26 letters of key, 4 of checks (gf32.ts)
//
// Crockford's alphabet has no I, L, O, U. Typing is forgiven: case, blanks, dashes, O for 0, I and L for 1, one wrong letter,
// two neighbours exchanged.
import { inspect } from 'node:util'

import { ctx } from '../crypto/ctx.ts'
import { hkdf } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import type { AccountId } from '../identity/conversation.ts'
import { grouped } from '../identity/fingerprint.ts'
import { base32, type Bytes, fromBase32 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { CHECK_SYMBOLS, repaired, withChecks } from './gf32.ts'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const RFC4648 = 'abcdefghijklmnopqrstuvwxyz234567'
const CODE_BYTES = 16
const DATA_LETTERS = 26
const LETTERS = DATA_LETTERS + CHECK_SYMBOLS
const GROUP_LETTERS = 5
const Z32 = Buffer.alloc(32)

function symbolsOf(bytes: Bytes): number[] {
  return Array.from(base32(bytes), (letter) => RFC4648.indexOf(letter))
}

/** Null when the two spare bits of the last data letter are not zero. */
function bytesOf(symbols: readonly number[]): Buffer | null {
  return fromBase32(symbols.map((symbol) => RFC4648.charAt(symbol)).join(''))
}

/** Letters as typed; -1 for one that is not in the alphabet. */
function read(text: string): number[] {
  const letters = text
    .toUpperCase()
    .replace(/[\s\p{Pd}._]/gu, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1')
  return Array.from(letters, (letter) => ALPHABET.indexOf(letter))
}

export class RecoveryCode {
  readonly #bytes: Buffer

  private constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  static generate(): RecoveryCode {
    return new RecoveryCode(randomBytes(CODE_BYTES))
  }

  /** @throws E_FORMAT with what to look at */
  static parse(text: string): RecoveryCode {
    const symbols = read(text)
    if (symbols.length !== LETTERS) {
      fail(
        'E_FORMAT',
        `A recovery code has ${LETTERS} letters and digits; this has ${symbols.length}.`,
      )
    }
    // a foreign letter is a wrong letter, and one of those can be repaired
    const foreign = symbols.filter((symbol) => symbol < 0).length
    const word = foreign > 1 ? null : repaired(symbols.map((symbol) => Math.max(0, symbol)))
    const bytes = bytesOf(word?.slice(0, DATA_LETTERS) ?? [])
    return bytes?.length === CODE_BYTES
      ? new RecoveryCode(bytes)
      : fail('E_FORMAT', 'More than one letter of the recovery code is wrong. Compare it again.')
  }

  /** The code itself, to be shown once: six groups of five. */
  reveal(): string {
    const letters = withChecks(symbolsOf(this.#bytes)).map((symbol) => ALPHABET.charAt(symbol))
    return grouped(letters.join(''), GROUP_LETTERS, '-')
  }

  /** The key of the slot `rc` of one account's vault. */
  slotKey({ srv, acct }: AccountId): Buffer {
    return hkdf(this.#bytes, Z32, ctx('recovery', srv, acct), 32)
  }

  toJSON(): string {
    return 'RecoveryCode(hidden)'
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}
