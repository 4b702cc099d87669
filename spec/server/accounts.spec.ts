// Accounts over the wire: registration in one transaction, password login that tells nothing about names, guess limits,
// key-file login, vault, password change, deletion (PROTOCOL 5.2, 5.3).
import test from 'ava'

import {
  createSetup,
  loginFinish,
  loginStart,
  opaqueReady,
  registrationFinish,
  registrationResponse,
  registrationStart,
} from '../../lib/crypto/opaque.ts'
import { solvePow } from '../../lib/channel/pow.ts'
import { sha256 } from '../../lib/crypto/hash.ts'
import { loginKeyId } from '../../lib/identity/device-list-body.ts'
import {
  keyLoginStatement,
  deletionStatement,
  registrationStatement,
} from '../../lib/identity/login-proof.ts'
import { encode } from '../../lib/protocol/cbor.ts'
import type { SignedDeviceList } from '../../lib/protocol/composites.ts'
import type { ReplyOf, RequestOf } from '../../lib/protocol/frames.ts'
import { LIMITS } from '../../lib/protocol/limits.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import { Accounts } from '../../lib/server/accounts.ts'
import { credentialId } from '../../lib/server/handlers/reg-start.ts'
import { Guesses } from '../../lib/server/guesses.ts'
import { accountId } from '../../lib/server/ids.ts'
import { NameClaims } from '../../lib/server/name-claims.ts'
import { createMemoryStore } from '../../lib/storage/memory.ts'
import type { Store } from '../../lib/storage/ports.ts'
import { SecureChatError } from '../../lib/util/errors.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { type Person, person } from '../helpers/people.ts'
import {
  type Client,
  deviceLogin,
  type Member,
  type MemberOptions,
  type Refused,
  type Relay,
  RELAY_SRV,
  settle,
  SpecStream,
  startRelay,
  VAULT,
  verdict,
} from '../helpers/relay.ts'
import { rsa3072 } from '../helpers/keys.ts'

const PASSWORD = 'tomato window 14 ladder'

/** Everything up to reg.fin, for a person and a connection; the record is one that was made before. */
async function prepare(
  client: Client,
  who: Person,
  invite?: string,
): Promise<RequestOf<'reg.fin'>> {
  const { message: req } = registrationStart(PASSWORD)
  const inv = invite === undefined ? {} : { inv: invite }
  await client.ok('reg.start', { user: who.user, req, ...inv })
  const statement = registrationStatement(client.connection.exporter, who, who.user)
  const pop = await who.aik.signAsync(statement)
  return { rec: RECORD, vault: VAULT, dl: who.dl, pop }
}

async function register(relay: Relay, who: Person): Promise<Client> {
  const client = await relay.connect()
  await client.ok('reg.fin', await prepare(client, who))
  return client
}

/** A whole password login; the connection then has its new keys. */
async function passwordLogin(
  client: Client,
  name: string,
  password: string,
): Promise<{ reply: ReplyOf<'login.fin'>; exportKey: Buffer }> {
  const start = loginStart(password)
  const { ke2 } = await client.ok('login.start', { user: parseUsername(name), ke1: start.message })
  const { ke3, sessionKey, exportKey } = loginFinish(start.state, ke2, password, RELAY_SRV, 'code')
  const answer = client.ok('login.fin', { ke3 })
  client.connection.rebind(sessionKey)
  return { reply: await answer, exportKey }
}

function guess(client: Client, name: string): ReturnType<Client['ask']> {
  const { message } = loginStart('a wrong one')
  return client.ask('login.start', { user: parseUsername(name), ke1: message })
}

const alice = await person('alice', { key: 0, srv: RELAY_SRV })

// one real registration for all specs that only need an account with a password
await opaqueReady()
const SETUP = createSetup()
const CID = credentialId(SETUP, alice.user)

function passwordRecord(password: string): Buffer {
  const { message, state } = registrationStart(password)
  return registrationFinish(
    state,
    registrationResponse(SETUP, CID, message),
    password,
    RELAY_SRV,
    'code',
  ).record
}

