// Headers: the bytes, and rules 1 to 3 of PROTOCOL 6.5 with their codes.
import { randomBytes } from 'node:crypto'

import test from 'ava'
import fc from 'fast-check'

import { acceptHead, type HeadView, placeIn } from '../../lib/envelope/head-check.ts'
import { decodeHead, encodeHead, type Head, type HeadFields } from '../../lib/envelope/head.ts'
import { convId } from '../../lib/identity/conversation.ts'
import type { DeviceList } from '../../lib/identity/device-list-body.ts'
import { decodeCanonical, encode } from '../../lib/protocol/cbor.ts'
import { fromHex, hex } from '../../lib/util/bytes.ts'
import { viewOf } from '../helpers/correspondents.ts'
import { rsa2048 } from '../helpers/keys.ts'
import { DAY, MINUTE, type Person, person, SRV, T0 } from '../helpers/people.ts'
import { outcome, runs } from '../helpers/refusals.ts'

const alice = await person('alice', { key: 0 })
const bob = await person('bob', { key: 1 })
const carol = await person('carol', { key: 2 })

const klid = Buffer.alloc(16, 5)
const to = (...people: readonly { readonly acct: Uint8Array; readonly dev: Uint8Array }[]) =>
  people
    .map(({ acct, dev }) => ({ acct, dev, klid }))
    .sort((a, b) => Buffer.compare(a.acct, b.acct) || Buffer.compare(a.dev, b.dev))

/** From alice to bob. */
const fields: HeadFields = {
  srv: SRV,
  conv: convId(alice, bob),
  st: Buffer.alloc(16, 1),
  gs: Buffer.alloc(32),
  from: { acct: alice.acct, dev: alice.dev },
  t: T0,
  x: Buffer.alloc(32, 9),
  com: Buffer.alloc(32, 2),
  to: to(bob),
}
const make = (change: Partial<HeadFields> = {}): Head =>
  decodeHead(encodeHead({ ...fields, ...change }))
const bobsView = viewOf(bob, [bob, alice])
const accept = (change: Partial<HeadFields>, view: HeadView = bobsView) =>
  outcome(() => acceptHead(make(change), view))

/** A list with one more device, or one removed. */
const second = { id: Buffer.alloc(8, 0x22), dsk: rsa2048(8).publicKey, ts: T0 }
const withSecond = (p: Person): DeviceList => ({
  ...p.verified.list,
  devs: [...p.verified.list.devs, second],
})
const withGone = (p: Person, at: number): DeviceList => ({
  ...p.verified.list,
  gone: [[second.id, at]],
})

test('round trip, byte for byte', (t) => {
  const bytes = encodeHead({ ...fields, to: to(alice, bob, { ...bob, dev: second.id }) })
  t.deepEqual(encodeHead(decodeHead(bytes)), bytes)
  t.is(decodeHead(bytes).to.length, 3)
  const { to: entries } = decodeCanonical(bytes) as { to: unknown[] }
  t.is(entries.length, 2) // devices grouped by account
})

test('malformed heads', (t) => {
  const good = decodeCanonical(encodeHead({ ...fields, to: to(alice, bob) })) as {
    to: [Uint8Array, [Uint8Array, Uint8Array][]][]
  }
  const [a, b] = good.to
  if (a === undefined || b === undefined) return t.fail()
  const device = a[1][0]
  if (device === undefined) return t.fail()
  const many = Array.from({ length: 513 }, (_, i) => {
    const id = Buffer.alloc(8)
    id.writeUInt32BE(i)
    return [id, klid] as const
  })
  t.is(
    outcome(() => decodeHead(encode({ ...good, to: [[a[0], many.slice(0, 512)]] }))),
    'accepted',
  )
  for (const lie of [
    { k: 'envelope' },
    { suite: 2 },
    { suite: 0 },
    { extra: 1 },
    { gs: Buffer.alloc(31) },
    { t: -1 },
    { from: [alice.acct] },
    { to: [] },
    { to: [[a[0], []]] },
    { to: [b, a] }, // accounts not ascending
    { to: [a, a] }, // an account twice
    { to: [[a[0], [device, device]]] }, // a device twice
    { to: [[...a, SRV]] }, // federation is not version 1
    { to: [[a[0], many]] },
    {
      to: [
        [a[0], many.slice(0, 300)],
        [b[0], many.slice(0, 300)],
      ],
    },
  ]) {
    t.is(
      outcome(() => decodeHead(encode({ ...good, ...lie }))),
      'E_FORMAT',
      JSON.stringify(Object.keys(lie)),
    )
  }
})

test('fuzz: E_FORMAT or a head, nothing else', (t) => {
  const good = decodeCanonical(encodeHead(fields)) as Record<string, unknown>
  t.notThrows(() => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        (b) => outcome(() => decodeHead(b)) === 'E_FORMAT',
      ),
      runs(200),
    )
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(good)),
        fc.oneof(fc.anything({ maxDepth: 4 }), fc.uint8Array({ maxLength: 40 }), fc.nat()),
        (field, value) => {
          let bytes: Buffer
          try {
            bytes = encode({ ...good, [field]: value })
          } catch {
            return true // not a CBOR value
          }
          return ['E_FORMAT', 'accepted'].includes(outcome(() => decodeHead(bytes)))
        },
      ),
      runs(200),
    )
  })
})

