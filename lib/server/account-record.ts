// One account as the store keeps it: a single record, so that registration, a new device list and a new vault are one
// compare-and-swap each (PROTOCOL 5.2, 16).
import { decodeStrict, encode } from '../protocol/cbor.ts'
import { dl, type SignedDeviceList, type Vault, vault } from '../protocol/composites.ts'
import type { Username } from '../protocol/names.ts'
import { b, check, exact, list, lit, opt, s, u, username } from '../protocol/shape.ts'
import type { Bytes } from '../util/bytes.ts'

export interface Account {
  readonly acct: Bytes
  /** The current name; former ones are kept by name-claims.ts. */
  readonly user: Username
  /** Times of the renamings of the last 30 days. */
  readonly renamed: readonly number[]
  /** OPAQUE credential identifier and record; both stay on the server. */
  readonly cid: Bytes
  readonly record: Bytes
  /** The OPAQUE record of the recovery code. */
  readonly recovery?: Bytes | undefined
  readonly vault: Vault
  readonly list: SignedDeviceList
  readonly created: number
  readonly state: 'live' | 'disabled'
  readonly email?: string | undefined
}

const ACCOUNT = exact({
  v: lit(1),
  acct: b(32),
  user: username,
  renamed: list(u, 100),
  cid: b(32),
  record: b(192),
  recovery: opt(b(192)),
  vault,
  list: dl,
  created: u,
  state: lit('live', 'disabled'),
  email: opt(s(254)),
})

/** What stays of a deleted account, so that nobody takes over its id or its names. */
const DELETED = encode({ v: 1, state: 'deleted' })

export function encodeAccount(account: Account | 'deleted'): Buffer {
  return account === 'deleted' ? DELETED : encode({ v: 1, ...account })
}

/** Null for what a deletion left. @throws E_FORMAT for a damaged record */
export function decodeAccount(bytes: Bytes): Account | null {
  if (DELETED.equals(bytes)) return null
  return check(ACCOUNT, decodeStrict(bytes), 'account record')
}
