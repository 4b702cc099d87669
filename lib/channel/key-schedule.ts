// The keys of one channel (PROTOCOL 4.2, 4.4, 12): derived once per handshake, again by the login, and per 65536 records.
// Knows HKDF and labels only; who sends with which half is decided in connection.ts.
import { ctx } from '../crypto/ctx.ts'
import { hkdfExpand, hkdfExtract, sha256 } from '../crypto/hash.ts'
import type { Bytes } from '../util/bytes.ts'

const KEY_BYTES = 32
const IV_BYTES = 12
const EXPORTER_BYTES = 32
const REKEY_INFO = ctx('rekey')

/** AES-256 key and nonce base of one direction. */
export interface TrafficKeys {
  readonly key: Bytes
  readonly iv: Bytes
}

/** What both ends hold after a handshake: "c" is the dialling side, "s" the accepting one. */
export interface ChannelKeys {
  readonly c2s: TrafficKeys
  readonly s2c: TrafficKeys
  /** Names this channel towards the inside: signed by every login (PROTOCOL 4.4). */
  readonly exporter: Bytes
}

/** Expand(prk, ctx(L, h), n) for the five labels of PROTOCOL 4.2; `h` is the transcript hash. */
export function channelKeys(prk: Bytes, h: Bytes): ChannelKeys {
  return {
    c2s: {
      key: hkdfExpand(prk, ctx('c2s key', h), KEY_BYTES),
      iv: hkdfExpand(prk, ctx('c2s iv', h), IV_BYTES),
    },
    s2c: {
      key: hkdfExpand(prk, ctx('s2c key', h), KEY_BYTES),
      iv: hkdfExpand(prk, ctx('s2c iv', h), IV_BYTES),
    },
    exporter: hkdfExpand(prk, ctx('exporter', h), EXPORTER_BYTES),
  }
}

/**
 * The channel after a password login (PROTOCOL 4.4). A relay that terminated the handshake has another exporter and no
 * session key, so it cannot follow.
 */
export function reboundKeys(exporter: Bytes, opaqueSessionKey: Bytes): ChannelKeys {
  return channelKeys(hkdfExtract(exporter, opaqueSessionKey), sha256(ctx('rebind', exporter)))
}

/** key || iv = Expand(key, ctx("rekey"), 44): the old key cannot be computed from the new one. */
export function nextTrafficKeys(key: Bytes): TrafficKeys {
  const okm = hkdfExpand(key, REKEY_INFO, KEY_BYTES + IV_BYTES)
  return { key: okm.subarray(0, KEY_BYTES), iv: okm.subarray(KEY_BYTES) }
}
