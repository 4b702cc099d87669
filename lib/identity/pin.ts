// What this client remembers of a peer, so that the directory cannot swap, fork or roll back an identity (PROTOCOL 5.4).
// Pins change only through device-list.ts and the few steps below; nothing here verifies a signature.
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Username } from '../protocol/names.ts'
import { b, check, exact, flag, list, opt, tuple, u, username } from '../protocol/shape.ts'
import { type Bytes, equal } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

export interface PinnedDevice {
  readonly id: Bytes
  /** H(DSK)[0:8]: the same id with another key is another device. */
  readonly key: Bytes
  /** The highest bundle number seen; 0 = none yet. */
  readonly bundle: number
}

export interface PeerPin {
  readonly srv: Bytes
  readonly acct: Bytes
  readonly user: Username
  /** Earlier names, oldest first; nobody else may ever carry one of them. */
  readonly former: readonly Username[]
  /** The current account key is number j of its history (0 = first), fp its hash. */
  readonly j: number
  readonly fp: Bytes
  /** Number and hash of the newest device list. */
  readonly n: number
  readonly h: Bytes
  readonly devs: readonly PinnedDevice[]
  /** The user compared the safety number of this very key. */
  readonly verified: boolean
  /** The account key was succeeded and the user has not confirmed it: nothing may be sent. */
  readonly unconfirmed: boolean
}

/** More than ten years of two renames in 30 days (PROTOCOL 5.1). */
export const FORMER_NAMES_MAX = 256

const PIN = exact({
  srv: b(32),
  acct: b(32),
  user: username,
  former: list(username, FORMER_NAMES_MAX),
  j: u,
  fp: b(32),
  n: u,
  h: b(32),
  devs: list(tuple(b(8), b(8), u), LIMITS.devices),
  ver: opt(flag),
  unc: opt(flag),
})

/** Canonical CBOR, for the sealed local store and the blob `contacts`. */
export function encodePin(pin: PeerPin): Buffer {
  return encode({
    srv: pin.srv,
    acct: pin.acct,
    user: pin.user,
    former: pin.former,
    j: pin.j,
    fp: pin.fp,
    n: pin.n,
    h: pin.h,
    devs: pin.devs.map((d) => [d.id, d.key, d.bundle]),
    ver: pin.verified ? true : undefined,
    unc: pin.unconfirmed ? true : undefined,
  })
}

/** @throws E_FORMAT */
export function decodePin(bytes: Bytes): PeerPin {
  const { devs, ver, unc, ...rest } = check(PIN, decodeCanonical(bytes), 'pin')
  return {
    ...rest,
    devs: devs.map(([id, key, bundle]) => ({ id, key, bundle })),
    verified: ver === true,
    unconfirmed: unc === true,
  }
}

/** The user compared safety numbers: agreement also confirms a succession, a doubt takes the mark away. */
export function setVerified(pin: PeerPin, verified: boolean): PeerPin {
  return { ...pin, verified, unconfirmed: pin.unconfirmed && !verified }
}

/** The user decided to go on with a succeeded key without comparing. */
export function confirmSuccession(pin: PeerPin): PeerPin {
  return { ...pin, unconfirmed: false }
}

/** Remembers the newest bundle number of a device; an older number changes nothing. */
export function pinBundle(pin: PeerPin, dev: Bytes, n: number): PeerPin {
  return {
    ...pin,
    devs: pin.devs.map((d) => (equal(d.id, dev) && n > d.bundle ? { ...d, bundle: n } : d)),
  }
}

/** The number below which a bundle of this device is a rollback. */
export function pinnedBundle(pin: PeerPin, dev: Bytes): number {
  return pin.devs.find((d) => equal(d.id, dev))?.bundle ?? 0
}

function sameAccount(a: PeerPin, b: PeerPin): boolean {
  return equal(a.acct, b.acct) && equal(a.srv, b.srv)
}

/**
 * One name, one identity: no second account may show a name that a pinned account has or had (PROTOCOL 5.1).
 *
 * @throws E_NAME
 */
export function claimName(pins: Iterable<PeerPin>, claimant: PeerPin): void {
  for (const pin of pins) {
    if (sameAccount(pin, claimant)) continue
    if (pin.user === claimant.user || pin.former.includes(claimant.user)) {
      fail(
        'E_NAME',
        `Another account now claims the name @${claimant.user}, which you know as somebody else's. It stays blocked.`,
      )
    }
  }
}

const TWINS: Readonly<Record<string, string>> = { '0': 'o', '1': 'l', '5': 's' }

/** What is left of a name for the eye that reads too fast. */
function skeleton(name: string): string {
  return name.replace(/[_.-]/g, '').replace(/[015]/g, (digit) => TWINS[digit] ?? digit)
}

/** The pinned peer of whom this name could be a look-alike, to warn about (PROTOCOL 5.1); the name itself is none. */
export function lookAlike(pins: Iterable<PeerPin>, claimant: PeerPin): PeerPin | undefined {
  const shape = skeleton(claimant.user)
  for (const pin of pins) {
    if (sameAccount(pin, claimant)) continue
    if ([pin.user, ...pin.former].some((name) => skeleton(name) === shape)) return pin
  }
  return undefined
}
