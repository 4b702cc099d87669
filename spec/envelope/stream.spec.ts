// Sender and receiver streams: order, gaps, duplicates, restarts. Attacks are in attacks.spec.ts.
import { randomBytes } from 'node:crypto'

import test from 'ava'
import fc from 'fast-check'

import { SenderStream } from '../../lib/envelope/sender-stream.ts'
import { ReceiverStream } from '../../lib/envelope/receiver-stream.ts'
import { decodeHead } from '../../lib/envelope/head.ts'
import type { SealedMessage } from '../../lib/envelope/message.ts'
import { messageId } from '../../lib/identity/conversation.ts'
import { encode } from '../../lib/protocol/cbor.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { equal, hex } from '../../lib/util/bytes.ts'
import { correspondent, dm, receive, streamFrom, text } from '../helpers/correspondents.ts'
import { DAY, HOUR, SRV, T0 } from '../helpers/people.ts'
import { outcome, outcomeAsync, runs } from '../helpers/refusals.ts'

const alice = await correspondent('alice', { key: 0 })
const bob = await correspondent('bob', { key: 1 })
const carol = await correspondent('carol', { key: 2 })

async function talk(count: number): Promise<{ messages: SealedMessage[]; stream: SenderStream }> {
  const stream = await streamFrom(alice, [bob])
  const messages = []
  for (let i = 0; i < count; i++) messages.push(await stream.seal(text(`m${i}`, randomBytes(16))))
  return { messages, stream }
}

const at = (messages: readonly SealedMessage[], i: number): SealedMessage => {
  const message = messages[i]
  if (message === undefined) throw new RangeError('no such message')
  return message
}

const said = (stream: ReceiverStream, message: SealedMessage, now = T0): string => {
  const { payload } = stream.open(message, now)
  return payload.k === 'text' ? payload.b : payload.k
}

test('a message arrives with its sender, its conversation, its id and its gossip', async (t) => {
  const stream = await streamFrom(alice, [bob])
  const id = randomBytes(16)
  const payload = text('hello', id)
  const gossip = { q: [[randomBytes(16), 4]] as const, v: { b: 1, d: 2, dh: randomBytes(8) } }
  const sealed = await stream.seal(payload, gossip)
  const received = await receive(stream, bob, alice)
  t.true(equal(received.st, stream.st))
  t.true(equal(received.conv, dm(bob, alice)))
  t.true(equal(received.from.acct, alice.acct) && equal(received.from.dev, alice.dev))
  t.true(equal(received.peer, alice.acct))
  const opened = received.open(sealed, T0)
  t.deepEqual(opened.mid, messageId(dm(alice, bob), alice.acct, id))
  t.true(equal(opened.bytes, payload))
  t.is(opened.gossip.q?.[0]?.[1], 4)
  t.is(opened.gossip.v?.d, 2)
  t.is(sealed.c.length, 528) // 512 + tag: short messages all look the same
})

test('every recipient device opens with its own wrap; recipients in any order', async (t) => {
  const stream = await streamFrom(alice, [carol, bob], { conv: dm(alice, bob) })
  const wrap = stream.wraps[0]?.map((part) => part.length)
  t.deepEqual(wrap, [256, 1088, 48])
  const { to } = decodeHead(stream.head)
  t.is(to.length, 2)
  t.true(Buffer.compare(to[0]?.acct ?? bob.acct, to[1]?.acct ?? bob.acct) < 0)
  t.is(
    await outcomeAsync(() => receive(stream, bob, alice)),
    'E_GHOST_USER', // carol is in a private conversation
  )
})

test('sealed in one go, ready in order, each index once', async (t) => {
  const stream = await streamFrom(alice, [bob])
  const ready: number[] = []
  const all = Array.from({ length: 40 }, async (_, i) => {
    const { i: index } = await stream.seal(text(`burst ${i}`, randomBytes(16)))
    ready.push(index)
    return index
  })
  t.deepEqual(
    await Promise.all(all),
    Array.from({ length: 40 }, (_, i) => i),
  )
  t.deepEqual(
    ready,
    [...ready].sort((a, b) => a - b),
  )
  t.is(stream.next, 40)
})