const RECORD = passwordRecord(PASSWORD)
const LK = rsa3072(5)
const LK_ID = loginKeyId(LK.publicKey)
const ALICE: MemberOptions = {
  key: 0,
  body: { lks: [{ id: LK_ID, lk: LK.publicKey }] },
  credentials: { cid: CID, record: RECORD },
}

async function withAlice(): Promise<Relay & { readonly member: Member }> {
  const relay = await startRelay({ setup: SETUP })
  return { ...relay, member: await relay.add('alice', ALICE) }
}

async function keyLogin(client: Client, acct: Buffer): Promise<RequestOf<'lk.login'>> {
  const statement = keyLoginStatement(client.connection.exporter, { srv: RELAY_SRV, acct })
  return { acct, id: LK_ID, sig: await LK.signAsync(statement) }
}

test('register, log in with the password over new channel keys, then as the device', async (t) => {
  const relay = await startRelay()
  const first = await relay.connect()
  const fin = await prepare(first, alice)
  const start = registrationStart(PASSWORD)
  const { resp } = await first.ok('reg.start', { user: alice.user, req: start.message })
  const { record, exportKey } = registrationFinish(start.state, resp, PASSWORD, RELAY_SRV, 'code')
  t.deepEqual(await first.ok('reg.fin', { ...fin, rec: record }), {})
  t.deepEqual(await first.ok('dev.login', await deviceLogin(first, alice)), { mail: 0, n: 1 })

  const second = await relay.connect()
  const before = second.connection.exporter
  const { reply, exportKey: again } = await passwordLogin(second, 'alice', PASSWORD)
  t.deepEqual(again, exportKey)
  t.deepEqual(Buffer.from(reply.dl.b), Buffer.from(alice.dl.b))
  t.is(reply.vault.ver, 1)
  t.notDeepEqual(second.connection.exporter, before)
  t.like(await second.ok('vault.get', {}), { vault: { ver: 1 } })
  // the device key signs the new exporter
  t.like(await second.ok('dev.login', await deviceLogin(second, alice)), { n: 1 })
  t.is(await first.goodbye(), 'E_REPLACED')
})

test('wrong password and unknown user: the same frames, byte for byte in length and kind', async (t) => {
  const relay = await withAlice()
  const known = await relay.connect()
  const unknown = await relay.connect()
  const sizes = (client: Client): number[] => [...client.wire.writes.b]
  const before = [sizes(known).length, sizes(unknown).length]
  const answers = [await guess(known, 'alice'), await guess(unknown, 'nobody.here')]
  t.deepEqual(
    answers.map((answer) => Object.keys(answer).sort()),
    [
      ['ke2', 'r', 't'],
      ['ke2', 'r', 't'],
    ],
  )
  t.deepEqual(sizes(known).slice(before[0]), sizes(unknown).slice(before[1]))
  // an unknown name asked twice shows the same OPRF element for the same request, as a known one does
  for (const name of ['alice', 'nobody.here']) {
    const { message } = loginStart('whatever')
    const elements: string[] = []
    for (let k = 0; k < 2; k++) {
      const client = await relay.connect()
      const { ke2 } = await client.ok('login.start', { user: parseUsername(name), ke1: message })
      elements.push(Buffer.from(ke2.subarray(0, 32)).toString('hex'))
    }
    t.is(elements[0], elements[1])
  }
  // and a KE3 for either ends the connection in the same way
  for (const client of [known, unknown]) {
    void client.ask('login.fin', { ke3: Buffer.alloc(64, 1) })
    t.is(await client.goodbye(), 'E_AUTH')
  }
})

test('registering a name later does not change the element that its guessers saw', async (t) => {
  const relay = await startRelay()
  const { message } = loginStart('whatever')
  const element = async (): Promise<string> => {
    const client = await relay.connect()
    const { ke2 } = await client.ok('login.start', { user: parseUsername('alice'), ke1: message })
    return Buffer.from(ke2.subarray(0, 32)).toString('hex')
  }
  const before = await element()
  await register(relay, alice)
  t.is(await element(), before)
})

