// What a hostile server, member or peer may try with streams, one test each (PROTOCOL 19).
import { randomBytes } from 'node:crypto'

import test from 'ava'

import { ctx } from '../../lib/crypto/ctx.ts'
import { sha256 } from '../../lib/crypto/hash.ts'
import { generateX25519 } from '../../lib/crypto/x25519.ts'
import { commitment, firstChainKey, headHash, ratchet } from '../../lib/envelope/chain.ts'
import { encodeGossip } from '../../lib/envelope/gossip.ts'
import { encodeHead, type HeadFields } from '../../lib/envelope/head.ts'
import { InboxKeys } from '../../lib/envelope/inbox-keys.ts'
import { messageStatement, sealMessage } from '../../lib/envelope/message.ts'
import { ReceiverStream } from '../../lib/envelope/receiver-stream.ts'
import { wrapSecret } from '../../lib/envelope/wrap.ts'
import { decodeCanonical, encode } from '../../lib/protocol/cbor.ts'
import type { Wrap } from '../../lib/protocol/composites.ts'
import { u32 } from '../../lib/util/bytes.ts'
import {
  type Correspondent,
  correspondent,
  dm,
  inboxOf,
  receive,
  streamFrom,
  text,
  unchecked,
  wrapFor,
} from '../helpers/correspondents.ts'
import { rsa2048 } from '../helpers/keys.ts'
import { SRV, T0 } from '../helpers/people.ts'
import { outcome, outcomeAsync } from '../helpers/refusals.ts'

const alice = await correspondent('alice', { key: 0 })
const bob = await correspondent('bob', { key: 1 })
const carol = await correspondent('carol', { key: 2 })
const mallory = await correspondent('mallory', { key: 3 })

/** A stream made by hand, so that every part of it can lie. */
async function forge(
  to: readonly Correspondent[],
  options: {
    readonly secret?: Buffer
    readonly fields?: Partial<HeadFields>
    readonly wrapped?: (who: Correspondent, secret: Buffer) => Buffer
  } = {},
) {
  const secret = options.secret ?? randomBytes(32)
  const eph = generateX25519()
  const st = options.fields?.st ?? randomBytes(16)
  const sorted = [...to].sort((a, b) => Buffer.compare(a.acct, b.acct))
  const head = encodeHead({
    ...{ srv: SRV, conv: dm(alice, to[0] ?? alice), st, gs: Buffer.alloc(32) },
    ...{ from: alice, t: T0, x: eph.publicKey, com: commitment(secret, st) },
    to: sorted.map((r) => r.bundle),
    ...options.fields,
  })
  const hp = headHash(head)
  const wraps: Wrap[] = []
  for (const [i, r] of sorted.entries()) {
    wraps.push(await wrapSecret(options.wrapped?.(r, secret) ?? secret, hp, i, eph, r.bundle))
  }
  const { messageKey } = ratchet(firstChainKey(secret, hp))
  const message = (p: Buffer, s: Buffer, g = encodeGossip({})) => {
    const n = randomBytes(16)
    return { st, i: 0, n, c: sealMessage(messageKey, hp, 0, n, { p, g, s }) }
  }
  const sign = (p: Buffer, by = alice.dsk, g = encodeGossip({})) =>
    by.sign(messageStatement(hp, 0, p, g))
  return { head, hp, wraps, message, sign }
}

/** Receives without rules 1-3: what is tried here must fail by cryptography alone. */
const openStream = (s: { head: Buffer; wraps: readonly Wrap[] }, me: Correspondent, wrap?: Wrap) =>
  ReceiverStream.open(unchecked(s.head, me, alice), wrap ?? wrapFor(s, me), inboxOf(me))

test('the forge makes streams that open, so what follows fails for its own reason', async (t) => {
  const s = await forge([bob])
  const p = text('hello')
  const stream = await openStream(s, bob)
  t.is(stream.open(s.message(p, s.sign(p)), T0).payload.k, 'text')
})

