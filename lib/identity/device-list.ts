// The signed, chained list of an account's devices: which keys speak for @alice (PROTOCOL 5.4). Checked by both sides:
// the server before it stores one, every client before it believes one.
import { ctx } from '../crypto/ctx.ts'
import { sha256 } from '../crypto/hash.ts'
import type { RsaPrivateKey, RsaPublicKey } from '../crypto/rsa.ts'
import type { SignedDeviceList } from '../protocol/composites.ts'
import type { Username } from '../protocol/names.ts'
import { type Bytes, equal } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { continuePin, type DeviceListEvent, firstPin } from './continuity.ts'
import { type DeviceList, encodeDeviceList, parseDeviceList } from './device-list-body.ts'
import type { PeerPin } from './pin.ts'
import { successionSteps } from './succession.ts'
import { type Verification, verifyInPool, verifyNow } from './verification.ts'

export interface VerifiedDeviceList {
  readonly list: DeviceList
  /** The current account key: the last of the history. */
  readonly aik: RsaPublicKey
  /** What changed since the pin; empty without one. */
  readonly events: readonly DeviceListEvent[]
  readonly pin: PeerPin
}

export interface WantedAccount {
  readonly srv: Bytes
  /** Asked for by id. */
  readonly acct?: Bytes | undefined
  /** Asked for by name (folded). */
  readonly user?: Username | undefined
}

/**
 * Signs a list with the current account key. `keys` and `sigs`: the key history, when there is more than one key.
 *
 * @throws E_FORMAT E_BINDING for a list that no peer would accept
 */
export async function signDeviceList(
  aik: RsaPrivateKey,
  body: DeviceList,
  keys: readonly Bytes[] = [aik.publicKey.spki],
  sigs: readonly Bytes[] = [],
): Promise<SignedDeviceList> {
  const bytes = encodeDeviceList(body)
  return { b: bytes, s: await aik.signAsync(ctx('devices', bytes)), ik: keys, ss: sigs }
}

/** The checks of PROTOCOL 5.4 in their order. */
function* deviceListSteps(
  pin: PeerPin | undefined,
  want: WantedAccount,
  dl: SignedDeviceList,
): Verification<VerifiedDeviceList> {
  const { origin, key } = yield* successionSteps('aik-succ', [want.srv], dl.ik, dl.ss)
  for (const acct of [pin?.acct, want.acct]) {
    if (acct !== undefined && !equal(acct, origin)) {
      fail('E_IDENTITY', 'The server sent the identity of another account.')
    }
  }
  if (!(yield { key, message: ctx('devices', dl.b), signature: dl.s })) {
    fail('E_SIG', 'The device list is not signed by its account.')
  }
  const parsed = parseDeviceList(dl.b)
  if (!equal(parsed.acct, origin) || !equal(parsed.srv, want.srv)) {
    fail('E_BINDING', 'The device list belongs to another account or server.')
  }
  if (want.user !== undefined && parsed.user !== want.user) {
    fail('E_BINDING', `The server sent the device list of @${parsed.user} for @${want.user}.`)
  }
  const seen = { list: parsed, h: sha256(dl.b), ik: dl.ik }
  const { events, next } =
    pin === undefined ? { events: [], next: firstPin(seen) } : continuePin(pin, seen)
  return { list: parsed, aik: key, events, pin: next }
}

/**
 * Believes a device list or says why not. Every error means: this account is blocked until a list verifies again.
 * With a pin, lists come one by one: a larger jump in n is E_GAP (fetch from pin.n on, PROTOCOL 14.2 `dir.get`).
 *
 * @throws E_IDENTITY E_SIG E_FORMAT E_BINDING E_ROLLBACK E_FORK E_GAP
 */
export function verifyDeviceList(
  pin: PeerPin | undefined,
  want: WantedAccount,
  dl: SignedDeviceList,
): VerifiedDeviceList {
  return verifyNow(deviceListSteps(pin, want, dl))
}

/** As verifyDeviceList, with the RSA in the thread pool: for the server. */
export function verifyDeviceListAsync(
  pin: PeerPin | undefined,
  want: WantedAccount,
  dl: SignedDeviceList,
): Promise<VerifiedDeviceList> {
  return verifyInPool(deviceListSteps(pin, want, dl))
}
