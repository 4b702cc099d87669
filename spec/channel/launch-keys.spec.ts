import { inspect } from 'node:util'

import test from 'ava'

import { parseServerHello } from '../../lib/channel/handshake.ts'
import { type LaunchKeyOptions, LaunchKeys } from '../../lib/channel/launch-keys.ts'
import { verifyServerCert } from '../../lib/identity/server-cert.ts'
import { signSuccession } from '../../lib/identity/succession.ts'
import { LIMITS } from '../../lib/protocol/limits.ts'
import { silentLog } from '../../lib/util/log.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { outcome } from '../helpers/refusals.ts'
import { launchKeys, sik, srv } from './kit.ts'

const HOUR = 3_600_000

function options(clock: FakeClock, more: Partial<LaunchKeyOptions> = {}): LaunchKeyOptions {
  let next = 2
  const generate = () => Promise.resolve(rsa2048(next++ % 16))
  return { sik, srv, chain: [], clock, log: silentLog, generate, ...more }
}

function verifyAt(keys: LaunchKeys, now: number): string {
  const hello = parseServerHello(keys.current.hello.stamp(Buffer.alloc(32), 0))
  return outcome(() => verifyServerCert({ ...hello, chain: hello.chain ?? [], pin: srv, now }))
}

test('a certificate holds for clients whose clock is an hour late or half a day early', async (t) => {
  const clock = new FakeClock()
  const keys = await launchKeys(clock)
  t.is(verifyAt(keys, clock.now()), 'accepted')
  t.is(verifyAt(keys, clock.now() - HOUR), 'accepted')
  t.is(verifyAt(keys, clock.now() + 22 * HOUR), 'accepted')
  t.is(verifyAt(keys, clock.now() + 24 * HOUR), 'E_SERVER_CERT')
  const { validFrom, validUntil } = keys.current
  t.is(validUntil - validFrom, LIMITS.certificateLifeMs)
})

test('the server identity may have a history', async (t) => {
  const clock = new FakeClock()
  const next = rsa3072(1)
  const succession = {
    label: 'server-succ',
    bind: [],
    origin: srv,
    j: 1,
    spki: next.publicKey.spki,
  } as const
  const sig = await signSuccession(sik, succession)
  const chain = [{ ik: sik.publicKey.spki, sig }]
  const keys = await LaunchKeys.create(options(clock, { sik: next, chain }))
  t.is(verifyAt(keys, clock.now()), 'accepted')
})

test('a key is replaced after half a day, the old one dropped a minute later', async (t) => {
  const clock = new FakeClock()
  const keys = await launchKeys(clock)
  const first = keys.current
  clock.advance(12 * HOUR)
  await keys.rotate() // joins the one that time has begun
  const second = keys.current
  t.not(first, second)
  t.notDeepEqual(first.slk?.publicKey.spki, second.slk?.publicKey.spki)
  clock.advance(59_000)
  t.not(first.slk, null)
  clock.advance(1000)
  t.is(first.slk, null)
  t.not(second.slk, null)
  t.is(verifyAt(keys, clock.now()), 'accepted')
})

test('two rotations at once are one', async (t) => {
  const clock = new FakeClock()
  let made = 0
  const generate = () => Promise.resolve(rsa2048(2 + made++))
  const keys = await LaunchKeys.create(options(clock, { generate }))
  await Promise.all([keys.rotate(), keys.rotate()])
  t.is(made, 2)
})

test('at most two keys are alive', async (t) => {
  const keys = await launchKeys(new FakeClock())
  const first = keys.current
  await keys.rotate()
  await keys.rotate()
  t.is(first.slk, null)
})

test('a key that cannot be made: the old one goes on, and it is tried again', async (t) => {
  const clock = new FakeClock()
  let broken = false
  const generate = () =>
    broken ? Promise.reject(new Error('no entropy')) : Promise.resolve(rsa2048(3))
  const errors: string[] = []
  const log = { ...silentLog, error: (event: string) => errors.push(event) }
  const keys = await LaunchKeys.create(options(clock, { generate, log }))
  const first = keys.current
  broken = true
  await keys.rotate()
  t.is(keys.current, first)
  t.deepEqual(errors, ['launch-key.failed'])
  broken = false
  clock.advance(60_000)
  await keys.rotate()
  t.not(keys.current, first)
})

test('after the computer slept, the next handshake makes a new key', async (t) => {
  const clock = new FakeClock()
  const keys = await launchKeys(clock)
  clock.jump(3 * 24 * HOUR)
  const stale = keys.current
  await keys.rotate()
  t.not(keys.current, stale)
  t.is(verifyAt(keys, clock.now()), 'accepted')
})

test('closed: no key, no timer, no rotation', async (t) => {
  const clock = new FakeClock()
  const keys = await launchKeys(clock)
  await keys.rotate()
  keys.close()
  t.is(keys.current.slk, null)
  t.is(clock.pending, 0)
  await keys.rotate()
  t.is(keys.current.slk, null)
})

test('lives longer than half a certificate are a mistake of the caller', async (t) => {
  const clock = new FakeClock()
  for (const lifeMs of [0, -1, NaN, 12 * HOUR + 1]) {
    await t.throwsAsync(LaunchKeys.create(options(clock, { lifeMs })), { instanceOf: RangeError })
  }
  const short = await LaunchKeys.create(options(clock, { lifeMs: 60_000 }))
  t.is(verifyAt(short, clock.now()), 'accepted')
})

test('launch keys do not print', async (t) => {
  const keys = await launchKeys(new FakeClock())
  const secret = keys.current.slk?.exportPkcs8().toString('hex').slice(100, 140) ?? ''
  t.is(secret.length, 40)
  const printed = inspect(keys, { depth: 9, showHidden: true }) + JSON.stringify(keys)
  t.false(printed.includes(secret))
})