test('an ordinary stream: my place, the sender’s key, the other account', (t) => {
  const accepted = acceptHead(make({ to: to(bob, { ...bob, dev: second.id }) }), {
    ...bobsView,
    listOf: (acct) => (hex(acct) === hex(bob.acct) ? withSecond(bob) : alice.verified.list),
  })
  t.is(accepted.position, 0)
  t.deepEqual(Buffer.from(accepted.klid), klid)
  t.is(hex(accepted.peer), hex(alice.acct))
  t.deepEqual(accepted.senderKey.spki, alice.dsk.publicKey.spki)
})

test('rule 1: own server, for me, not from me', (t) => {
  t.is(accept({ srv: randomBytes(32) }), 'E_BINDING')
  t.is(accept({ to: to(alice) }), 'E_NOT_FOR_ME')
  t.is(accept({ to: to({ ...bob, dev: second.id }) }), 'E_NOT_FOR_ME')
  t.is(accept({ from: bob }), 'E_NOT_FOR_ME') // reflection
  t.is(
    outcome(() => placeIn(make({ to: to(carol) }), bob)),
    'E_NOT_FOR_ME',
  )
})

test('rule 2: the sending device belongs to its account', (t) => {
  t.is(accept({}), 'accepted')
  t.is(accept({ from: carol }), 'E_GHOST_USER') // nobody bob knows
  const from = { acct: alice.acct, dev: second.id }
  t.is(accept({ from }), 'E_GHOST_DEVICE')
  const gone = viewOf(bob, [bob, alice], [bob.verified.list, withGone(alice, T0 + DAY)])
  t.is(accept({ from }, gone), 'E_NO_DEVICE') // removed: a placeholder, however recently
})

test('rule 3: the conversation and its two accounts', (t) => {
  // of a group, as far as that can be said without knowing it; a conversation of two is none
  t.is(accept({ gs: randomBytes(32), conv: randomBytes(16) }), 'accepted')
  t.is(accept({ gs: randomBytes(32) }, { ...bobsView, peerOf: () => alice.acct }), 'E_BINDING')
  t.is(accept({ conv: randomBytes(16) }), 'E_BINDING')
  t.is(accept({ conv: convId(bob, carol) }), 'E_BINDING')
  t.is(accept({ conv: convId(bob, bob) }), 'E_BINDING')
  const all = viewOf(bob, [bob, alice, carol])
  t.is(accept({ to: to(bob, carol) }, all), 'E_GHOST_USER')
  t.is(accept({ from: carol, to: to(bob, alice) }, all), 'E_GHOST_USER')
  t.is(accept({ to: to(bob, alice) }), 'accepted')
})

test('rule 3: every device named is known', (t) => {
  const ghost = to(bob, { ...bob, dev: randomBytes(8) })
  t.is(accept({ to: ghost }), 'E_GHOST_DEVICE')
  t.is(accept({ to: to(bob, { ...alice, dev: randomBytes(8) }) }), 'E_GHOST_DEVICE')
  const removed = to(bob, { ...bob, dev: second.id })
  for (const [at, expected] of [
    [T0 - 10 * MINUTE, 'E_GHOST_DEVICE'],
    [T0 - 10 * MINUTE + 1, 'accepted'],
    [T0 + DAY, 'accepted'],
  ] as const) {
    const view = viewOf(bob, [bob, alice], [withGone(bob, at), alice.verified.list])
    t.is(accept({ to: removed }, view), expected)
  }
})

test('between own devices: notes, and conversations I have', (t) => {
  const lists = [withSecond(bob), alice.verified.list]
  const view = viewOf(bob, [bob, alice], lists)
  const from = { acct: bob.acct, dev: second.id }
  t.is(accept({ from, conv: convId(bob, bob) }, view), 'accepted')
  t.is(accept({ from, conv: convId(bob, alice) }, view), 'accepted') // a resend to this device only
  t.is(accept({ from, conv: convId(bob, carol) }, view), 'E_BINDING') // no such conversation
  const notes = acceptHead(make({ from, conv: convId(bob, bob) }), view)
  t.is(hex(notes.peer), hex(bob.acct))
  const copy = acceptHead(make({ from, to: to(bob, alice) }), view)
  t.is(hex(copy.peer), hex(alice.acct))
})

test('no order of recipients but one', (t) => {
  const good = decodeCanonical(encodeHead(fields)) as Record<string, unknown>
  const accounts = [alice, bob, carol].map((p) => hex(p.acct)).sort()
  const devices = ['01', '7f', '80', 'ff'].map((x) => x.repeat(8))
  const isSorted = (list: readonly string[]) => String(list) === String([...list].sort())
  const order = (list: readonly string[]) => fc.shuffledSubarray([...list], { minLength: 1 })
  t.notThrows(() => {
    fc.assert(
      fc.property(order(accounts), order(devices), (accts, devs) => {
        const entry = devs.map((d) => [fromHex(d), klid])
        const bytes = encode({ ...good, to: accts.map((a) => [fromHex(a), entry]) })
        const expected = isSorted(accts) && isSorted(devs) ? 'accepted' : 'E_FORMAT'
        return outcome(() => decodeHead(bytes)) === expected
      }),
      runs(100),
    )
  })
})
