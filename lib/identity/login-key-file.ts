// A login key as a file: who it belongs to, where that account lives, and the private key (PROTOCOL 5.3). Text, so that it
// survives being copied by hand; whoever has it has the account.
import { RsaPrivateKey } from '../crypto/rsa.ts'
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { b, bRange, check, exact, lit, s, u } from '../protocol/shape.ts'
import { type Bytes, view } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import type { AccountId } from './conversation.ts'

export interface LoginKeyFile extends AccountId {
  readonly key: RsaPrivateKey
  /** Where the server was when the file was made. */
  readonly host: string
  readonly port: number
}

const FIRST_LINE = 'securechat login key 1'
const WARNING = 'Whoever has this file has the account. Remove it with !loginkey when it is lost.'
const LINE_CHARS = 76
/** A key of 3072 bits takes about 1.8 KB. */
export const LOGIN_KEY_FILE_MAX_BYTES = 8192

const FILE = exact({
  k: lit('login-key'),
  srv: b(32),
  acct: b(32),
  lk: bRange(1, 4096),
  host: s(253),
  port: u,
})

export function encodeLoginKeyFile({ srv, acct, key, host, port }: LoginKeyFile): Buffer {
  const body = encode({ k: 'login-key', srv, acct, lk: key.exportPkcs8(), host, port })
  const lines =
    view(body)
      .toString('base64')
      .match(new RegExp(`.{1,${LINE_CHARS}}`, 'g')) ?? []
  return Buffer.from([FIRST_LINE, WARNING, ...lines, ''].join('\n'))
}

/** @throws E_FORMAT for anything else */
export function decodeLoginKeyFile(bytes: Bytes): LoginKeyFile {
  try {
    if (bytes.length > LOGIN_KEY_FILE_MAX_BYTES) fail('E_FORMAT')
    const [first, , ...lines] = view(bytes).toString('utf8').split(/\r?\n/)
    if (first !== FIRST_LINE) fail('E_FORMAT')
    const body = Buffer.from(lines.join(''), 'base64')
    const { srv, acct, lk, host, port } = check(FILE, decodeCanonical(body), 'login key file')
    return { srv, acct, key: RsaPrivateKey.fromPkcs8(lk, 3072), host, port }
  } catch (cause) {
    return fail(
      'E_FORMAT',
      'That file is not a login key of this program, or it is damaged.',
      cause,
    )
  }
}
