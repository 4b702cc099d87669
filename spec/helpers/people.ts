// Ready-made accounts and devices over the fixed keys: alice, bob, carol, mallory on one server.
import { sha256 } from '../../lib/crypto/hash.ts'
import type { RsaPrivateKey } from '../../lib/crypto/rsa.ts'
import type { DeviceList } from '../../lib/identity/device-list-body.ts'
import { firstDeviceList } from '../../lib/identity/device-list-edit.ts'
import {
  signDeviceList,
  type VerifiedDeviceList,
  verifyDeviceList,
} from '../../lib/identity/device-list.ts'
import type { SignedDeviceList } from '../../lib/protocol/composites.ts'
import { parseUsername, type Username } from '../../lib/protocol/names.ts'
import { rsa2048, rsa3072 } from './keys.ts'

/** The "now" of specs: 2 February 2026. */
export const T0 = 1_770_000_000_000
export const MINUTE = 60_000
export const HOUR = 3_600_000
export const DAY = 86_400_000
export const SRV: Buffer = sha256(Buffer.from('the server of the specs'))

export interface Person {
  readonly user: Username
  readonly srv: Buffer
  readonly acct: Buffer
  readonly aik: RsaPrivateKey
  readonly dev: Buffer
  readonly dsk: RsaPrivateKey
  readonly body: DeviceList
  readonly dl: SignedDeviceList
  readonly verified: VerifiedDeviceList
}

export interface PersonOptions {
  /** Index of the fixed account key (0..7); the device key has the same index. */
  readonly key: number
  readonly srv?: Buffer
  readonly body?: Partial<DeviceList>
}

/** An account with one device and its first list. */
export async function person(name: string, options: PersonOptions): Promise<Person> {
  const { key, srv = SRV } = options
  const user = parseUsername(name)
  const aik = rsa3072(key)
  const acct = sha256(aik.publicKey.spki)
  const dev = Buffer.alloc(8, key + 1)
  const dsk = rsa2048(key)
  const first = firstDeviceList({ srv, acct }, user, { id: dev, dsk: dsk.publicKey, ts: T0 })
  const body = { ...first, ...options.body }
  const dl = await signDeviceList(aik, body)
  const verified = verifyDeviceList(undefined, { srv, user }, dl)
  return { user, srv, acct, aik, dev, dsk, body, dl, verified }
}