test('another member signs in the name of alice', async (t) => {
  const s = await forge([bob])
  const p = text('forged')
  const stream = await openStream(s, bob)
  const before = stream.serialize()
  t.is(
    outcome(() => stream.open(s.message(p, s.sign(p, mallory.dsk)), T0)),
    'E_SIG',
  )
  t.is(
    outcome(() => stream.open(s.message(p, Buffer.alloc(256)), T0)),
    'E_SIG',
  )
  t.deepEqual(stream.serialize(), before)
})

test('surreptitious forwarding: what alice told mallory does not open as told to carol', async (t) => {
  const secret = Buffer.alloc(32, 7)
  const p = text('I quit')
  const toMallory = await forge([mallory], { secret })
  const toCarol = await forge([carol], { secret }) // mallory knows the secret and makes this
  const stream = await openStream(toCarol, carol)
  t.is(
    outcome(() => stream.open(toCarol.message(p, toMallory.sign(p)), T0)),
    'E_SIG',
  )
})

test('a signature does not move to another place, payload or gossip', async (t) => {
  const s = await forge([bob])
  const p = text('one')
  const g = encodeGossip({ v: { b: 9, d: 9, dh: Buffer.alloc(8) } })
  for (const message of [
    s.message(text('two'), s.sign(p)),
    s.message(p, s.sign(p), g), // gossip is signed, too
    s.message(p, alice.dsk.sign(messageStatement(s.hp, 1, p, encodeGossip({})))),
    s.message(p, alice.dsk.sign(ctx('dev-login', s.hp, u32(0), p, encodeGossip({})))), // other label
  ]) {
    const stream = await openStream(s, bob)
    t.is(
      outcome(() => stream.open(message, T0)),
      'E_SIG',
    )
  }
})

test('two readings: another secret for one recipient', async (t) => {
  const s = await forge([bob, carol], {
    wrapped: (who, secret) => (who === carol ? sha256(secret) : secret),
  })
  t.is(await outcomeAsync(() => openStream(s, bob)), 'accepted')
  t.is(await outcomeAsync(() => openStream(s, carol)), 'E_COMMIT')
})

test('a changed head under the old wraps', async (t) => {
  const s = await forge([bob, carol])
  const change = (lie: Record<string, unknown>) => {
    const value = decodeCanonical(s.head) as Record<string, unknown>
    return { head: encode({ ...value, ...lie }), wraps: s.wraps }
  }
  const { to } = decodeCanonical(s.head) as { to: [Uint8Array, unknown][] }
  const onlyBob = to.filter(([acct]) => Buffer.compare(acct, bob.acct) === 0)
  for (const lie of [
    { to: onlyBob }, // "I wrote to you alone"
    { conv: randomBytes(16) },
    { st: randomBytes(16) },
    { gs: randomBytes(32) },
    { from: [mallory.acct, mallory.dev] },
    { t: T0 + 1 },
    { x: generateX25519().publicKey },
    { com: randomBytes(32) },
    { srv: randomBytes(32) },
  ]) {
    const stolen = wrapFor(s, bob)
    t.is(await outcomeAsync(() => openStream(change(lie), bob, stolen)), 'E_UNWRAP')
  }
})

test('an ephemeral key of small order is one more E_UNWRAP', async (t) => {
  for (const x of [Buffer.alloc(32), Buffer.from(`01${'00'.repeat(31)}`, 'hex')]) {
    const s = await forge([bob], { fields: { x } })
    t.is(await outcomeAsync(() => openStream(s, bob)), 'E_UNWRAP')
  }
})

test("somebody else's wrap, and the own one at another place", async (t) => {
  const s = await forge([bob, carol])
  t.is(await outcomeAsync(() => openStream(s, bob, wrapFor(s, carol))), 'E_UNWRAP')
  const accepted = unchecked(s.head, bob, alice)
  const moved = { ...accepted, position: 1 - accepted.position }
  t.is(
    await outcomeAsync(() => ReceiverStream.open(moved, wrapFor(s, bob), inboxOf(bob))),
    'E_UNWRAP',
  )
})