test('any order of delivery, restored from disk between any two messages', async (t) => {
  const count = 12
  const { messages, stream } = await talk(count)
  const fresh = (await receive(stream, bob, alice)).serialize()
  const order = fc.shuffledSubarray(
    Array.from({ length: count }, (_, i) => i),
    { minLength: 1 },
  )
  t.notThrows(() => {
    fc.assert(
      fc.property(order, fc.array(fc.boolean(), { minLength: count }), (indices, restarts) => {
        let straight = ReceiverStream.restore(fresh)
        const steady = ReceiverStream.restore(fresh)
        for (const [k, i] of indices.entries()) {
          if (restarts[k] === true) straight = ReceiverStream.restore(straight.serialize())
          if (said(straight, at(messages, i)) !== `m${i}`) return false
          steady.open(at(messages, i), T0)
          if (!straight.serialize().equals(steady.serialize())) return false
          if (outcome(() => straight.open(at(messages, i), T0)) !== 'E_DUPLICATE') return false
        }
        const missing = Array.from({ length: steady.next }, (_, i) => i).filter(
          (i) => !indices.includes(i),
        )
        return String(steady.missing()) === String(missing)
      }),
      runs(30),
    )
  })
})

test('a failure leaves the stream as it was', async (t) => {
  const { messages, stream } = await talk(4)
  const received = await receive(stream, bob, alice)
  received.open(at(messages, 2), T0)
  const before = received.serialize()
  const garbage = { ...at(messages, 3), c: randomBytes(528) }
  for (const [message, code] of [
    [garbage, 'E_DECRYPT'],
    [{ ...garbage, i: 900 }, 'E_DECRYPT'],
    [{ ...garbage, i: 0 }, 'E_DECRYPT'],
    [{ ...garbage, i: 1004 }, 'E_SKIP'],
    [{ ...garbage, i: 2 ** 40 }, 'E_SKIP'],
    [at(messages, 2), 'E_DUPLICATE'],
  ] as const) {
    t.is(
      outcome(() => received.open(message, T0)),
      code,
    )
    t.deepEqual(received.serialize(), before)
  }
  t.is(said(received, at(messages, 0)), 'm0')
})

test('what a device signed but nobody can read is E_FORMAT and moves nothing', async (t) => {
  for (const payload of [
    Buffer.from('not cbor'),
    encode({ k: 'text', id: Buffer.alloc(16), ts: T0 }), // without body
    encode({ k: 'text', id: Buffer.alloc(15), ts: T0, b: 'x' }),
    Buffer.from('a2616201616102', 'hex'), // not canonical
  ]) {
    const stream = await streamFrom(alice, [bob])
    const received = await receive(stream, bob, alice)
    const before = received.serialize()
    const sealed = await stream.seal(payload)
    t.is(
      outcome(() => received.open(sealed, T0)),
      'E_FORMAT',
    )
    t.deepEqual(received.serialize(), before)
  }
})

test('a payload of a later version is kept, with its id', async (t) => {
  const stream = await streamFrom(alice, [bob])
  const id = randomBytes(16)
  const sealed = await stream.seal(encode({ k: 'poll', id, ts: T0, what: 'ever' }))
  const opened = (await receive(stream, bob, alice)).open(sealed, T0)
  t.like(opened.payload, { k: 'unsupported', kind: 'poll' })
  t.deepEqual(opened.mid, messageId(dm(alice, bob), alice.acct, id))
})

test('1000 ahead is opened, 1001 is not', async (t) => {
  const { messages, stream } = await talk(3)
  const received = await receive(stream, bob, alice)
  const far = { ...at(messages, 0), i: 1001 }
  t.is(
    outcome(() => received.open(far, T0)),
    'E_SKIP',
  )
  t.is(
    outcome(() => received.open({ ...far, i: 1000 }, T0)),
    'E_DECRYPT',
  )
})

