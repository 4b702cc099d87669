// The handshake as bytes: vectors, and what happens when any byte is another one.
import test from 'ava'
import fc from 'fast-check'

import {
  agreedKeys,
  clientFinish,
  clientHello,
  type ClientState,
  isPlausibleClientHello,
  parseServerHello,
  serverAccept,
  ServerHelloTemplate,
} from '../../lib/channel/handshake.ts'
import { nextTrafficKeys } from '../../lib/channel/key-schedule.ts'
import { open1, seal1 } from '../../lib/crypto/aead.ts'
import { ctx } from '../../lib/crypto/ctx.ts'
import { hkdf, sha256 } from '../../lib/crypto/hash.ts'
import { RsaPrivateKey } from '../../lib/crypto/rsa.ts'
import { generateX25519 } from '../../lib/crypto/x25519.ts'
import { signServerCert, verifyServerCert } from '../../lib/identity/server-cert.ts'
import { decodeCanonical, encode } from '../../lib/protocol/cbor.ts'
import { type Bytes, concat, fromHex, hex, NO_BYTES } from '../../lib/util/bytes.ts'
import { fail } from '../../lib/util/errors.ts'
import { rsa2048 } from '../helpers/keys.ts'
import {
  everyByteChanged,
  everyLength,
  everyNth,
  type Outcome,
  outcome,
  outcomeAsync,
  outcomes,
  runs,
} from '../helpers/refusals.ts'
import { vectors } from '../helpers/vectors.ts'
import { clk, sik, srv } from './kit.ts'

const V = vectors.handshake
const SH = fromHex(V.SH)
const CH = fromHex(V.CH)
const SA = fromHex(V.SA)
const h0 = fromHex(V.h0)
const slk = RsaPrivateKey.fromPkcs8(fromHex(V.slk), 2048)
const vectorClk = RsaPrivateKey.fromPkcs8(fromHex(V.clk), 2048)
const state = (): ClientState => ({
  h1: fromHex(V.h1),
  seed: fromHex(V.c_seed),
  ephemeral: generateX25519(fromHex(V.client_x25519_seed)),
})

async function outcomesAsync(
  inputs: Iterable<Buffer>,
  call: (input: Buffer) => Promise<unknown>,
): Promise<Outcome[]> {
  const found = new Set<Outcome>()
  for (const input of inputs) found.add(await outcomeAsync(() => call(input)))
  return [...found].sort()
}

test('vector: ServerHello parses, its certificate verifies', (t) => {
  const hello = parseServerHello(SH)
  t.is(hex(sha256(SH)), V.h0)
  const proof = verifyServerCert({
    ...hello,
    chain: hello.chain ?? [],
    pin: fromHex(V.srv),
    now: V.time,
  })
  t.is(hex(proof.srv), V.srv)
  t.deepEqual(proof.slk.spki, slk.publicKey.spki)
})

const signed = (cert: Uint8Array, sig: Uint8Array) => ({
  cert: Buffer.from(cert),
  sig: Buffer.from(sig),
})

test('vector: a prepared hello, stamped, is the same frame', (t) => {
  const { cert, sig, ik, n } = parseServerHello(SH)
  t.is(hex(new ServerHelloTemplate(signed(cert, sig), Buffer.from(ik), []).stamp(n, 0)), V.SH)
})

test('a stamped hello carries its nonce and its puzzle where a decoder finds them', (t) => {
  const { cert, sig, ik } = parseServerHello(SH)
  const link = { ik, sig }
  for (const chain of [[], [link], [link, link, link]]) {
    const template = new ServerHelloTemplate(signed(cert, sig), Buffer.from(ik), chain)
    const stamped = parseServerHello(template.stamp(Buffer.alloc(32, 7), 22))
    t.deepEqual(Buffer.from(stamped.n), Buffer.alloc(32, 7))
    t.is(stamped.w, 22)
    t.is((stamped.chain ?? []).length, chain.length)
    t.is(parseServerHello(template.stamp(Buffer.alloc(32), 0)).w, 0)
    t.throws(() => template.stamp(Buffer.alloc(32), 24), { instanceOf: RangeError })
  }
})

test('vector: the server opens ClientHello, and what it answers the client accepts', async (t) => {
  t.true(isPlausibleClientHello(CH, h0, 0))
  t.is(hex(await slk.unwrapAsync(CH.subarray(9, 265))), V.c_seed)
  const random = {
    ephemeral: generateX25519(fromHex(V.server_x25519_seed)),
    seed: fromHex(V.s_seed),
    session: Buffer.alloc(16, 9),
  }
  const accepted = await serverAccept({ h0, slk, frame: CH, now: 0 }, random)
  t.is(accepted.frame.length, SA.length)
  t.is(accepted.ua, 'securechat')
  const finished = await clientFinish(state(), vectorClk, accepted.frame)
  t.deepEqual(finished.keys, accepted.keys)
  t.deepEqual(Buffer.from(finished.session), Buffer.alloc(16, 9))
})