test('each of RSA, X25519 and ML-KEM alone stops a wrong key, all with one code', async (t) => {
  const s = await forge([bob])
  const own = decodeCanonical(bob.inbox.serialize()) as Record<string, Uint8Array>
  const other = decodeCanonical(mallory.inbox.serialize()) as Record<string, Uint8Array>
  for (const third of ['rsa', 'x', 'pq']) {
    const keys = InboxKeys.restore(encode({ ...own, [third]: other[third] }))
    const open = () =>
      ReceiverStream.open(unchecked(s.head, bob, alice), wrapFor(s, bob), () => keys)
    t.is(await outcomeAsync(open), 'E_UNWRAP', third)
  }
  const [ct, kct, box] = wrapFor(s, bob)
  for (const wrap of [
    [randomBytes(256), kct, box],
    [Buffer.of(), kct, box],
    [randomBytes(384), kct, box],
    [ct, randomBytes(1088), box],
    [ct, Buffer.of(), box],
    [ct, kct, randomBytes(48)],
    [ct, kct, Buffer.of()],
  ] as const) {
    t.is(await outcomeAsync(() => openStream(s, bob, wrap)), 'E_UNWRAP')
  }
})

test('keys that are gone', async (t) => {
  const s = await forge([bob])
  const open = () =>
    ReceiverStream.open(unchecked(s.head, bob, alice), wrapFor(s, bob), () => undefined)
  t.is(await outcomeAsync(open), 'E_NO_KEY')
})

test('replays: in the same stream, and in a stream opened again from its header', async (t) => {
  const stream = await streamFrom(alice, [bob])
  const sealed = await stream.seal(text('pay 100'))
  const received = await receive(stream, bob, alice)
  const first = received.open(sealed, T0)
  t.is(
    outcome(() => received.open(sealed, T0)),
    'E_DUPLICATE',
  )
  // the tombstone of st belongs to the client; even without it, the id shows that it is the same message
  const again = (await receive(stream, bob, alice)).open(sealed, T0)
  t.deepEqual(again.mid, first.mid)
})

test('a retry in a new stream is the same message; nobody else can produce its id', async (t) => {
  const id = randomBytes(16)
  const p = text('again', id)
  const open = async (from: Correspondent) => {
    const stream = await streamFrom(from, [bob])
    const received = await receive(stream, bob, from)
    return received.open(await stream.seal(p), T0)
  }
  const [one, two, theirs] = [await open(alice), await open(alice), await open(mallory)]
  t.deepEqual(one.mid, two.mid)
  t.deepEqual(one.bytes, two.bytes)
  t.notDeepEqual(one.mid, theirs.mid)
})

test('a message of one stream does not open in another', async (t) => {
  const a = await streamFrom(alice, [bob])
  const b = await streamFrom(alice, [bob])
  const sealed = await a.seal(text('hello'))
  const received = await receive(b, bob, alice)
  t.is(
    outcome(() => received.open(sealed, T0)),
    'E_DECRYPT',
  )
})

test('a copied sender state never gives one key two messages', async (t) => {
  const s = await forge([bob])
  const p = text('one')
  const one = s.message(p, s.sign(p))
  const two = s.message(p, s.sign(p)) // same chain key, same index
  t.notDeepEqual(one.n, two.n)
  t.notDeepEqual(one.c, two.c)
})

test('a device key does not sign for another device of the account', async (t) => {
  const s = await forge([bob])
  const p = text('hello')
  const laptop = rsa2048(15)
  const stream = await openStream(s, bob)
  t.is(
    outcome(() => stream.open(s.message(p, s.sign(p, laptop)), T0)),
    'E_SIG',
  )
})