test('three wrong logins on one connection end it with a reason', async (t) => {
  const relay = await startRelay()
  // told at once when a fourth is tried
  const eager = await relay.connect()
  for (let k = 0; k < 3; k++) t.is(verdict(await guess(eager, 'alice')), 'ok')
  void guess(eager, 'alice')
  t.is(await eager.goodbye(), 'E_AUTH')
  // and after a silence that only a wrong password explains
  const silent = await relay.connect('198.51.100.7:1')
  for (let k = 0; k < 3; k++) await guess(silent, 'alice')
  t.is(silent.bye, null)
  relay.clock.advance(10_000)
  t.is(await silent.goodbye(), 'E_AUTH')
  // device keys as well
  const device = await relay.connect()
  const wrong = await deviceLogin(device, alice)
  t.like(await device.err('dev.login', wrong), { c: 'E_AUTH' })
  t.like(await device.err('dev.login', wrong), { c: 'E_AUTH' })
  void device.ask('dev.login', wrong)
  t.is(await device.goodbye(), 'E_AUTH')
})

test('guessing a name is free five times, then costs time; other addresses are not locked out', async (t) => {
  const relay = await startRelay()
  const attempt = async (from: string): Promise<string | Refused> => {
    const client = await relay.connect(from)
    const answer = await guess(client, 'alice')
    await client.vanish()
    return answer.t === 'ok' ? 'ok' : `${answer.c} ${answer.after ?? 0}`
  }
  const here = '192.0.2.1:1'
  for (let k = 0; k < 5; k++) t.is(await attempt(here), 'ok')
  t.is(await attempt(here), 'E_RATE 1000')
  t.is(await attempt('192.0.2.2:1'), 'ok')
  relay.clock.advance(1000)
  t.is(await attempt(here), 'ok')
  t.is(await attempt(here), 'E_RATE 2000')
  relay.clock.advance(2000)
  t.is(await attempt(here), 'ok')
  t.is(await attempt(here), 'E_RATE 4000')
})

test('the right password clears the count of its address', async (t) => {
  const relay = await withAlice()
  for (let k = 0; k < 4; k++) await guess(await relay.connect(), 'alice')
  await passwordLogin(await relay.connect(), 'alice', PASSWORD)
  for (let k = 0; k < 4; k++) await guess(await relay.connect(), 'alice')
  t.is(verdict(await guess(await relay.connect(), 'alice')), 'ok')
})

test('a name under attack from everywhere costs a puzzle, not a lock-out', (t) => {
  const guesses = new Guesses()
  for (let k = 0; k < 100; k++) guesses.count('alice', `10.0.0.${k}`, 0)
  t.true(guesses.needsPuzzle('alice', 0))
  t.is(guesses.wait('alice', '192.0.2.1', 0), 0)
  t.false(guesses.needsPuzzle('bob', 0))
  t.false(guesses.needsPuzzle('alice', 25 * 3_600_000))
})

test('two connections register one name at once: one account, and the loser is told', async (t) => {
  const relay = await startRelay()
  const names = await Promise.all([1, 2].map((key) => person('carol', { key, srv: RELAY_SRV })))
  const clients = await Promise.all(names.map(() => relay.connect()))
  const halves = await Promise.all(names.map((who, k) => prepare(clients[k] as Client, who)))
  const results = await Promise.all(
    halves.map((half, k) => (clients[k] as Client).ask('reg.fin', half)),
  )
  t.deepEqual(results.map(verdict).sort(), ['E_TAKEN', 'ok'])
  const winner = results.findIndex((answer) => answer.t === 'ok')
  const client = await relay.connect()
  const asked = await deviceLogin(client, names[winner] as Person)
  t.like(await client.ok('dev.login', asked), { n: 1 })
  t.like(
    await (
      await relay.connect()
    ).err('reg.start', { user: parseUsername('carol'), req: registrationStart('x').message }),
    { c: 'E_TAKEN' },
  )
})

