// Accounts that nobody uses any more go, if the operator wants it; none goes for a clock that is wrong.
import test from 'ava'

import { parseServerConfig } from '../../lib/server/config.ts'
import { accountId } from '../../lib/server/ids.ts'
import type { Store } from '../../lib/storage/ports.ts'
import { u32 } from '../../lib/util/bytes.ts'
import { fail } from '../../lib/util/errors.ts'
import { settle } from '../helpers/memory-duplex.ts'
import { type Relay, startRelay } from '../helpers/relay.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const DAYS = 10
const WANTED = { config: { inactiveAccountDays: DAYS } }

/** Day after day, each with its sweep. */
async function pass(relay: Relay, days: number): Promise<void> {
  for (let day = 0; day < days; day++) {
    relay.clock.advance(DAY)
    await settle()
  }
}

async function names(relay: Relay): Promise<string[]> {
  await settle()
  return (await relay.server.users.list('', 10)).map(({ name }) => name)
}

/** Early on a day, after the first sweep. */
async function early(options: Parameters<typeof startRelay>[0]): Promise<Relay> {
  const relay = await startRelay(options)
  relay.clock.advance(DAY - (relay.clock.now() % DAY) + HOUR)
  await settle()
  return relay
}

test('an account without a sign-in for longer than the days set is deleted; one day less, and it stays', async (t) => {
  const relay = await early(WANTED)
  const bob = await relay.add('bob', { key: 1 })
  await relay.add('carol', { key: 2 }) // never signs in: from when it was made
  await pass(relay, 5)
  await (await relay.login(bob)).leave()
  await pass(relay, DAYS - 5)
  t.deepEqual(await names(relay), ['bob', 'carol'])
  await pass(relay, 1)
  t.deepEqual(await names(relay), ['bob'])
  await pass(relay, 4)
  t.deepEqual(await names(relay), ['bob'])
  await pass(relay, 1)
  t.deepEqual(await names(relay), [])
  const id = accountId(bob.acct)
  t.is(await relay.store.records.get('sign-in', id), null)
  const stranger = await relay.connect()
  const req = Buffer.alloc(32, 1)
  t.is((await stranger.err('reg.start', { user: bob.user, req })).c, 'E_TAKEN')
})

test('who is online stays, however long ago that began; so does what the operator disabled', async (t) => {
  const relay = await early({ config: { ...WANTED.config, idleMs: DAY, connectionLifeMs: DAY } })
  const bob = await relay.add('bob', { key: 1 })
  await relay.add('carol', { key: 2 })
  await relay.server.users.disable('carol')
  await pass(relay, DAYS)
  relay.clock.advance(DAY - 3 * HOUR) // late in the evening
  const b = await relay.login(bob)
  await relay.store.records.delete('sign-in', accountId(bob.acct)) // as if it were long ago
  relay.clock.advance(3 * HOUR)
  t.deepEqual(await names(relay), ['bob', 'carol'])
  t.is(b.bye, null)
})

test('never, unless the operator sets it; set while it runs the days before count', async (t) => {
  const relay = await early({})
  await relay.add('bob', { key: 1 })
  await pass(relay, 2 * DAYS)
  t.deepEqual(await names(relay), ['bob'])
  t.is((await relay.server.users.show('bob')).lastSignIn, null)
  relay.server.reconfigure(parseServerConfig({ inactiveAccountDays: DAYS }))
  await pass(relay, 1)
  t.deepEqual(await names(relay), [])
})

test('data of before the days were kept: they count from then on, not from when the account was made', async (t) => {
  const relay = await startRelay(WANTED)
  await relay.add('bob', { key: 1 })
  relay.clock.jump(100 * DAY) // no server ran that would have looked
  await pass(relay, DAYS)
  t.deepEqual(await names(relay), ['bob'])
  await pass(relay, 3)
  t.deepEqual(await names(relay), [])
})

test('by a jump of the clock nothing goes for a day', async (t) => {
  const relay = await early(WANTED)
  await relay.add('bob', { key: 1 })
  await pass(relay, DAYS - 1)
  relay.clock.jump(3 * DAY)
  relay.clock.advance(DAY - HOUR)
  t.deepEqual(await names(relay), ['bob'])
  relay.clock.advance(2 * HOUR)
  t.deepEqual(await names(relay), [])
})

