// Names by their beginning and who is online, over the wire: off unless the operator wants it, never before login, and of
// others only what they let be known (PROTOCOL 14.2).
import test from 'ava'

import { sha256 } from '../../lib/crypto/hash.ts'
import type { Username } from '../../lib/protocol/names.ts'
import type { Account } from '../../lib/server/account-record.ts'
import { Accounts } from '../../lib/server/accounts.ts'
import type { ServerConfig } from '../../lib/server/config.ts'
import { accountId } from '../../lib/server/ids.ts'
import type { Store } from '../../lib/storage/ports.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { person, T0 } from '../helpers/people.ts'
import {
  type Client,
  deviceLogin,
  type Member,
  type Relay,
  RELAY_SRV,
  settle,
  startRelay,
  VAULT,
} from '../helpers/relay.ts'
import { createMemoryStore } from '../../lib/storage/memory.ts'

const BOTH = { directory: 'yes', presence: 'yes' } as const

async function scene(config: Partial<ServerConfig> = BOTH): Promise<{
  relay: Relay
  alice: Member
  bob: Member
  a: Client
  b: Client
}> {
  const relay = await startRelay({ config })
  const alice = await relay.add('alice', { key: 0 })
  const bob = await relay.add('bob', { key: 1 })
  return { relay, alice, bob, a: await relay.login(alice), b: await relay.login(bob) }
}

/** Only what a search looks at. */
async function crowd(store: Store, names: readonly string[]): Promise<Accounts> {
  const accounts = new Accounts(store.records, new FakeClock())
  const { dl } = await person('template', { key: 2, srv: RELAY_SRV })
  for (const name of names) await accounts.create(account(name, dl))
  return accounts
}

function account(name: string, list: Account['list']): Account {
  return {
    ...{ acct: sha256(Buffer.from(name)), user: name as Username, renamed: [] },
    ...{ cid: Buffer.alloc(32), record: Buffer.alloc(192), vault: VAULT, list },
    ...{ created: T0, state: 'live' },
  }
}

function idOf(name: string): string {
  return accountId(sha256(Buffer.from(name)))
}

test('off: info offers neither, and every question is refused', async (t) => {
  const { alice, b } = await scene({})
  const info = await b.ok('info', {})
  t.is(info.dir, undefined)
  t.is(info.pres, undefined)
  t.deepEqual(await b.err('dir.find', { q: 'al' }), { c: 'E_STATE' })
  t.deepEqual(await b.err('dir.show', { on: true }), { c: 'E_STATE' })
  t.deepEqual(await b.err('dir.seen', { accts: [alice.acct] }), { c: 'E_STATE' })
})

test('one without the other; nothing before login', async (t) => {
  const names = await scene({ directory: 'yes' })
  t.like(await names.b.ok('info', {}), { dir: true, pres: undefined })
  t.deepEqual(await names.b.ok('dir.find', { q: 'al' }), { users: [names.alice.user] })
  t.deepEqual(await names.b.err('dir.show', { on: true }), { c: 'E_STATE' })
  const online = await scene({ presence: 'yes' })
  t.like(await online.b.ok('info', {}), { dir: undefined, pres: true })
  t.deepEqual(await online.b.err('dir.find', { q: 'al' }), { c: 'E_STATE' })
  const stranger = await names.relay.connect()
  t.deepEqual(await stranger.err('dir.find', { q: 'al' }), { c: 'E_STATE' })
  t.deepEqual(await stranger.err('dir.seen', { accts: [] }), { c: 'E_STATE' })
})

test('what no username begins with', async (t) => {
  const { b } = await scene()
  for (const q of ['', 'a', 'A', 'AL', '1a', 'a b', '.a', 'al%', 'a\u0000', 'älice', '*', '@al']) {
    t.deepEqual(await b.err('dir.find', { q }), { c: 'E_FORMAT' }, q)
  }
  t.deepEqual(await b.ok('dir.find', { q: 'zz' }), { users: [] })
  t.deepEqual(await b.ok('dir.find', { q: 'alice' }), { users: ['alice' as Username] })
  t.deepEqual(await b.ok('dir.find', { q: 'alice.' }), { users: [] })
  t.deepEqual(await b.ok('dir.find', { q: 'a'.repeat(32) }), { users: [] })
})

test('twenty names in order, and whether there are more', async (t) => {
  const { relay, b } = await scene()
  const many = Array.from({ length: 45 }, (_, i) => `ben${String(i + 10)}`)
  await crowd(relay.store, [...many].reverse())
  const all = await b.ok('dir.find', { q: 'be' })
  t.deepEqual(all.users as readonly string[], many.slice(0, 20))
  t.true(all.more)
  const some = await b.ok('dir.find', { q: 'ben5' })
  t.deepEqual(some.users as readonly string[], many.slice(40))
  t.is(some.more, undefined)
  const twenty = await b.ok('dir.find', { q: 'ben2' })
  t.is(twenty.users.length, 10)
})