test('a registration proves its keys for this name and this connection', async (t) => {
  const relay = await startRelay()
  const client = await relay.connect()
  const fin = await prepare(client, alice)
  const bob = await person('bob', { key: 1, srv: RELAY_SRV })
  const stranger = await person('alice', { key: 2, srv: sha256(Buffer.from('another server')) })
  const cases: [string, Partial<RequestOf<'reg.fin'>>, string][] = [
    ['the list of somebody else', { dl: bob.dl }, 'E_AUTH'],
    ['the list of another server', { dl: stranger.dl }, 'E_AUTH'],
    ['a proof by another key', { pop: await bob.aik.signAsync(Buffer.from('x')) }, 'E_AUTH'],
    ['a vault that is not the first', { vault: { ...VAULT, ver: 2 } }, 'E_FORMAT'],
  ]
  for (const [what, change, code] of cases) {
    const one = await relay.connect()
    const start = registrationStart(PASSWORD)
    await one.ok('reg.start', { user: alice.user, req: start.message })
    const statement = registrationStatement(one.connection.exporter, alice, alice.user)
    const pop = await alice.aik.signAsync(statement)
    t.like(await one.err('reg.fin', { ...fin, pop, ...change }), { c: code }, what)
  }
  // the proof is bound to its connection, and a ceremony is used once
  const other = await relay.connect()
  t.like(await other.err('reg.fin', fin), { c: 'E_STATE' })
  t.deepEqual(await client.ok('reg.fin', fin), {})
  t.like(await client.err('reg.fin', fin), { c: 'E_STATE' })
})

test('an account id is used once, too, and no name is lost with it', async (t) => {
  const relay = await startRelay()
  await register(relay, alice)
  const alias = await person('alias', { key: 0, srv: RELAY_SRV })
  const client = await relay.connect()
  const fin = await prepare(client, alias)
  t.like(await client.err('reg.fin', fin), { c: 'E_TAKEN' })
  const other = await person('alias', { key: 3, srv: RELAY_SRV })
  await t.notThrowsAsync(register(relay, other))
})

test('registration policy: closed, by invitation, with an address, with a puzzle, few a day', async (t) => {
  const user = parseUsername('dave')
  const req = registrationStart('x').message
  const closed = await startRelay({ config: { registration: 'closed' } })
  t.like(await (await closed.connect()).ok('info', {}), { reg: 'closed', email: 'no', pow: 0 })
  t.like(await (await closed.connect()).err('reg.start', { user, req }), { c: 'E_STATE' })

  const invited = await startRelay({ config: { registration: 'invite' } })
  const { code } = await invited.server.invites.create(1, invited.clock.now() + 1000)
  t.like(await (await invited.connect()).err('reg.start', { user, req }), { c: 'E_AUTH' })
  t.like(await (await invited.connect()).err('reg.start', { user, req, inv: 'no' }), {
    c: 'E_AUTH',
  })
  const client = await invited.connect()
  const fin = await prepare(client, alice, code)
  t.deepEqual(await client.ok('reg.fin', fin), {})
  t.like(await (await invited.connect()).err('reg.start', { user, req, inv: code }), {
    c: 'E_AUTH',
  })

  const named = await startRelay({ config: { email: 'required' } })
  const one = await named.connect()
  const half = await prepare(one, alice)
  t.like(await one.err('reg.fin', half), { c: 'E_FORMAT' })

  const costly = await startRelay({ config: { registrationPuzzleBits: 8 } })
  const two = await costly.connect()
  const refused = await two.err('reg.start', { user, req })
  t.like(refused, { c: 'E_POW', w: 8 })
  const seed = refused.seed ?? Buffer.alloc(16)
  const pow = await solvePow(seed, 8, { pause: () => settle(1), check: () => undefined })
  t.is(verdict(await two.ask('reg.start', { user, req, pow, seed })), 'ok')
  t.like(
    await two.err('reg.start', { user, req, pow, seed }),
    { c: 'E_POW' },
    'good for one request',
  )

  const few = await startRelay({ config: { registrationsPerDay: 1 } })
  await register(few, alice)
  const late = await few.connect()
  const bob = await prepare(late, await person('bob', { key: 1, srv: RELAY_SRV }))
  t.like(await late.err('reg.fin', bob), { c: 'E_RATE' })
})

