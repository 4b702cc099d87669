// The secrets of this device in one small file, sealed under the local key and rewritten whole: the signing key, the live
// inbox keys, the keys of history and blobs (PROTOCOL 3, 6.6).
import { open, seal } from '../../crypto/aead.ts'
import { ctx } from '../../crypto/ctx.ts'
import { RsaPrivateKey } from '../../crypto/rsa.ts'
import { ArchiveKeys } from '../../envelope/archive-keys.ts'
import { InboxKeys } from '../../envelope/inbox-keys.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import { decodeCanonical, encode } from '../../protocol/cbor.ts'
import { b, bRange, check, exact, flag, list, opt, u } from '../../protocol/shape.ts'
import type { Bytes } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'

/** One generation of inbox keys with the bundle that published or will publish them. */
export interface InboxSet {
  readonly n: number
  readonly klid: Bytes
  readonly keys: InboxKeys
  readonly madeAt: number
  /** The server has the bundle. */
  readonly published: boolean
}

export interface DeviceKeys {
  readonly dsk: RsaPrivateKey
  /** Oldest epoch first. */
  readonly archives: readonly ArchiveKeys[]
  /** Oldest first. */
  readonly inbox: readonly InboxSet[]
}

/** A launch a minute for a day would not reach it; the oldest go first. */
const SETS_MAX = 2000

const FILE = exact({
  dsk: bRange(1, 2048),
  arch: list(bRange(1, 512), 256),
  in: list(exact({ n: u, klid: b(16), keys: bRange(1, 4096), at: u, pub: opt(flag) }), SETS_MAX),
})

function context({ srv, acct, dev }: DeviceId): Buffer {
  return ctx('local-store', srv, acct, dev)
}

export function sealDeviceKeys(key: Bytes, device: DeviceId, keys: DeviceKeys): Buffer {
  const content = encode({
    dsk: keys.dsk.exportPkcs8(),
    arch: keys.archives.map((archive) => archive.serialize()),
    in: keys.inbox.slice(-SETS_MAX).map((set) => ({
      n: set.n,
      klid: set.klid,
      keys: set.keys.serialize(),
      at: set.madeAt,
      pub: set.published ? true : undefined,
    })),
  })
  return seal(key, context(device), content)
}

/** @throws E_CORRUPT */
export function openDeviceKeys(key: Bytes, device: DeviceId, file: Bytes): DeviceKeys {
  const content = open(key, context(device), file) ?? corrupt()
  const { dsk, arch, in: inbox } = check(FILE, decodeCanonical(content), 'device keys')
  return {
    dsk: RsaPrivateKey.fromPkcs8(dsk, 2048),
    archives: arch.map((archive) => ArchiveKeys.restore(archive)),
    inbox: inbox.map((set) => ({
      n: set.n,
      klid: set.klid,
      keys: InboxKeys.restore(set.keys),
      madeAt: set.at,
      published: set.pub === true,
    })),
  }
}

function corrupt(): never {
  return fail(
    'E_CORRUPT',
    'The key file of this device does not open: it was changed or belongs to another device. Log in with your password.',
  )
}
