// The master key of a server (the file server.store-key): what the store is sealed under. With a launch password it lies
// there sealed under scrypt(password), and the other two keys lie sealed under it; without one, as it is. The master key
// itself never changes, so setting, changing or removing the password touches no data. Formats and steps only: who is asked
// for a password is not decided here.
//
//   server.store-key          { k, key }  or  { k, n, r, p, salt, box = seal(scrypt(password, salt), params, key) }
//   identity, opaque          as they are, or { k, box = seal(master, name, CBOR as it would be) }
import { open, seal } from '../../crypto/aead.ts'
import { ctx } from '../../crypto/ctx.ts'
import { randomBytes } from '../../crypto/random.ts'
import { PASSPHRASE_COST, passphraseKey, type ScryptCost } from '../../crypto/scrypt.ts'
import { decodeCanonical, encode } from '../../protocol/cbor.ts'
import { b, bRange, check, exact, lit, type Shape } from '../../protocol/shape.ts'
import { type Bytes, u32, utf8 } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'

/** The password for the attempt with this number, from 0; null: there is no (other) one. */
export type LaunchPassword = (attempt: number) => Promise<string | null>

export interface PlainMaster {
  readonly k: 'server-store-key'
  readonly key: Bytes
}

export interface LockedMaster {
  readonly k: 'server-store-key-locked'
  /** log2 of scrypt's N. */
  readonly n: number
  readonly r: number
  readonly p: number
  readonly salt: Bytes
  readonly box: Bytes
}

export interface LockedKey {
  readonly k: 'server-key-locked'
  readonly box: Bytes
}

const MASTER_BYTES = 32
const SALT_BYTES = 32
const OVERHEAD_BYTES = 80

const PLAIN: Shape<PlainMaster> = exact({ k: lit('server-store-key'), key: b(MASTER_BYTES) })
/** A file that asks for more work than a gigabyte is not one of ours. */
const LOCKED: Shape<LockedMaster> = exact({
  k: lit('server-store-key-locked'),
  n: lit(15, 16, 17, 18, 19, 20),
  r: lit(8),
  p: lit(1, 2, 4),
  salt: b(SALT_BYTES),
  box: b(OVERHEAD_BYTES + MASTER_BYTES),
})
const LOCKED_KEY: Shape<LockedKey> = exact({
  k: lit('server-key-locked'),
  box: bRange(OVERHEAD_BYTES, 8192),
})

export const MASTER: Shape<PlainMaster | LockedMaster> = either(PLAIN, LOCKED)

export function lockable<T>(plain: Shape<T>): Shape<T | LockedKey> {
  return either(plain, LOCKED_KEY)
}

function either<A, B>(first: Shape<A>, second: Shape<B>): Shape<A | B> {
  return {
    parse(value, where) {
      try {
        return first.parse(value, where)
      } catch {
        return second.parse(value, where)
      }
    },
  }
}

export function newMaster(): PlainMaster {
  return { k: 'server-store-key', key: randomBytes(MASTER_BYTES) }
}

export async function lockMaster(
  master: Bytes,
  password: string,
  cost: ScryptCost = PASSPHRASE_COST,
): Promise<LockedMaster> {
  const { N, r, p } = cost
  const head = { n: Math.log2(N), r, p, salt: randomBytes(SALT_BYTES) }
  const key = await passphraseKey(password, head.salt, cost)
  return { k: 'server-store-key-locked', ...head, box: seal(key, contextOf(head), master) }
}

/** Null: that is not the password. */
export async function unlockMaster(file: LockedMaster, password: string): Promise<Buffer | null> {
  const cost = { N: 2 ** file.n, r: file.r, p: file.p }
  const key = await passphraseKey(password, file.salt, cost)
  return open(key, contextOf(file), file.box)
}

/** Asks as often as there are answers. @throws E_AUTH without the right one */
export async function openMaster(
  file: PlainMaster | LockedMaster,
  password: LaunchPassword,
): Promise<Bytes> {
  if (file.k === 'server-store-key') return file.key
  for (let attempt = 0; ; attempt++) {
    const given = await password(attempt)
    if (given === null) {
      return fail(
        'E_AUTH',
        attempt > 0
          ? 'Wrong launch password. Nothing was changed.'
          : 'The keys of this server are protected by a launch password. Start it on a terminal, or give the ' +
              'password with --launch-password-file, --launch-password-fd or the systemd credential launch-password.',
      )
    }
    const master = await unlockMaster(file, given)
    if (master !== null) return master
  }
}

/** `name` is that of the file: what was sealed for one does not open in another. */
export function lockKey(master: Bytes, name: string, value: unknown): LockedKey {
  return { k: 'server-key-locked', box: seal(master, ctx('server-key', utf8(name)), encode(value)) }
}

/** @throws E_CORRUPT when it does not belong to this master key */
export function openKey<T>(master: Bytes, name: string, plain: Shape<T>, file: T | LockedKey): T {
  if (!isLocked(file)) return file
  const body = open(master, ctx('server-key', utf8(name)), file.box)
  if (body === null) {
    fail(
      'E_CORRUPT',
      `${name} does not belong to server.store-key: the files in keys/ are from different backups. Nothing was changed.`,
    )
  }
  return check(plain, decodeCanonical(body))
}

export function isLocked(file: unknown): file is LockedKey {
  return typeof file === 'object' && file !== null && 'k' in file && file.k === 'server-key-locked'
}

function contextOf(head: Pick<LockedMaster, 'n' | 'r' | 'p' | 'salt'>): Buffer {
  return ctx('launch-password', u32(head.n), u32(head.r), u32(head.p), head.salt)
}
