// What the server keeps for a device and cannot read: history batches and blobs (PROTOCOL 11, 14.2).
import test from 'ava'

import { loginKeyId } from '../../lib/identity/device-list-body.ts'
import { deletionStatement, keyLoginStatement } from '../../lib/identity/login-proof.ts'
import { Histories } from '../../lib/server/histories.ts'
import { accountId, historyLog } from '../../lib/server/ids.ts'
import { rsa3072 } from '../helpers/keys.ts'
import { type Client, type Member, type Relay, startRelay } from '../helpers/relay.ts'

const LK = rsa3072(5)
const LK_ID = loginKeyId(LK.publicKey)

async function scene(config = {}): Promise<{ relay: Relay; alice: Member; a: Client; b: Client }> {
  const relay = await startRelay({ config, logBytes: 100_000 })
  const alice = await relay.add('alice', { key: 0 })
  const bob = await relay.add('bob', { key: 1 })
  return { relay, alice, a: await relay.login(alice), b: await relay.login(bob) }
}

const batch = (k: number, size = 80): Buffer => Buffer.alloc(size, k)

test('history: appended in order, read in pages, repeated safely', async (t) => {
  const { alice, a } = await scene()
  t.deepEqual(await a.ok('hist.ls', {}), { devs: [] })
  for (let seq = 0; seq < 20; seq++) {
    t.deepEqual(await a.ok('hist.put', { e: 7, seq, d: batch(seq) }), {})
  }
  t.deepEqual(await a.ok('hist.put', { e: 7, seq: 19, d: batch(19) }), {}, 'the answer was lost')
  t.deepEqual(await a.err('hist.put', { e: 7, seq: 19, d: batch(1) }), { c: 'E_CAS', n: 20 })
  t.deepEqual(await a.err('hist.put', { e: 7, seq: 25, d: batch(1) }), { c: 'E_CAS', n: 20 })
  t.deepEqual(await a.err('hist.put', { e: 7, seq: 0, d: batch(0) }), { c: 'E_CAS', n: 20 })

  t.deepEqual(await a.ok('hist.ls', {}), { devs: [[new Uint8Array(alice.dev), 0, 19]] })
  const { rows } = await a.ok('hist.get', { dev: alice.dev, seq: 2 })
  t.deepEqual(
    rows.map(([seq, e, d]) => [seq, e, d[0]]),
    Array.from({ length: 16 }, (_, k) => [k + 2, 7, k + 2]),
  )
  t.deepEqual(await a.ok('hist.get', { dev: alice.dev, seq: 20 }), { rows: [] })
  t.deepEqual(await a.ok('hist.get', { dev: Buffer.alloc(8, 9), seq: 0 }), { rows: [] })
})

test('history: a page has at most 192 KiB, and a quota has an end', async (t) => {
  const { alice, a } = await scene()
  await a.ok('hist.put', { e: 0, seq: 0, d: batch(1, 60_000) })
  t.like(await a.err('hist.put', { e: 0, seq: 1, d: batch(1, 60_000) }), { c: 'E_TOO_BIG' })
  t.is((await a.ok('hist.get', { dev: alice.dev, seq: 0 })).rows.length, 1)
})