test('the key file opens the vault, and only the account it belongs to', async (t) => {
  const relay = await withAlice()
  const bob = await relay.add('bob', { key: 1 })
  const client = await relay.connect()
  t.like(await client.err('lk.login', await keyLogin(client, bob.acct)), { c: 'E_AUTH' })
  const reply = await client.ok('lk.login', await keyLogin(client, alice.acct))
  t.deepEqual(Buffer.from(reply.dl.b), Buffer.from(relay.member.dl.b))
  t.like(await client.ok('vault.get', {}), { vault: { ver: 1 } })
  // it is no password: it changes none
  await client.ok('pw.start', { req: registrationStart('new').message })
  t.like(await client.err('pw.fin', { rec: Buffer.alloc(192), vault: { ...VAULT, ver: 2 } }), {
    c: 'E_STATE',
  })
})

test('the vault moves by compare-and-swap, and repeating a request is safe', async (t) => {
  const relay = await withAlice()
  const client = await relay.connect()
  await client.ok('lk.login', await keyLogin(client, alice.acct))
  const next = { ...VAULT, ver: 2, body: Buffer.alloc(512, 9) }
  t.deepEqual(await client.ok('vault.put', { vault: next }), {})
  t.deepEqual(await client.ok('vault.put', { vault: next }), {})
  t.deepEqual(await client.err('vault.put', { vault: { ...next, body: VAULT.body } }), {
    c: 'E_CAS',
    n: 2,
  })
  t.deepEqual(await client.err('vault.put', { vault: { ...next, ver: 4 } }), { c: 'E_CAS', n: 2 })
  t.like(await client.ok('vault.get', {}), { vault: { ver: 2 } })
})

test('a password change takes effect with its vault, soon after the old password', async (t) => {
  const relay = await withAlice()
  const client = await relay.connect()
  await passwordLogin(client, 'alice', PASSWORD)
  const start = registrationStart('the new one')
  const { resp } = await client.ok('pw.start', { req: start.message })
  const { record } = registrationFinish(start.state, resp, 'the new one', RELAY_SRV, 'code')
  const change = { rec: record, vault: { ...VAULT, ver: 2 } }
  t.deepEqual(await client.err('pw.fin', { ...change, vault: VAULT }), { c: 'E_CAS', n: 1 })
  const thief = await relay.connect()
  await passwordLogin(thief, 'alice', PASSWORD)
  const device = await relay.login(relay.member)
  await device.ok('lk.login', await keyLogin(device, alice.acct))
  t.deepEqual(await client.ok('pw.fin', change), {})
  t.is(await thief.goodbye(), 'E_AUTH', 'whoever was in with the old password')
  t.like(await device.err('vault.get', {}), { c: 'E_STATE' })
  await device.ok('ping', {})
  t.like(await client.ok('vault.get', {}), { vault: { ver: 2 } })

  const again = await relay.connect()
  const { reply } = await passwordLogin(again, 'alice', 'the new one')
  t.is(reply.vault.ver, 2)
  await t.throwsAsync(passwordLogin(await relay.connect(), 'alice', PASSWORD))
  await again.ok('pw.start', { req: start.message })
  for (let k = 0; k < 11; k++) {
    relay.clock.advance(60_000)
    await again.ok('ping', {})
  }
  t.like(await again.err('pw.fin', { ...change, vault: { ...VAULT, ver: 3 } }), { c: 'E_AUTH' })
})