test('skipped keys live seven days', async (t) => {
  const { messages, stream } = await talk(4)
  const received = await receive(stream, bob, alice)
  received.open(at(messages, 3), T0)
  t.deepEqual(received.missing(), [0, 1, 2])
  t.is(said(received, at(messages, 0), T0 + 7 * DAY), 'm0')
  t.is(
    outcome(() => received.open(at(messages, 1), T0 + 7 * DAY + 1)),
    'E_DUPLICATE',
  )
})

test('a stream is spent after 24 hours or 1000 messages', async (t) => {
  const stream = await streamFrom(alice, [bob])
  t.false(stream.isSpent(T0 + 24 * HOUR - 1))
  t.true(stream.isSpent(T0 + 24 * HOUR))
  const sealed = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => stream.seal(text('x', Buffer.alloc(16, i)))),
  )
  t.true(stream.isSpent(T0))
  t.is(stream.next, 1000)
  await t.throwsAsync(() => stream.seal(text('x')), { instanceOf: RangeError })
  // and a receiver that missed 999 of them keeps 999 keys, exactly, through a restart
  const received = await receive(stream, bob, alice)
  t.is(said(received, at(sealed, 999)), 'x')
  t.is(received.missing().length, 999)
  const restored = ReceiverStream.restore(received.serialize())
  t.deepEqual(restored.serialize(), received.serialize())
  t.is(said(restored, at(sealed, 500)), 'x')
})

test('a stream reaches its recipients and nobody else', async (t) => {
  const stream = await streamFrom(alice, [bob])
  t.true(stream.reaches([bob.bundle]))
  t.false(stream.reaches([bob.bundle, carol.bundle]))
  t.false(stream.reaches([carol.bundle]))
  t.false(stream.reaches([{ ...bob.bundle, klid: Buffer.alloc(16) }])) // new inbox keys
  t.false(stream.reaches([]))
})

test('programmer mistakes are not sent', async (t) => {
  const wrong = { instanceOf: RangeError }
  await t.throwsAsync(() => streamFrom(alice, []), wrong)
  await t.throwsAsync(() => streamFrom(alice, [bob, bob]), wrong)
  await t.throwsAsync(() => streamFrom(alice, [alice]), wrong)
  await t.throwsAsync(() => streamFrom(alice, [bob], { srv: Buffer.alloc(32) }), wrong)
})

test('the longest message fits, a longer one is E_TOO_BIG and uses up no index', async (t) => {
  const stream = await streamFrom(alice, [bob])
  t.is(await outcomeAsync(() => stream.seal(Buffer.alloc(49_000))), 'E_TOO_BIG')
  t.is(stream.next, 0)
  const longest = encodePayload({ k: 'again', id: randomBytes(16), ts: T0, p: Buffer.alloc(32768) })
  const sealed = await stream.seal(longest)
  t.true(sealed.c.length <= 49_152)
  t.is((await receive(stream, bob, alice)).open(sealed, T0).payload.k, 'again')
})

test('a whole house: 40 devices, each opens its own', async (t) => {
  const others = Array.from({ length: 40 }, (_, i) => ({
    ...bob.bundle,
    acct: Buffer.alloc(32, i + 1),
    klid: Buffer.alloc(16, i),
  }))
  const recipients = [...others, bob.bundle]
  const stream = await SenderStream.open({
    ...{ srv: SRV, conv: dm(alice, bob), from: alice, dsk: alice.dsk, now: T0 },
    recipients,
  })
  t.is(stream.wraps.length, 41)
  const { to } = decodeHead(stream.head)
  t.is(new Set(to.map((r) => hex(r.acct))).size, 41)
})

test('stored states of another making are E_FORMAT', async (t) => {
  const { messages, stream } = await talk(3)
  const received = await receive(stream, bob, alice)
  received.open(at(messages, 2), T0)
  const bytes = received.serialize()
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (n) => {
        const code = outcome(() => ReceiverStream.restore(bytes.subarray(0, n)))
        return code === 'E_FORMAT'
      }),
      runs(50),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (b) => {
        return outcome(() => ReceiverStream.restore(b)) === 'E_FORMAT'
      }),
      runs(50),
    )
  })
})
