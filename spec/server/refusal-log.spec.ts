// What the operator learns of those who were turned away: how many, why, and from which networks.
import test from 'ava'

import { probeServer } from '../../lib/channel/client-handshake.ts'
import { loginStart, registrationStart } from '../../lib/crypto/opaque.ts'
import { LIMITS } from '../../lib/protocol/limits.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import { RefusalLog } from '../../lib/server/refusal-log.ts'
import type { Log, LogFields } from '../../lib/util/log.ts'
import { silentLog } from '../../lib/util/log.ts'
import { memoryWire } from '../helpers/memory-duplex.ts'
import { type Client, deviceLogin, RELAY_SRV, settle, startRelay } from '../helpers/relay.ts'

interface Kept extends Log {
  /** `event` with its fields, of warnings. */
  readonly lines: (readonly [string, LogFields])[]
}

function kept(): Kept {
  const lines: (readonly [string, LogFields])[] = []
  return {
    ...silentLog,
    lines,
    warn: (event, fields = {}) => {
      lines.push([event, fields])
    },
  }
}

function guess(client: Client, name = 'alice'): ReturnType<Client['ask']> {
  const { message } = loginStart('a wrong one')
  return client.ask('login.start', { user: parseUsername(name), ke1: message })
}

const REPORT_MS = LIMITS.reportEveryMs + 10_000

test('a password that was guessed wrong counts, however the guesser leaves', async (t) => {
  const relay = await startRelay()
  const failures = (): number => relay.server.stats().loginFailures
  const silent = await relay.connect()
  await guess(silent)
  t.is(failures(), 0, 'it may still be right')
  await silent.vanish()
  t.is(failures(), 1)
  const polite = await relay.connect()
  await guess(polite)
  await polite.leave()
  t.is(failures(), 2)
  const wrong = await relay.connect()
  await guess(wrong)
  void wrong.ask('login.fin', { ke3: Buffer.alloc(64, 1) })
  t.is(await wrong.goodbye(), 'E_AUTH')
  t.is(failures(), 3)
  const again = await relay.connect('198.51.100.7:1')
  for (let k = 0; k < 3; k++) await guess(again)
  relay.clock.advance(10_000)
  t.is(await again.goodbye(), 'E_AUTH')
  t.is(failures(), 6, 'each once')
})

test('who gets in as a device after a wrong password has still guessed once', async (t) => {
  const relay = await startRelay()
  const alice = await relay.add('alice', { key: 0 })
  const client = await relay.connect()
  await guess(client)
  await client.ok('dev.login', await deviceLogin(client, alice))
  t.is(relay.server.stats().loginFailures, 1)
  await client.leave()
  t.is(relay.server.stats().loginFailures, 1)
})

test('refusals by reason: guesses, speed, registrations, invitations, connections', async (t) => {
  const relay = await startRelay({ config: { registrationsPerDay: 1 } })
  const refused = (): object => relay.server.stats().refused
  for (let k = 0; k < 6; k++) {
    const client = await relay.connect()
    await guess(client)
    await client.vanish()
  }
  t.like(refused(), { guess: 1, rate: 0 })
  const eager = await relay.connect()
  for (let k = 0; k < 18; k++) await eager.ask('ping', {})
  t.like(refused(), { guess: 1, rate: 2 })
  const [user, { message: req }] = [parseUsername('bob'), registrationStart('x')]
  for (let k = 0; k < 11; k++) await (await relay.connect()).ask('reg.start', { user, req })
  t.like(refused(), { registration: 1, rate: 2 })

  const invited = await startRelay({ config: { registration: 'invite', maxClients: 1 } })
  const stranger = await invited.connect()
  await stranger.err('reg.start', { user, req, inv: 'no' })
  await invited.login(await invited.add('alice', { key: 0 }))
  t.is(await (await invited.connect()).goodbye(), 'E_BUSY')
  t.like(invited.server.stats().refused, { invitation: 1, full: 1, rate: 0 })
  await invited.server.close()
  t.is(await (await invited.connect()).goodbye(), 'E_BUSY')
  t.like(invited.server.stats().refused, { full: 1 }, 'closing is not full')
})

test('once a minute the log names the networks, and nobody else', async (t) => {
  const log = kept()
  const relay = await startRelay({ log, config: { maxClients: 1 } })
  await relay.login(await relay.add('alice', { key: 0 }))
  for (const from of ['203.0.113.7:1', '203.0.113.7:2', '[2001:db8::1]:1']) {
    await (await relay.connect(from)).goodbye()
  }
  t.deepEqual(log.lines, [])
  relay.clock.advance(REPORT_MS)
  t.deepEqual(log.lines.splice(0), [
    ['refused.full', { address: '203.0.113.7', count: 2 }],
    ['refused.full', { address: '2001:db8:0:0::/64', count: 1 }],
  ])
  relay.clock.advance(REPORT_MS)
  t.deepEqual(log.lines, [], 'all is told once')
  await relay.server.bans.add('203.0.113.7', 1, 0)
  await t.throwsAsync(relay.connect('203.0.113.7:3'))
  await settle()
  await relay.server.close()
  t.deepEqual(log.lines, [['refused.banned', { address: '203.0.113.7', count: 1 }]])
})

test('a crowd costs a few lines and bounded memory; the worst is named, whoever came in between', (t) => {
  const log = kept()
  const refusals = new RefusalLog({ log, now: 0 })
  const crowd = 10 * LIMITS.reportedNetworks
  for (let k = 0; k < crowd; k++) {
    refusals.note('login', `[2001:db8:0:${k.toString(16)}::1]:1`)
    if (k % 100 === 0) refusals.note('login', '203.0.113.7:1')
  }
  refusals.note('rate', '198.51.100.1:1')
  refusals.sweep(LIMITS.reportEveryMs - 1)
  t.deepEqual(log.lines, [])
  refusals.sweep(LIMITS.reportEveryMs)
  const logins = log.lines.filter(([event]) => event === 'refused.login')
  t.is(logins.length, LIMITS.reportedLines + 1)
  t.deepEqual(logins[0]?.[1], { address: '203.0.113.7', count: crowd / 100 })
  t.deepEqual(logins.at(-1)?.[1], { others: crowd - (LIMITS.reportedLines - 1) })
  t.is(log.lines.length, logins.length + 1, 'another reason has lines of its own')
  t.is(refusals.totals().login, crowd + crowd / 100)
})

test('who asks for the identity and hangs up has not tried to get in; garbage has', async (t) => {
  const { server, clock } = await startRelay()
  const curious = memoryWire()
  server.accept(curious.b, '203.0.113.7:1')
  await probeServer(curious.a, { clock, pin: RELAY_SRV })
  await settle()
  t.is(server.stats().handshakes, 0)
  t.is(server.stats().refused.handshake, 0)
  const rude = memoryWire()
  server.accept(rude.b, '203.0.113.7:2')
  rude.a.end('GET / HTTP/1.1\r\n')
  await settle()
  t.is(server.stats().refused.handshake, 1)
})