test('history: one quota for all devices an account ever had; it goes with the account', async (t) => {
  const relay = await startRelay({ config: { historyBytes: 2 ** 20 } })
  const alice = await relay.add('alice', {
    key: 0,
    body: { lks: [{ id: LK_ID, lk: LK.publicKey }] },
  })
  const a = await relay.login(alice)
  // devices that the list has forgotten
  const id = accountId(alice.acct)
  const old = Array.from({ length: 70 }, (_, k) => Buffer.alloc(8, k + 50))
  const { records, logs } = relay.store
  const before = new Histories({ records, logs, maxBytes: 2 ** 30 })
  for (const dev of old) await before.append(id, dev, 0, batch(1, 10_000))
  const one = { e: 0, seq: 0, d: batch(1, 40_000) }
  t.deepEqual(await a.ok('hist.put', one), {})
  t.like(await a.err('hist.put', { ...one, seq: 1 }), { c: 'E_TOO_BIG' })
  t.deepEqual(await a.ok('hist.put', one), {}, 'repeated')
  t.like(await a.err('hist.put', { ...one, d: batch(2) }), { c: 'E_CAS', n: 1 })
  const { devs } = await a.ok('hist.ls', {})
  t.is(devs.length, 64)
  t.deepEqual(devs[0], [new Uint8Array(alice.dev), 0, 0])

  const owner = await relay.connect()
  const proof = keyLoginStatement(owner.connection.exporter, alice)
  await owner.ok('lk.login', { acct: alice.acct, id: LK_ID, sig: await LK.signAsync(proof) })
  const sig = await alice.aik.signAsync(deletionStatement(owner.connection.exporter, alice))
  await owner.ok('acct.del', { sig })
  t.deepEqual(await before.devices(id), [])
  for (const dev of [...old, alice.dev]) t.is((await logs.head(historyLog(id, dev))).next, 0)
})

test("history is the account's own", async (t) => {
  const { alice, a, b } = await scene()
  await a.ok('hist.put', { e: 0, seq: 0, d: batch(1) })
  t.deepEqual(await b.ok('hist.get', { dev: alice.dev, seq: 0 }), { rows: [] })
  t.deepEqual(await b.ok('hist.ls', {}), { devs: [] })
})

test("blobs: compare-and-swap on the version, repeated safely, the account's own", async (t) => {
  const { a, b } = await scene()
  const put = { name: 'blocks', ver: 1, e: 3, d: batch(1) }
  t.deepEqual(await a.ok('blob.get', { name: 'blocks' }), { ver: 0 })
  t.deepEqual(await a.err('blob.put', { ...put, ver: 2 }), { c: 'E_CAS', n: 0 })
  t.deepEqual(await a.ok('blob.put', put), {})
  t.deepEqual(await a.ok('blob.put', put), {})
  t.deepEqual(await a.err('blob.put', { ...put, d: batch(2) }), { c: 'E_CAS', n: 1 })
  t.deepEqual(await a.ok('blob.put', { ...put, ver: 2, d: batch(2) }), {})
  t.deepEqual(await a.ok('blob.get', { name: 'blocks' }), {
    ver: 2,
    e: 3,
    d: new Uint8Array(batch(2)),
  })
  t.deepEqual(await b.ok('blob.get', { name: 'blocks' }), { ver: 0 })
  t.deepEqual(await a.ok('blob.put', { ...put, name: 'contacts', d: batch(1, 65_536) }), {})
  t.like(await a.ok('blob.get', { name: 'contacts' }), { ver: 1 })
})

test('blobs: two writers at once, one wins', async (t) => {
  const { a } = await scene()
  const answers = await Promise.all(
    [1, 2].map((k) => a.ask('blob.put', { name: 'x', ver: 1, e: 0, d: batch(k) })),
  )
  t.deepEqual(answers.map((x) => (x.t === 'err' ? x.c : 'ok')).sort(), ['E_CAS', 'ok'])
})

test('blobs: any name, a limited number', async (t) => {
  const { a } = await scene({ blobsPerAccount: 4 })
  for (const name of ['', '__proto__', 'a.b/../c', '\u2028\u{1f600}']) {
    t.deepEqual(await a.ok('blob.put', { name, ver: 1, e: 0, d: batch(1) }), {})
    t.like(await a.ok('blob.get', { name }), { ver: 1 })
  }
  t.like(await a.err('blob.put', { name: 'fifth', ver: 1, e: 0, d: batch(1) }), { c: 'E_TOO_BIG' })
  t.deepEqual(await a.ok('blob.put', { name: '', ver: 2, e: 0, d: batch(1) }), {})
})
