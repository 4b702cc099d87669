import test from 'ava'

import { addressBlock, splitAddress } from '../../lib/channel/address.ts'
import { Admission, ADMISSION_LIMITS } from '../../lib/channel/admission.ts'
import { LIMITS } from '../../lib/protocol/limits.ts'

for (const [remote, ip, port, block] of [
  ['192.0.2.1:4000', '192.0.2.1', 4000, '192.0.2.1'],
  ['192.0.2.1', '192.0.2.1', 0, '192.0.2.1'],
  ['[::ffff:192.0.2.1]:7', '192.0.2.1', 7, '192.0.2.1'],
  ['[2001:db8:0:1:2:3:4:5]:80', '2001:db8:0:1:2:3:4:5', 80, '2001:db8:0:1::/64'],
  ['2001:DB8::1', '2001:DB8::1', 0, '2001:db8:0:0::/64'],
  ['[::1]:5', '::1', 5, '0:0:0:0::/64'],
  ['[fe80::1%eth0]:5', 'fe80::1%eth0', 5, 'fe80:0:0:0::/64'],
  ['[2001:db8:00:0001::]:5', '2001:db8:00:0001::', 5, '2001:db8:0:1::/64'],
  ['', '', 0, ''],
] as const) {
  test(`address ${remote || '(none)'}`, (t) => {
    t.deepEqual(splitAddress(remote), { ip, port })
    t.is(addressBlock(remote), block)
  })
}

test('a bucket fills up again, never beyond its burst', (t) => {
  const admission = new Admission({ ...ADMISSION_LIMITS, burst: 2, perSecond: 4 })
  const tries = (now: number): boolean[] => [1, 2, 3].map(() => admission.admit('192.0.2.1:1', now))
  t.deepEqual(tries(0), [true, true, false])
  t.deepEqual(tries(250), [true, false, false])
  t.deepEqual(tries(60_000), [true, true, false])
})

test('buckets of a million addresses do not stay', (t) => {
  const admission = new Admission({ ...ADMISSION_LIMITS, burst: 1, perSecond: 0.001 })
  t.true(admission.admit('192.0.2.1:1', 0))
  t.false(admission.admit('192.0.2.1:1', 0))
  for (let i = 0; i < 66_000; i++) admission.admit(`10.${String(i >> 8)}.${String(i & 255)}.1`, 0)
  t.true(admission.admit('192.0.2.1:1', 0)) // forgotten, so rested
})

test('no limit: everybody, always', (t) => {
  const admission = new Admission({ ...ADMISSION_LIMITS, perSecond: 0 })
  t.true(Array.from({ length: 100 }, () => admission.admit('192.0.2.1', 0)).every((ok) => ok))
})

test('the puzzle grows with the rush, stays ten seconds, is never harder than clients accept', (t) => {
  const admission = new Admission({ ...ADMISSION_LIMITS, puzzleAbovePerSecond: 10 })
  const hellos = (count: number, now: number): number => {
    for (let i = 0; i < count; i++) admission.helloArrived(now)
    return admission.puzzleBits(now)
  }
  t.is(hellos(10, 1000), 0)
  t.is(hellos(10, 2000), 0)
  t.is(hellos(1, 2500), LIMITS.puzzleMinBits)
  t.is(hellos(50, 3000), LIMITS.puzzleMinBits + 2)
  t.is(hellos(11, 4000), LIMITS.puzzleMinBits + 2) // calmer, but not yet calm
  t.is(admission.puzzleBits(12_999), LIMITS.puzzleMinBits + 2)
  t.is(admission.puzzleBits(13_000), 0)
  t.is(hellos(50_000, 20_000), LIMITS.puzzleMaxBits)
  t.true(LIMITS.puzzleMaxBits <= LIMITS.puzzleRefusedAboveBits)
})
