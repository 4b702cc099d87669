// What the operator does to accounts and networks, as the people concerned meet it.
import test from 'ava'

import { parseRange } from '../../lib/channel/range.ts'
import { parseServerConfig } from '../../lib/server/config.ts'
import { Bans } from '../../lib/server/bans.ts'
import { deviceLogin, settle, SpecStream, startRelay, verdict } from '../helpers/relay.ts'

test('a disabled account: cut off with a reason, no login, mail kept; enabled again all is there', async (t) => {
  const relay = await startRelay()
  const [alice, bob] = [await relay.add('alice', { key: 0 }), await relay.add('bob', { key: 1 })]
  const [a, b] = [await relay.login(alice), await relay.login(bob)]
  const { users } = relay.server
  t.true(await users.disable('@Bob'))
  t.is(await b.goodbye(), 'E_AUTH')
  t.false(await users.disable('bob'), 'it was so already')
  const refused = await relay.connect()
  t.is((await refused.err('dev.login', await deviceLogin(refused, bob))).c, 'E_AUTH')
  t.is(a.bye, null)
  const details = await users.show('bob')
  t.like(details, { name: 'bob', state: 'disabled', devices: 1, connected: 0 })
  t.true(await users.enable('bob'))
  const again = await relay.login(bob)
  const stream = new SpecStream(a, alice, [bob])
  await stream.open()
  t.is(verdict(await stream.put()), 'ok')
  await again.until('mail')
  t.like(await users.show('bob'), { state: 'live', connected: 1, mails: 1 })
})

test('a deleted account leaves its name behind, and nothing else', async (t) => {
  const relay = await startRelay()
  const bob = await relay.add('bob', { key: 1 })
  const b = await relay.login(bob)
  await relay.server.users.delete('bob')
  t.is(await b.goodbye(), 'E_AUTH')
  await t.throwsAsync(relay.server.users.show('bob'), { code: 'E_NOT_FOUND' })
  await t.throwsAsync(relay.server.users.delete('bob'), { code: 'E_NOT_FOUND' })
  t.deepEqual(await relay.server.users.list('', 10), [])
  const stranger = await relay.connect()
  const req = Buffer.alloc(32, 1)
  t.is((await stranger.err('reg.start', { user: bob.user, req })).c, 'E_TAKEN')
})

test('users in the order of their names, page by page', async (t) => {
  const relay = await startRelay()
  const names = ['ab1', 'ab-x', 'aba', 'zed', 'm_m']
  for (const [key, name] of names.entries()) await relay.add(name, { key })
  const { users } = relay.server
  t.is(await users.count(), 5)
  const first = await users.list('', 2)
  t.deepEqual(
    first.map(({ name }) => name),
    ['ab-x', 'ab1'],
  )
  const rest = await users.list(first[1]?.name ?? '', 10)
  t.deepEqual(
    rest.map(({ name }) => name),
    ['aba', 'm_m', 'zed'],
  )
})

test('what is no name, or nobody', async (t) => {
  const { users } = (await startRelay()).server
  for (const none of ['no such name', 'nobody', 'a/b', '']) {
    await t.throwsAsync(users.show(none), { code: 'E_NOT_FOUND' }, none)
  }
  await t.throwsAsync(users.disable('nobody-here'), { code: 'E_NOT_FOUND' })
  await t.throwsAsync(users.resetLimits('nobody-here'), { code: 'E_NOT_FOUND' })
})

test('the id of an invitation can be typed after a command: it never looks like an option', async (t) => {
  const { invites } = (await startRelay()).server
  // one in 64 would begin with a dash
  for (let i = 0; i < 1500; i++) {
    const { id } = await invites.create(1, 1)
    if (id.startsWith('-')) t.fail(id)
  }
  const [first] = await invites.all()
  t.true(await invites.revoke(first?.id ?? ''))
})

