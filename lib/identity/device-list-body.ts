// What a device list says, decoded and in bytes (PROTOCOL 5.4). Who signed it and what came before is not known here.
import { sha256 } from '../crypto/hash.ts'
import { RsaPublicKey } from '../crypto/rsa.ts'
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { LIMITS } from '../protocol/limits.ts'
import { isUsername, type Username } from '../protocol/names.ts'
import { b, check, exact, list, lit, opt, s, tuple, u } from '../protocol/shape.ts'
import { type Bytes, equal, hex } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

export interface Device {
  readonly id: Bytes
  readonly dsk: RsaPublicKey
  /** When it was added, ms since 1970. */
  readonly ts: number
}

export interface LoginKey {
  /** H(SPKI)[0:16] */
  readonly id: Bytes
  readonly lk: RsaPublicKey
}

/** A decoded list: either verified (device-list.ts) or about to be signed. */
export interface DeviceList {
  readonly srv: Bytes
  readonly acct: Bytes
  readonly user: Username
  /** 1 for the first list of an account, then +1 each. */
  readonly n: number
  /** H(b) of list n-1; zeros for the first. */
  readonly prev: Bytes
  readonly ts: number
  /** Version of the vault that goes with this list, epoch of the newest root in it. */
  readonly vv: number
  readonly re: number
  readonly devs: readonly Device[]
  /** Removed devices with the time of removal, newest last. */
  readonly gone: readonly (readonly [id: Bytes, ts: number])[]
  readonly lks: readonly LoginKey[]
}

const Z32 = Buffer.alloc(32)

const LIST = exact({
  k: lit('devices'),
  acct: b(32),
  srv: b(32),
  user: s(64),
  n: u,
  prev: b(32),
  ts: u,
  vv: u,
  re: u,
  devs: list(exact({ id: b(8), dsk: b(294), ts: u }), LIMITS.devices),
  gone: list(tuple(b(8), u), LIMITS.goneDevices),
  lks: opt(list(exact({ id: b(16), lk: b(422) }), LIMITS.loginKeys)),
})

function unique(ids: readonly Bytes[]): boolean {
  return new Set(ids.map(hex)).size === ids.length
}

/** Bytes -> list. @throws E_FORMAT for a malformed one, E_BINDING for a name that cannot be one */
export function parseDeviceList(bytes: Bytes): DeviceList {
  const fields = check(LIST, decodeCanonical(bytes), 'device list')
  const { acct, srv, user, n, prev, ts, vv, re, devs, gone, lks = [] } = fields
  if (!isUsername(user)) fail('E_BINDING', 'The device list carries an impossible username.')
  if (!unique([...devs.map((d) => d.id), ...gone.map(([id]) => id)])) fail('E_FORMAT')
  if (!unique(lks.map((l) => l.id))) fail('E_FORMAT')
  if (n < 1 || (n === 1) !== equal(prev, Z32)) fail('E_FORMAT')
  return {
    srv,
    acct,
    user,
    n,
    prev,
    ts,
    vv,
    re,
    gone,
    devs: devs.map((d) => ({ id: d.id, dsk: RsaPublicKey.fromSpki(d.dsk, 2048), ts: d.ts })),
    lks: lks.map(({ id, lk }) => loginKey(RsaPublicKey.fromSpki(lk, 3072), id)),
  }
}

function loginKey(lk: RsaPublicKey, id: Bytes): LoginKey {
  return equal(id, loginKeyId(lk)) ? { id, lk } : fail('E_FORMAT')
}

/** H(SPKI)[0:16]: names a login key in lists, vault slots and `lk.login`. */
export function loginKeyId(lk: RsaPublicKey): Buffer {
  return sha256(lk.spki).subarray(0, 16)
}

/** List -> bytes. @throws E_FORMAT E_BINDING for a list that no peer would accept */
export function encodeDeviceList(body: DeviceList): Buffer {
  const bytes = encode({
    ...body,
    k: 'devices',
    devs: body.devs.map((d) => ({ id: d.id, dsk: d.dsk.spki, ts: d.ts })),
    lks: body.lks.length === 0 ? undefined : body.lks.map((l) => ({ id: l.id, lk: l.lk.spki })),
  })
  parseDeviceList(bytes)
  return bytes
}
