// A clock that jumps: what was accepted stays until the clock may be believed again, and is delivered.
import test from 'ava'

import { type Log, silentLog } from '../../lib/util/log.ts'
import { SteadyClock } from '../../lib/server/steady-clock.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { settle } from '../helpers/memory-duplex.ts'
import { type Relay, SpecStream, startRelay, verdict } from '../helpers/relay.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** The certificate of before the jump is refused once; that makes the next. */
async function renewed(relay: Relay): Promise<void> {
  for (let i = 0; i < 50; i++) {
    const client = await relay.connect().catch(() => null)
    if (client !== null) return client.leave()
    await settle()
  }
}

test('slow corrections are believed, jumps of an hour or more in either direction only after a day', (t) => {
  const clock = new FakeClock()
  const warned: unknown[] = []
  const log: Log = { ...silentLog, warn: (event, fields) => warned.push([event, fields?.['byMs']]) }
  const steady = new SteadyClock(clock, log)
  t.true(steady.look())
  for (let i = 0; i < 10; i++) {
    clock.jump(HOUR - 1)
    clock.advance(1)
    t.true(steady.look())
  }
  for (const byMs of [HOUR, -40 * DAY]) {
    clock.jump(byMs)
    t.false(steady.look())
    clock.advance(DAY - 1)
    t.false(steady.look())
    clock.advance(1)
    t.true(steady.look())
  }
  t.deepEqual(warned, [
    ['clock.jumped', HOUR],
    ['clock.jumped', -40 * DAY],
  ])
})

test('mail that expired by a jump alone is delivered, before the clock is right again and after', async (t) => {
  const relay = await startRelay({ config: { mailboxLifeMs: 10 * DAY } })
  const [alice, bob] = [await relay.add('alice', { key: 0 }), await relay.add('bob', { key: 1 })]
  const a = await relay.login(alice)
  const stream = new SpecStream(a, alice, [bob])
  await a.ok('st.open', stream.openFields())
  for (let i = 0; i < 3; i++) t.is(verdict(await stream.put()), 'ok')
  const early = await relay.login(bob)
  await early.until('mail.end')
  await early.leave() // without a word that it has them

  relay.clock.jump(20 * DAY)
  relay.clock.advance(HOUR) // time for sweeps
  await settle()
  t.is((await relay.store.mail.total()).count, 3)
  await renewed(relay)
  const a2 = await relay.login(alice)
  const again = new SpecStream(a2, alice, [bob])
  await a2.ok('st.open', again.openFields())
  t.is(verdict(await again.put()), 'ok')
  const during = await relay.login(bob)
  await during.until('mail.end')
  t.is(during.mails.length, 4)
  await during.leave()

  relay.clock.jump(-20 * DAY)
  relay.clock.advance(2 * DAY)
  await settle()
  await renewed(relay)
  const after = await relay.login(bob)
  await after.until('mail.end')
  t.is(after.mails.length, 4)
  after.ackAll()
  await after.leave()
  t.is((await relay.store.mail.total()).count, 0)
})

test('a clock that stays where it jumped to is believed after a day: what is too old goes', async (t) => {
  const relay = await startRelay()
  const [alice, bob] = [await relay.add('alice', { key: 0 }), await relay.add('bob', { key: 1 })]
  const a = await relay.login(alice)
  const stream = new SpecStream(a, alice, [bob])
  await a.ok('st.open', stream.openFields())
  t.is(verdict(await stream.put()), 'ok')
  await a.leave()
  relay.clock.jump(40 * DAY)
  relay.clock.advance(HOUR)
  await settle()
  t.is((await relay.store.mail.total()).count, 1)
  relay.clock.advance(DAY)
  await settle()
  t.is((await relay.store.mail.total()).count, 0)
})