test('limits that were used up are whole again', async (t) => {
  const relay = await startRelay({ config: { sendsPerSecond: 1, sendBurst: 2 } })
  const [alice, bob] = [await relay.add('alice', { key: 0 }), await relay.add('bob', { key: 1 })]
  const a = await relay.login(alice)
  const stream = new SpecStream(a, alice, [bob])
  await stream.open()
  for (let i = 0; i < 2; i++) t.is(verdict(await stream.put()), 'ok')
  t.is(verdict(await stream.put(2)), 'E_RATE')
  await relay.server.users.resetLimits('alice')
  t.is(verdict(await stream.put(2)), 'ok')
})

test('a banned network: no byte, no slot; what is connected goes; unbanned it is back', async (t) => {
  const relay = await startRelay()
  const bob = await relay.add('bob', { key: 1 })
  const { bans } = relay.server
  const near = await relay.login(bob, '203.0.113.9:4000')
  const far = await relay.connect('198.51.100.1:4000')
  t.is((await bans.add('203.0.113.77/24', 1, 0)).range, '203.0.113.0/24')
  t.is(relay.server.dropBanned(), 1)
  t.is(await near.goodbye(), 'E_RATE', 'the server is neither full nor going down')
  await t.throwsAsync(relay.connect('203.0.113.200:1'))
  t.is(relay.server.stats().refused.banned, 1)
  t.is(far.bye, null)
  t.true(await bans.remove('203.0.113.0/24'))
  t.false(await bans.remove('203.0.113.0/24'))
  await t.notThrowsAsync(relay.connect('203.0.113.200:1'))
  await settle()
})

test('bans outlive the process and end when they are to', async (t) => {
  const { store } = await startRelay()
  const first = new Bans(store.records)
  await first.add('2001:db8::/32', 1000, 5000)
  await first.add('192.0.2.1', 1000, 0)
  const second = new Bans(store.records)
  t.false(second.has('192.0.2.1:1', 2000))
  await second.load()
  t.true(second.has('192.0.2.1:1', 2000))
  t.true(second.has('[::ffff:192.0.2.1]:1', 2000))
  t.true(second.has('[2001:db8:1::9]:1', 4999))
  t.false(second.has('[2001:db8:1::9]:1', 5000))
  t.deepEqual(
    (await second.all(5000)).map(({ range }) => range),
    ['192.0.2.1/32'],
  )
  await t.throwsAsync(first.add('alice', 1, 0), { code: 'E_USAGE' })
})

const range = test.macro({
  exec: (t, text: string, expected: string | null) => {
    t.is(parseRange(text)?.text ?? null, expected)
  },
  title: (_, text: string) => `range ${text}`,
})
test(range, '203.0.113.7', '203.0.113.7/32')
test(range, '10.1.2.3/8', '10.0.0.0/8')
test(range, '0.0.0.0/0', '0.0.0.0/0')
test(range, '2001:DB8::1/64', '2001:db8::/64')
test(range, '::1', '::1/128')
test(range, '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8/128')
test(range, 'fe80::%eth0', null)
test(range, '203.0.113.7:80', null)
test(range, '203.0.113.256', null)
test(range, '203.0.113.7/33', null)
test(range, '01.2.3.4', null)
test(range, '1::2::3', null)
test(range, '', null)
test(range, 'alice', null)

test('a new configuration counts at once, and drops nobody', async (t) => {
  const relay = await startRelay({ config: { maxClients: 2 } })
  const bob = await relay.add('bob', { key: 1 })
  const b = await relay.login(bob)
  const config = { handshakesPerSecond: 0, maxClients: 2 }
  relay.server.reconfigure(parseServerConfig({ ...config, registration: 'closed', maxClients: 1 }))
  t.is(b.bye, null)
  const full = await relay.connect()
  t.is(await full.goodbye(), 'E_BUSY')
  t.is((await b.ok('info', {})).reg, 'closed')
  relay.server.reconfigure(parseServerConfig({ ...config, registration: 'open' }))
  const room = await relay.connect()
  t.is((await room.ok('info', {})).reg, 'open')
  await b.leave()
})
