// Key histories: who may follow whom, and every way to cheat about it.
import test from 'ava'

import { sha256 } from '../../lib/crypto/hash.ts'
import {
  checkSuccession,
  signSuccession,
  type SuccessionLabel,
} from '../../lib/identity/succession.ts'
import { fromHex } from '../../lib/util/bytes.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { SRV } from '../helpers/people.ts'
import { everyByteChanged, everyLength, everyNth, outcome, outcomes } from '../helpers/refusals.ts'
import { vectors } from '../helpers/vectors.ts'

const spki = (key: number) => rsa3072(key).publicKey.spki

/** A history through the given fixed keys. */
async function history(label: SuccessionLabel, bind: Buffer[], keys: number[]) {
  const origin = sha256(spki(keys[0] ?? 0))
  const sigs = []
  for (let j = 1; j < keys.length; j++) {
    const next = { label, bind, origin, j, spki: spki(keys[j] ?? 0) }
    sigs.push(await signSuccession(rsa3072(keys[j - 1] ?? 0), next))
  }
  return { origin, keys: keys.map(spki), sigs }
}

test('one to five account keys, one to four server keys', async (t) => {
  for (const [label, bind, max] of [
    ['aik-succ', [SRV], 5],
    ['server-succ', [], 4],
  ] as const) {
    for (let n = 1; n <= max + 1; n++) {
      const h = await history(label, [...bind], [0, 1, 2, 3, 4, 5].slice(0, n))
      const check = () => checkSuccession(label, bind, h.keys, h.sigs)
      if (n > max) t.is(outcome(check), 'E_IDENTITY')
      else {
        t.deepEqual(check().origin, h.origin)
        t.deepEqual(check().key.spki, spki(n - 1))
      }
    }
  }
})

test('the published history', (t) => {
  const dl = vectors.device_lists[2]
  if (dl === undefined) return t.fail()
  const srv = fromHex(vectors.ids.srv)
  const result = checkSuccession('aik-succ', [srv], dl.ik.map(fromHex), dl.ss.map(fromHex))
  t.is(result.origin.toString('hex'), vectors.ids.acct)
  t.deepEqual(result.key.spki, fromHex(dl.ik[1] ?? ''))
})

test('a history of nothing, of too many or too few signatures', async (t) => {
  const h = await history('aik-succ', [SRV], [0, 1])
  const check = (keys: Buffer[], sigs: Buffer[]) =>
    outcome(() => checkSuccession('aik-succ', [SRV], keys, sigs))
  t.is(check([], []), 'E_IDENTITY')
  t.is(check(h.keys, []), 'E_IDENTITY')
  t.is(check(h.keys, [...h.sigs, ...h.sigs]), 'E_IDENTITY')
  t.is(check(h.keys.slice(0, 1), h.sigs), 'E_IDENTITY')
  t.is(check([...h.keys].reverse(), h.sigs), 'E_IDENTITY')
})

test('a signature counts for its server, its place, its label and its next key only', async (t) => {
  const h = await history('aik-succ', [SRV], [0, 1, 2])
  const [k0, k1, k2] = h.keys
  if (k0 === undefined || k1 === undefined || k2 === undefined) return t.fail()
  const next = { label: 'aik-succ', bind: [SRV], origin: h.origin, j: 1, spki: k1 } as const
  const lie = async (change: Partial<Parameters<typeof signSuccession>[1]>, signer = 0) => {
    const sig = await signSuccession(rsa3072(signer), { ...next, ...change })
    return outcome(() => checkSuccession('aik-succ', [SRV], [k0, k1], [sig]))
  }
  t.is(await lie({}), 'accepted')
  t.is(await lie({ bind: [sha256(SRV)] }), 'E_IDENTITY')
  t.is(await lie({ bind: [] }), 'E_IDENTITY')
  t.is(await lie({ label: 'server-succ' }), 'E_IDENTITY')
  t.is(await lie({ origin: sha256(k1) }), 'E_IDENTITY')
  t.is(await lie({ j: 2 }), 'E_IDENTITY')
  t.is(await lie({ spki: k2 }), 'E_IDENTITY')
  t.is(await lie({}, 1), 'E_IDENTITY') // the new key signs itself in
})

test('any changed byte of a key or a signature', async (t) => {
  const h = await history('server-succ', [], [0, 1])
  const [first, second] = h.keys
  const [sig] = h.sigs
  if (first === undefined || second === undefined || sig === undefined) return t.fail()
  const step = everyNth(3)
  t.deepEqual(
    outcomes(everyByteChanged(sig, step), (s) =>
      checkSuccession('server-succ', [], [first, second], [s]),
    ),
    ['E_IDENTITY'],
  )
  t.deepEqual(
    outcomes(everyLength(sig, step), (s) =>
      checkSuccession('server-succ', [], [first, second], [s]),
    ),
    ['E_IDENTITY'],
  )
  for (const place of [0, 1]) {
    const spoil = function* () {
      for (const spoiled of everyByteChanged(h.keys[place] ?? Buffer.of(), step)) {
        yield h.keys.map((k, i) => (i === place ? spoiled : k))
      }
    }
    t.deepEqual(
      outcomes(spoil(), (keys) => checkSuccession('server-succ', [], keys, h.sigs)),
      ['E_IDENTITY'],
    )
  }
})

test('a key of another size', (t) => {
  t.is(
    outcome(() => checkSuccession('aik-succ', [SRV], [rsa2048(0).publicKey.spki], [])),
    'E_IDENTITY',
  )
})