test('former names, deleted and disabled accounts are never found; a name that came back is', async (t) => {
  const store = createMemoryStore({ clock: new FakeClock() })
  const accounts = await crowd(store, ['anna', 'anne', 'anton', 'andy'])
  const rename = (from: string, to: string): Promise<void> =>
    accounts.change(idOf(from), (a) => ({ ...a, user: to as Username }))
  await rename('anna', 'maria')
  await accounts.delete(idOf('anne'))
  await accounts.change(idOf('anton'), (a) => ({ ...a, state: 'disabled' }))
  t.deepEqual(await accounts.find('an', 20), ['andy' as Username])
  t.deepEqual(await accounts.find('anna', 20), [])
  t.deepEqual(await accounts.find('anton', 20), [])
  t.deepEqual(await accounts.find('ma', 20), ['maria' as Username])
  await rename('anna', 'anna')
  t.deepEqual(await accounts.find('an', 20), ['andy', 'anna'] as Username[])
  t.deepEqual(await accounts.find('ma', 20), [])
  t.true(await accounts.isNameTaken('maria' as Username))
  t.true(await accounts.isNameTaken('anne' as Username))
})

test('a search reads a bounded number of records, however many there are', async (t) => {
  const store = createMemoryStore({ clock: new FakeClock() })
  const accounts = await crowd(
    store,
    Array.from({ length: 400 }, (_, i) => `cat${String(i + 100)}`),
  )
  for (let i = 0; i < 300; i++) {
    await accounts.change(idOf(`cat${String(i + 100)}`), (a) => ({ ...a, state: 'disabled' }))
  }
  let reads = 0
  const { records } = store
  const counting = new Accounts(
    {
      ...records,
      getUnique: (...args) => {
        reads += 1
        return records.getUnique(...args)
      },
    },
    new FakeClock(),
  )
  t.deepEqual(await counting.find('ca', 21), [])
  t.true(reads <= 126, String(reads))
  reads = 0
  t.is((await counting.find('cat4', 21)).length, 21)
  t.true(reads <= 22, String(reads))
})

test('searches have a limit of their own, per account', async (t) => {
  const { relay, a, b } = await scene({ ...BOTH, directoryFindsPerMinute: 2 })
  for (let i = 0; i < 4; i++) await b.ok('dir.find', { q: 'al' })
  const refusal = await b.err('dir.find', { q: 'al' })
  t.is(refusal.c, 'E_RATE')
  t.true((refusal.after ?? 0) > 0)
  await a.ok('dir.find', { q: 'al' })
  relay.clock.advance(refusal.after ?? 0)
  await b.ok('dir.find', { q: 'al' })
})

test('only who shows itself is seen, and only by those who do', async (t) => {
  const { alice, bob, a, b } = await scene()
  const both = { accts: [alice.acct, bob.acct, Buffer.alloc(32, 9)] }
  t.deepEqual(await b.err('dir.seen', both), { c: 'E_STATE' })
  await b.ok('dir.show', { on: true })
  t.deepEqual((await b.ok('dir.seen', both)).on.map(Buffer.from), [Buffer.from(bob.acct)])
  await a.ok('dir.show', { on: true })
  t.is((await b.ok('dir.seen', both)).on.length, 2)
  await a.ok('dir.show', {})
  t.is((await b.ok('dir.seen', both)).on.length, 1)
  t.deepEqual(await a.err('dir.seen', both), { c: 'E_STATE' })
})

test('who leaves is not seen any more; a new connection is not shown before it says so', async (t) => {
  const { relay, alice, a, b } = await scene()
  const seen = async (): Promise<number> =>
    (await b.ok('dir.seen', { accts: [alice.acct] })).on.length
  await b.ok('dir.show', { on: true })
  await a.ok('dir.show', { on: true })
  t.is(await seen(), 1)
  await a.vanish()
  t.is(await seen(), 0)
  const again = await relay.login(alice)
  t.is(await seen(), 0)
  await again.ok('dir.show', { on: true })
  t.is(await seen(), 1)
  // a newer connection of the device takes over, and has not said so
  const newer = await relay.connect()
  await newer.ok('dev.login', await deviceLogin(newer, alice))
  t.is(await again.goodbye(), 'E_REPLACED')
  await settle()
  t.is(await seen(), 0)
})

test('questions who is online have a limit of their own', async (t) => {
  const { alice, b } = await scene({ ...BOTH, presencePerMinute: 1 })
  await b.ok('dir.show', { on: true })
  for (let i = 0; i < 2; i++) await b.ok('dir.seen', { accts: [alice.acct] })
  t.is((await b.err('dir.seen', { accts: [alice.acct] })).c, 'E_RATE')
})
