import test from 'ava'

import {
  type ChannelKeys,
  channelKeys,
  nextTrafficKeys,
  reboundKeys,
} from '../../lib/channel/key-schedule.ts'
import { hkdfExtract } from '../../lib/crypto/hash.ts'
import { generateX25519 } from '../../lib/crypto/x25519.ts'
import { concat, fromHex, hex } from '../../lib/util/bytes.ts'
import { vectors } from '../helpers/vectors.ts'

const V = vectors.handshake

function inHex(keys: ChannelKeys): object {
  return {
    c2s_key: hex(keys.c2s.key),
    c2s_iv: hex(keys.c2s.iv),
    s2c_key: hex(keys.s2c.key),
    s2c_iv: hex(keys.s2c.iv),
    exporter: hex(keys.exporter),
  }
}

function pick(v: Readonly<Record<string, unknown>>): object {
  const { c2s_key, c2s_iv, s2c_key, s2c_iv, exporter } = v
  return { c2s_key, c2s_iv, s2c_key, s2c_iv, exporter }
}

test('handshake vector: the keys follow from the three secrets and h2', (t) => {
  const client = generateX25519(fromHex(V.client_x25519_seed))
  const server = generateX25519(fromHex(V.server_x25519_seed))
  const shared = client.agree(server.publicKey)
  const prk = hkdfExtract(Buffer.alloc(32), concat(fromHex(V.c_seed), fromHex(V.s_seed), shared))
  t.deepEqual(inHex(channelKeys(prk, fromHex(V.h2))), pick(V))
})

test('rebind vector', (t) => {
  const keys = reboundKeys(fromHex(V.exporter), fromHex(vectors.rebind.session_key))
  t.deepEqual(inHex(keys), pick(vectors.rebind))
})

test('rekey vector', (t) => {
  t.is(hex(nextTrafficKeys(fromHex(V.c2s_key)).key), vectors.key_after_rekey)
})

test('a relay with another exporter, or without the session key, ends with other keys', (t) => {
  const right = reboundKeys(fromHex(V.exporter), Buffer.alloc(64, 1))
  for (const wrong of [
    reboundKeys(Buffer.alloc(32, 9), Buffer.alloc(64, 1)),
    reboundKeys(fromHex(V.exporter), Buffer.alloc(64, 2)),
  ]) {
    t.notDeepEqual(wrong.c2s, right.c2s)
    t.notDeepEqual(wrong.s2c, right.s2c)
    t.notDeepEqual(wrong.exporter, right.exporter)
  }
})
