// Pins: exact round trip, names that stay with their owner, marks.
import test from 'ava'
import fc from 'fast-check'

import {
  claimName,
  confirmSuccession,
  decodePin,
  encodePin,
  lookAlike,
  pinBundle,
  pinnedBundle,
  type PeerPin,
  setVerified,
} from '../../lib/identity/pin.ts'
import { decodeCanonical, encode } from '../../lib/protocol/cbor.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import { person } from '../helpers/people.ts'
import { everyLength, outcome, outcomes, runs } from '../helpers/refusals.ts'

const { pin: alice } = (await person('alice', { key: 0 })).verified
const { pin: bob, list: bobList } = (await person('bob', { key: 1 })).verified
const named = (pin: PeerPin, user: string, ...former: string[]): PeerPin => ({
  ...pin,
  user: parseUsername(user),
  former: former.map(parseUsername),
})

test('encodes and decodes exactly', (t) => {
  for (const pin of [
    alice,
    setVerified(alice, true),
    { ...alice, unconfirmed: true },
    named(alice, 'alicia', 'alice', 'ali'),
    pinBundle(alice, Buffer.alloc(8, 1), 1_770_000_000),
  ]) {
    t.deepEqual(encodePin(decodePin(encodePin(pin))), encodePin(pin))
    t.is(decodePin(encodePin(pin)).user, pin.user)
  }
})

test('a broken or foreign pin is E_FORMAT', (t) => {
  const bytes = encodePin(alice)
  t.deepEqual(outcomes(everyLength(bytes), decodePin), ['E_FORMAT'])
  const good = decodeCanonical(bytes) as Record<string, unknown>
  for (const lie of [{ user: 'Alice' }, { extra: 1 }, { acct: Buffer.alloc(31) }, { ver: false }]) {
    t.is(
      outcome(() => decodePin(encode({ ...good, ...lie }))),
      'E_FORMAT',
    )
  }
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      (b) => outcome(() => decodePin(b)) === 'E_FORMAT',
    ),
    runs(100),
  )
})

test('one name, one identity: also names of the past', (t) => {
  const claim = (pins: PeerPin[], pin: PeerPin) =>
    outcome(() => {
      claimName(pins, pin)
    })
  t.is(claim([alice, bob], alice), 'accepted')
  t.is(claim([alice], named(bob, 'alice')), 'E_NAME')
  t.is(claim([named(alice, 'alicia', 'alice')], named(bob, 'alice')), 'E_NAME')
  t.is(claim([named(alice, 'alicia', 'alice')], named(alice, 'alice')), 'accepted')
  t.is(claim([named(alice, 'alicia', 'alice')], bob), 'accepted')
})

test('look-alikes are noticed, equals and namesakes of oneself are not', (t) => {
  const pins = [named(alice, 'lisa.smith', 'olga')]
  for (const [name, found] of [
    ['lisasmith', true],
    ['l1sa_smith', false], // 1 stands for l, not for i
    ['lis4smith', false],
    ['li5asmith', true],
    ['o1ga', true],
    ['o.l-ga', true],
    ['bob', false],
  ] as const) {
    t.is(lookAlike(pins, named(bob, name)) !== undefined, found, name)
  }
  t.is(lookAlike(pins, named(alice, 'lisasmith')), undefined)
})

test('marks', (t) => {
  const doubtful = { ...alice, unconfirmed: true }
  t.like(setVerified(doubtful, true), { verified: true, unconfirmed: false })
  t.like(setVerified(doubtful, false), { verified: false, unconfirmed: true })
  t.like(confirmSuccession(doubtful), { verified: false, unconfirmed: false })
})

test('bundle numbers only grow, and belong to a device', (t) => {
  const [dev] = bobList.devs
  if (dev === undefined) return t.fail()
  t.is(pinnedBundle(bob, dev.id), 0)
  const five = pinBundle(bob, dev.id, 5)
  t.is(pinnedBundle(five, dev.id), 5)
  t.is(pinnedBundle(pinBundle(five, dev.id, 4), dev.id), 5)
  t.is(pinnedBundle(pinBundle(five, Buffer.alloc(8), 9), dev.id), 5)
  t.is(pinnedBundle(five, Buffer.alloc(8)), 0)
})