test('after a leap of more than a week the count begins anew, whether the clock comes back or not', async (t) => {
  for (const back of [0, -40 * DAY]) {
    const relay = await early(WANTED)
    const bob = await relay.add('bob', { key: 1 })
    await relay.store.records.put('sign-in', accountId(bob.acct), u32(1)) // 1970, by a wrong clock
    await pass(relay, DAYS - 1)
    relay.clock.jump(40 * DAY)
    await pass(relay, 2)
    relay.clock.jump(back)
    await pass(relay, DAYS - 1)
    t.deepEqual(await names(relay), ['bob'])
    await pass(relay, 4)
    t.deepEqual(await names(relay), [])
  }
})

test('a server that starts with a wrong clock, or after a long time off, deletes nobody for that', async (t) => {
  const before = await early(WANTED)
  await before.add('bob', { key: 1 })
  await pass(before, 2)
  await before.server.close()
  before.clock.jump(100 * DAY)
  const after = await startRelay({ ...WANTED, shared: before })
  await pass(after, DAYS)
  t.deepEqual(await names(after), ['bob'])
  await pass(after, 2)
  t.deepEqual(await names(after), [])
})

test('a day that is still to come was written by a wrong clock and keeps nobody', async (t) => {
  const relay = await early(WANTED)
  const bob = await relay.add('bob', { key: 1 })
  await relay.store.records.put('sign-in', accountId(bob.acct), u32(99_999))
  await pass(relay, DAYS)
  t.deepEqual(await names(relay), ['bob'])
  await pass(relay, 1)
  t.deepEqual(await names(relay), [])
})

test('sign-ins cost one write a day, also after a restart, and the operator sees the day', async (t) => {
  const puts: string[] = []
  const store = (inner: Store): Store => watched(inner, (id) => puts.push(id))
  const relay = await early({ store })
  const bob = await relay.add('bob', { key: 1 })
  const today = relay.clock.now() - HOUR
  for (let i = 0; i < 3; i++) await (await relay.login(bob)).leave()
  t.is(puts.length, 1)
  const again = await startRelay({ store, shared: relay })
  await (await again.login(bob)).leave()
  t.is(puts.length, 1)
  t.is((await relay.server.users.show('bob')).lastSignIn, today)
  t.is((await relay.server.users.list('', 1))[0]?.lastSignIn, today)
  await pass(relay, 1)
  await (await relay.login(bob)).leave()
  t.is(puts.length, 2)
  t.is((await relay.server.users.show('bob')).lastSignIn, today + DAY)
})

test('nobody is kept out because the day cannot be written', async (t) => {
  const relay = await startRelay({ store: (inner) => watched(inner, () => fail('E_DISK_FULL')) })
  const bob = await relay.add('bob', { key: 1 })
  await (await relay.login(bob)).leave()
  t.is((await relay.server.users.show('bob')).lastSignIn, null)
})

test('an account that cannot be deleted keeps no other one, and is tried again', async (t) => {
  let isBroken = true
  const store = (inner: Store): Store => ({
    ...inner,
    logs: Object.assign(Object.create(inner.logs) as Store['logs'], {
      drop: (id: string) => {
        if (isBroken) {
          isBroken = false
          return fail('E_STORE')
        }
        return inner.logs.drop(id)
      },
    }),
  })
  const relay = await early({ ...WANTED, store })
  await relay.add('bob', { key: 1 })
  await relay.add('carol', { key: 2 })
  await pass(relay, DAYS + 1)
  t.deepEqual(await names(relay), ['bob'])
  await pass(relay, 1)
  t.deepEqual(await names(relay), [])
})

/** `put` hears of every write of a day of sign-in before it is done. */
function watched(inner: Store, put: (id: string) => void): Store {
  const records = Object.assign(Object.create(inner.records) as Store['records'], {
    put: async (...args: Parameters<Store['records']['put']>) => {
      if (args[0] === 'sign-in') put(args[1])
      return inner.records.put(...args)
    },
  })
  return { ...inner, records }
}