test('vector: the client finishes with these keys', async (t) => {
  const { keys, serverTime } = await clientFinish(state(), vectorClk, SA)
  t.is(hex(sha256(h0, CH)), V.h1)
  t.is(hex(sha256(fromHex(V.h1), SA)), V.h2)
  t.is(hex(keys.c2s.key), V.c2s_key)
  t.is(hex(keys.c2s.iv), V.c2s_iv)
  t.is(hex(keys.s2c.key), V.s2c_key)
  t.is(hex(keys.s2c.iv), V.s2c_iv)
  t.is(hex(keys.exporter), V.exporter)
  t.is(serverTime, 0)
  t.is(hex(nextTrafficKeys(keys.c2s.key).key), vectors.key_after_rekey)
})

test('vector: the server computes them from its half of the secrets', (t) => {
  const shared = generateX25519(fromHex(V.server_x25519_seed)).agree(
    generateX25519(fromHex(V.client_x25519_seed)).publicKey,
  )
  const seeds = concat(fromHex(V.c_seed), fromHex(V.s_seed))
  t.is(hex(agreedKeys(seeds, shared, fromHex(V.h1), SA).exporter), V.exporter)
})

test('a fresh ClientHello has the layout and opens for the server only', async (t) => {
  const { frame } = await clientHello({
    h0,
    slk: slk.publicKey,
    clk: clk.publicKey,
    pow: Buffer.alloc(8, 3),
    ua: 'spec 1.0',
  })
  t.is(frame[0], 2)
  t.deepEqual(Buffer.from(frame.subarray(1, 9)), Buffer.alloc(8, 3))
  t.is((await serverAccept({ h0, slk, frame, now: 5 })).ua, 'spec 1.0')
  const other = rsa2048(9)
  t.is(await outcomeAsync(() => serverAccept({ h0, slk: other, frame, now: 5 })), 'E_HANDSHAKE')
  const replayed = serverAccept({ h0: sha256(Buffer.of(1)), slk, frame, now: 5 })
  t.is(await outcomeAsync(() => replayed), 'E_HANDSHAKE')
})

test('any byte of ServerHello changed: refused, but for what only the transcript binds', (t) => {
  const verify = (frame: Buffer): void => {
    const hello = parseServerHello(frame)
    verifyServerCert({ ...hello, chain: hello.chain ?? [], pin: fromHex(V.srv), now: V.time })
  }
  const step = everyNth(3)
  const accepted: number[] = []
  const found = new Set<Outcome>()
  for (const [i, changed] of [...everyByteChanged(SH, step)].entries()) {
    const result = outcome(() => {
      verify(changed)
    })
    if (result === 'accepted') accepted.push(i * step)
    else found.add(result)
  }
  t.deepEqual([...found].sort(), ['E_HANDSHAKE', 'E_SERVER_CERT', 'E_SERVER_IDENTITY'])
  // 0x01, map, "n", bstr32 header | n | "v", [1] | "w", 0: another h0, so the server refuses (next test)
  t.true(accepted.every((at) => (at >= 6 && at < 38) || at === 41 || at === 44))
  t.deepEqual(outcomes(everyLength(SH, everyNth(7)), verify), ['E_HANDSHAKE'])
})

test('an edited version list, nonce or puzzle is found by the server', async (t) => {
  const body = decodeCanonical(SH.subarray(1)) as Record<string, unknown>
  for (const edit of [{ v: [1, 9] }, { n: Buffer.alloc(32) }, { w: 3 }]) {
    const seen = concat(Buffer.of(1), encode({ ...body, ...edit }))
    parseServerHello(seen)
    const hello = { slk: slk.publicKey, clk: clk.publicKey, pow: Buffer.alloc(8), ua: '' }
    const { frame } = await clientHello({ ...hello, h0: sha256(seen) })
    t.is(await outcomeAsync(() => serverAccept({ h0, slk, frame, now: 0 })), 'E_HANDSHAKE')
  }
})

test('any byte of ClientHello changed: one error', async (t) => {
  const accept = async (frame: Buffer): Promise<void> => {
    if (!isPlausibleClientHello(frame, h0, 0)) fail('E_HANDSHAKE')
    const accepted = await serverAccept({ h0, slk, frame, now: 0 })
    // the puzzle is bound by the transcript alone: here it is the client that refuses
    await clientFinish(state(), vectorClk, accepted.frame)
  }
  t.deepEqual(await outcomesAsync(everyByteChanged(CH, everyNth(11)), accept), ['E_HANDSHAKE'])
  for (let at = 1; at < 9; at++) {
    const changed = Buffer.from(CH)
    changed[at] = (changed[at] ?? 0) ^ 1
    t.is(await outcomeAsync(() => accept(changed)), 'E_HANDSHAKE')
  }
})