test('a deleted account is gone with all it had; id and name stay reserved', async (t) => {
  const relay = await withAlice()
  const bob = await relay.add('bob', { key: 1 })
  const device = await relay.login(relay.member)
  await device.ok('blob.put', { name: 'blocks', ver: 1, e: 0, d: Buffer.alloc(80) })
  await device.ok('hist.put', { e: 0, seq: 0, d: Buffer.alloc(80) })
  const client = await relay.connect()
  await client.ok('lk.login', await keyLogin(client, alice.acct))
  t.like(await client.err('acct.del', { sig: Buffer.alloc(384) }), { c: 'E_AUTH' })
  const statement = deletionStatement(client.connection.exporter, alice)
  const sig = await alice.aik.signAsync(statement)
  t.deepEqual(await client.ok('acct.del', { sig }), {})
  t.is(await device.goodbye(), 'E_NO_DEVICE')
  t.is(await client.goodbye(), '')

  const later = await relay.connect()
  t.like(await later.err('dev.login', await deviceLogin(later, alice)), { c: 'E_AUTH' })
  const req = registrationStart('x').message
  t.like(await later.err('reg.start', { user: alice.user, req }), { c: 'E_TAKEN' })
  const b = await relay.login(bob)
  t.like(await b.err('dir.get', { user: alice.user }), { c: 'E_NOT_FOUND' })
  t.like(await b.err('dir.get', { acct: alice.acct }), { c: 'E_NOT_FOUND' })
  const stream = new SpecStream(b, bob, [relay.member])
  t.is(verdict(await stream.open()), 'E_NO_DEVICE')
})

test('the whole server begins so many ceremonies, and asks for puzzles before', async (t) => {
  const relay = await startRelay({ config: { ceremoniesPerSecond: 1 } })
  const client = await relay.connect()
  const { message: req } = registrationStart('x')
  const user = parseUsername('alice')
  for (let k = 0; k < 2; k++) await client.ok('reg.start', { user, req })
  const answers: string[] = []
  for (let k = 0; k < 3; k++) {
    const { c, w, seed = Buffer.alloc(16) } = await client.err('reg.start', { user, req })
    t.deepEqual([c, w], ['E_POW', 16])
    const pow = await solvePow(seed, 16, { pause: () => settle(1), check: () => undefined })
    answers.push(verdict(await client.ask('reg.start', { user, req, pow, seed })))
  }
  t.deepEqual(answers, ['ok', 'ok', 'E_BUSY'])
  relay.clock.advance(2000)
  await client.ok('reg.start', { user, req })
})

test('replaced lists are kept, but not for ever', async (t) => {
  const clock = new FakeClock()
  const { records } = createMemoryStore({ clock })
  const accounts = new Accounts(records, clock)
  const { acct, user, dl } = await person('alice', { srv: RELAY_SRV, key: 0 })
  const version = (n: number): SignedDeviceList => ({ ...dl, b: encode({ n }) })
  const rest = { record: Buffer.alloc(192), vault: VAULT, created: 0, state: 'live' } as const
  await accounts.create({
    ...{ acct, user, renamed: [], cid: Buffer.alloc(32) },
    ...{ ...rest, list: version(1) },
  })
  const id = accountId(acct)
  const last = LIMITS.replacedLists + 5
  for (let n = 2; n <= last; n++) {
    await accounts.change(id, (account) => ({ ...account, list: version(n) }))
  }
  const kept = await accounts.replacedLists(id, 0, last)
  t.is(kept.length, LIMITS.replacedLists)
  t.deepEqual(kept.at(-1)?.b, new Uint8Array(encode({ n: last - 1 })))
})

test('a store that fails during registration says so, and the same request works later', async (t) => {
  let broken = true
  const store = (inner: Store): Store => ({
    ...inner,
    records: {
      ...inner.records,
      create: (kind, id, body, keys) =>
        broken && kind === 'account'
          ? Promise.reject(new SecureChatError('E_STORE', 'disk gone'))
          : inner.records.create(kind, id, body, keys),
    },
  })
  const relay = await startRelay({ store })
  const client = await relay.connect()
  const fin = await prepare(client, alice)
  t.like(await client.err('reg.fin', fin), { c: 'E_BUSY' })
  broken = false
  t.deepEqual(await client.ok('reg.fin', fin), {})
})

test('an interrupted registration does not keep a name for ever', async (t) => {
  const relay = await startRelay()
  const claims = new NameClaims(relay.store.records, () => Promise.resolve(false))
  await claims.claim(alice.user, 'an account that never came', relay.clock.now())
  const req = registrationStart('x').message
  const client = await relay.connect()
  t.like(await client.err('reg.start', { user: alice.user, req }), { c: 'E_TAKEN' })
  relay.clock.advance(60_000)
  await t.notThrowsAsync(register(relay, alice))
})
