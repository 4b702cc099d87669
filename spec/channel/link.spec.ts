import test from 'ava'
import fc from 'fast-check'

import type { ChannelKeys } from '../../lib/channel/key-schedule.ts'
import { answerLink, dialLink, finishLink, LINK_HELLO_BYTES } from '../../lib/channel/link.ts'
import { ctx } from '../../lib/crypto/ctx.ts'
import { hkdf, hmac } from '../../lib/crypto/hash.ts'
import { generateX25519 } from '../../lib/crypto/x25519.ts'
import { concat, fromHex, hex, NO_BYTES } from '../../lib/util/bytes.ts'
import { everyByteChanged, everyLength, outcome, outcomes, runs } from '../helpers/refusals.ts'
import { vectors } from '../helpers/vectors.ts'

const V = vectors.link
const secret = { psk: fromHex(V.psk), sess: fromHex(V.sess) }
const dialler = generateX25519(fromHex(V.dialer_seed))
const listener = generateX25519(fromHex(V.listener_seed))
const P1 = fromHex(V.P1)
const P2 = fromHex(V.P2)

function inHex({ c2s, s2c, exporter }: ChannelKeys): object {
  return {
    c2s_key: hex(c2s.key),
    c2s_iv: hex(c2s.iv),
    s2c_key: hex(s2c.key),
    s2c_iv: hex(s2c.iv),
    exporter: hex(exporter),
  }
}

const { c2s_key, c2s_iv, s2c_key, s2c_iv, exporter } = V
const expected = { c2s_key, c2s_iv, s2c_key, s2c_iv, exporter }

test('vector: both hellos and both sides’ keys', (t) => {
  t.is(hex(dialLink(secret, dialler, Buffer.alloc(16, 44))), V.P1)
  const answer = answerLink(secret, P1, listener, Buffer.alloc(16, 45))
  t.is(hex(answer.frame), V.P2)
  t.deepEqual(inHex(answer.keys), expected)
  t.deepEqual(inHex(finishLink(secret, dialler, P1, P2)), expected)
  t.is(P1.length, LINK_HELLO_BYTES)
})

test('any byte changed, missing or too many: E_HANDSHAKE', (t) => {
  const answer = (p1: Buffer): unknown => answerLink(secret, p1, listener)
  const finish = (p2: Buffer): unknown => finishLink(secret, dialler, P1, p2)
  t.deepEqual(outcomes(everyByteChanged(P1), answer), ['E_HANDSHAKE'])
  t.deepEqual(outcomes(everyLength(P1), answer), ['E_HANDSHAKE'])
  t.deepEqual(outcomes(everyByteChanged(P2), finish), ['E_HANDSHAKE'])
  t.deepEqual(outcomes(everyLength(P2), finish), ['E_HANDSHAKE'])
})

test('another psk, another session, a reflected or replayed hello: E_HANDSHAKE', (t) => {
  const cases = [
    () => answerLink({ ...secret, psk: Buffer.alloc(64) }, P1, listener),
    () => answerLink({ ...secret, sess: Buffer.alloc(16) }, P1, listener),
    () => answerLink(secret, P2, listener),
    () => finishLink(secret, dialler, P1, P1),
    () => finishLink(secret, dialler, dialLink(secret, dialler), P2), // the answer to another P1
  ]
  t.deepEqual(
    cases.map((call) => outcome(call)),
    cases.map(() => 'E_HANDSHAKE'),
  )
})

test('a point of small order, properly authenticated: E_HANDSHAKE', (t) => {
  const head = concat(Buffer.of(0x11), secret.sess, Buffer.alloc(32), Buffer.alloc(16))
  const key = hkdf(secret.psk, NO_BYTES, ctx('p2p-mac'), 32)
  const p1 = concat(head, hmac(key, ctx('p2p', NO_BYTES, head)).subarray(0, 16))
  t.is(
    outcome(() => answerLink(secret, p1, listener)),
    'E_HANDSHAKE',
  )
})

test('fuzz: any bytes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      t.is(
        outcome(() => answerLink(secret, bytes, listener)),
        'E_HANDSHAKE',
      )
    }),
    runs(200),
  )
})