test('any byte of ServerAccept changed or missing: one error', async (t) => {
  const finish = (frame: Buffer): Promise<unknown> => clientFinish(state(), vectorClk, frame)
  t.deepEqual(await outcomesAsync(everyByteChanged(SA, everyNth(7)), finish), ['E_HANDSHAKE'])
  t.deepEqual(await outcomesAsync(everyLength(SA, everyNth(29)), finish), ['E_HANDSHAKE'])
})

test('the failures of the server are one error, word for word', async (t) => {
  const good = { v: 1, rsa: clk.publicKey.spki, x: generateX25519().publicKey, ua: 'x' }
  const bodies: Bytes[] = [
    encode({ ...good, v: 2 }),
    encode({ ...good, rsa: good.rsa.subarray(1) }),
    encode({ ...good, rsa: sik.publicKey.spki }), // an RSA key of another size
    encode({ ...good, x: Buffer.alloc(32) }), // a point of small order
    encode({ ...good, x: Buffer.alloc(31) }),
    encode({ ...good, ua: 'x'.repeat(33) }),
    encode({ ...good, more: 1 }),
    concat(encode(good), Buffer.of(0)),
    NO_BYTES,
  ]
  const seed = Buffer.alloc(32, 4)
  const key = hkdf(seed, NO_BYTES, ctx('ch-key', h0), 32)
  const messages = new Set<string>()
  const hello = (body: Bytes): Buffer => {
    const ct1 = slk.publicKey.wrap(seed)
    const box = seal1(key, ctx('ch', h0, ct1), body)
    return concat(Buffer.of(2), Buffer.alloc(8), ct1, box)
  }
  const wrong = hello(encode(good))
  wrong[300] = (wrong[300] ?? 0) ^ 1
  for (const frame of [...bodies.map(hello), wrong]) {
    const error = await t.throwsAsync(serverAccept({ h0, slk, frame, now: 0 }), {
      code: 'E_HANDSHAKE',
    })
    messages.add(`${error.message} ${String(error.cause)}`)
  }
  t.is(messages.size, 1)
  await t.notThrowsAsync(serverAccept({ h0, slk, frame: hello(encode(good)), now: 0 }))
})

test('type, length and puzzle are refused before RSA', (t) => {
  const type = Buffer.from(CH)
  type[0] = 3
  t.false(isPlausibleClientHello(type, h0, 0))
  t.false(isPlausibleClientHello(CH.subarray(0, 399), h0, 0))
  t.false(isPlausibleClientHello(concat(CH, Buffer.alloc(4096)), h0, 0))
  t.false(isPlausibleClientHello(CH, h0, 30))
})

test('what travels in ClientHello is sealed: nothing of it is readable', (t) => {
  const box = CH.subarray(265)
  const ct1 = CH.subarray(9, 265)
  const key = hkdf(fromHex(V.c_seed), NO_BYTES, ctx('ch-key', h0), 32)
  const body = open1(key, ctx('ch', h0, ct1), box)
  t.true(body?.includes('securechat'))
  t.false(CH.includes('securechat'))
  t.false(CH.includes(vectorClk.publicKey.spki.subarray(40, 60)))
})

test('a certificate for another key than the one that signs hellos does not help', async (t) => {
  const cert = await signServerCert({ sik, slk: rsa2048(3).publicKey, srv, nb: 1, na: 1000 })
  const frame = new ServerHelloTemplate(cert, sik.publicKey.spki, []).stamp(Buffer.alloc(32), 0)
  const hello = parseServerHello(frame)
  const { slk: certified } = verifyServerCert({ ...hello, chain: [], now: 500 })
  const fields = {
    h0: sha256(frame),
    slk: certified,
    clk: clk.publicKey,
    pow: Buffer.alloc(8),
    ua: '',
  }
  const { frame: ch } = await clientHello(fields)
  const thief = { h0: sha256(frame), slk: rsa2048(4), frame: ch, now: 0 }
  t.is(await outcomeAsync(() => serverAccept(thief)), 'E_HANDSHAKE')
})

test('fuzz: hellos of any bytes are refused with a code', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      t.is(
        outcome(() => parseServerHello(concat(Buffer.of(1), bytes))),
        'E_HANDSHAKE',
      )
    }),
    runs(300),
  )
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 400, maxLength: 700 }), async (bytes) => {
      const frame = concat(Buffer.of(2), bytes)
      t.is(await outcomeAsync(() => serverAccept({ h0, slk, frame, now: 0 })), 'E_HANDSHAKE')
    }),
    runs(10),
  )
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
      const frame = concat(Buffer.of(3), bytes)
      t.is(await outcomeAsync(() => clientFinish(state(), vectorClk, frame)), 'E_HANDSHAKE')
    }),
    runs(10),
  )
})
