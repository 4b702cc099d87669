// Device lists: what a client believes, what it refuses and with which code (PROTOCOL 5.4, in its order).
import test from 'ava'
import fc from 'fast-check'

import { ctx } from '../../lib/crypto/ctx.ts'
import { sha256 } from '../../lib/crypto/hash.ts'
import type { DeviceList } from '../../lib/identity/device-list-body.ts'
import {
  nextDeviceList,
  renamed,
  withDevice,
  withoutDevice,
} from '../../lib/identity/device-list-edit.ts'
import {
  signDeviceList,
  verifyDeviceList,
  verifyDeviceListAsync,
  type VerifiedDeviceList,
} from '../../lib/identity/device-list.ts'
import { setVerified } from '../../lib/identity/pin.ts'
import { signSuccession } from '../../lib/identity/succession.ts'
import { decodeCanonical, encode } from '../../lib/protocol/cbor.ts'
import type { SignedDeviceList } from '../../lib/protocol/composites.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import { equal, fromHex, hex } from '../../lib/util/bytes.ts'
import { rsa2048, rsa3072 } from '../helpers/keys.ts'
import { person, SRV, T0 } from '../helpers/people.ts'
import {
  everyByteChanged,
  everyLength,
  everyNth,
  outcome,
  outcomeAsync,
  outcomes,
  runs,
} from '../helpers/refusals.ts'
import { vectors } from '../helpers/vectors.ts'

const alice = await person('alice', { key: 0 })
const mallory = await person('mallory', { key: 3 })
const want = { srv: SRV, acct: alice.acct }
const one = alice.verified
const second = { id: Buffer.alloc(8, 0x22), dsk: rsa2048(8).publicKey, ts: T0 + 1 }

const sign = (body: DeviceList) => signDeviceList(alice.aik, body)
const code = (dl: SignedDeviceList, pin = one.pin) => outcome(() => verifyDeviceList(pin, want, dl))
const atFirst = (dl: SignedDeviceList) => outcome(() => verifyDeviceList(undefined, want, dl))

/** A list with any content at all, honestly signed. */
function honest(value: unknown): SignedDeviceList {
  const b = encode(value)
  return { b, s: alice.aik.sign(ctx('devices', b)), ik: [alice.aik.publicKey.spki], ss: [] }
}

async function succeed(j: number, from: number, to: number): Promise<Buffer> {
  const next = { origin: alice.acct, j, spki: rsa3072(to).publicKey.spki }
  return signSuccession(rsa3072(from), { label: 'aik-succ', bind: [SRV], ...next })
}

test('the published lists: first, renamed, succeeded', (t) => {
  const srv = fromHex(vectors.ids.srv)
  const acct = fromHex(vectors.ids.acct)
  let pin: VerifiedDeviceList['pin'] | undefined
  for (const v of vectors.device_lists) {
    const dl = { b: fromHex(v.b), s: fromHex(v.s), ik: v.ik.map(fromHex), ss: v.ss.map(fromHex) }
    const result = verifyDeviceList(pin, { srv, acct }, dl)
    t.deepEqual(
      result.events.map((e) => e.kind as string),
      v.events,
    )
    t.deepEqual(result.pin.h, fromHex(v.hash))
    pin = result.pin
  }
  t.deepEqual(pin?.former, [parseUsername('alice')])
  t.is(pin?.unconfirmed, true)
})

test('any changed byte, shorter or longer', (t) => {
  const { b, s, ik, ss } = alice.dl
  const step = everyNth(2)
  const refuses = (codes: string[], list: Iterable<SignedDeviceList>) => {
    t.deepEqual(
      outcomes(list, (dl) => verifyDeviceList(undefined, want, dl)),
      codes as never,
    )
  }
  refuses(
    ['E_SIG'],
    [...everyByteChanged(b, step), ...everyLength(b, 5)].map((x) => ({ b: x, s, ik, ss })),
  )
  refuses(
    ['E_SIG'],
    [...everyByteChanged(s, step), ...everyLength(s, 5)].map((x) => ({ b, s: x, ik, ss })),
  )
  refuses(
    ['E_IDENTITY'],
    [...everyByteChanged(alice.aik.publicKey.spki, step)].map((x) => ({ b, s, ik: [x], ss })),
  )
  refuses(['E_IDENTITY'], [{ b, s, ik: [], ss }])
})

test('swapped for another account, another name, another server', (t) => {
  t.is(
    outcome(() => verifyDeviceList(undefined, want, mallory.dl)),
    'E_IDENTITY',
  )
  t.is(code(mallory.dl), 'E_IDENTITY')
  const asked = { srv: SRV, user: alice.user }
  t.is(
    outcome(() => verifyDeviceList(undefined, asked, mallory.dl)),
    'E_BINDING',
  )
  t.is(
    outcome(() => verifyDeviceList(undefined, { ...want, srv: sha256(SRV) }, alice.dl)),
    'E_BINDING',
  )
})

test('a stranger signs in the name of the account', async (t) => {
  const forged = await signDeviceList(mallory.aik, alice.body)
  t.is(
    outcome(() => verifyDeviceList(undefined, { srv: SRV, user: alice.user }, forged)),
    'E_BINDING',
  )
  t.is(code({ ...forged, ik: alice.dl.ik }), 'E_SIG')
})

test('rollback, fork, gap', async (t) => {
  const dl2 = await sign(withDevice(one, second))
  const two = verifyDeviceList(one.pin, want, dl2)
  const dl3 = await sign(renamed(two, parseUsername('alicia'), T0 + 3))
  const three = verifyDeviceList(two.pin, want, dl3)
  t.is(code(alice.dl, two.pin), 'E_ROLLBACK')
  t.is(code(dl2, three.pin), 'E_ROLLBACK')
  t.is(code(dl3, one.pin), 'E_GAP')
  t.is(atFirst(dl3), 'accepted') // first contact may be at any number
  t.is(code(await sign({ ...two.list, ts: T0 + 9 }), two.pin), 'E_FORK') // same n, other list
  t.is(code(await sign({ ...three.list, prev: one.pin.h }), two.pin), 'E_FORK') // broken link
  t.is(code(dl2, two.pin), 'accepted') // the same again
})

test('events: devices, name', async (t) => {
  const events = ({ events: list }: VerifiedDeviceList) =>
    list.map((e) => ('dev' in e ? { ...e, dev: hex(e.dev) } : e))
  const two = verifyDeviceList(one.pin, want, await sign(withDevice(one, second)))
  t.deepEqual(events(two), [{ kind: 'device-added', dev: hex(second.id) }])
  const gone = withoutDevice(two, alice.dev, T0 + 5, { vv: 2, re: 1 })
  const three = verifyDeviceList(two.pin, want, await sign(gone))
  t.deepEqual(events(three), [{ kind: 'device-removed', dev: hex(alice.dev) }])
  t.deepEqual(
    three.list.gone.map(([id, at]) => [hex(id), at]),
    [[hex(alice.dev), T0 + 5]],
  )
  t.is(three.list.re, 1)
  const alicia = parseUsername('alicia')
  const four = verifyDeviceList(three.pin, want, await sign(renamed(three, alicia, T0 + 6)))
  t.deepEqual(events(four), [{ kind: 'renamed', from: alice.user, to: alicia }])
  const five = verifyDeviceList(four.pin, want, await sign(renamed(four, alice.user, T0 + 7)))
  t.deepEqual(five.pin.former, [alice.user, alicia])
  t.is(five.pin.verified, false)
})

test('a device that comes back under its id with another key is another device', async (t) => {
  const swapped = nextDeviceList(one, T0 + 2, { devs: [{ ...second, id: alice.dev }] })
  const { events } = verifyDeviceList(one.pin, want, await sign(swapped))
  t.deepEqual(
    events.map((e) => e.kind),
    ['device-removed', 'device-added'],
  )
})

test('succession: same account, an event, no longer verified', async (t) => {
  const pin = setVerified(one.pin, true)
  const aik = rsa3072(1)
  const keys = [alice.aik.publicKey.spki, aik.publicKey.spki]
  const body = nextDeviceList(one, T0 + 2, {})
  const dl = await signDeviceList(aik, body, keys, [await succeed(1, 0, 1)])
  const result = verifyDeviceList(pin, want, dl)
  t.deepEqual(result.events, [{ kind: 'succeeded' }])
  t.deepEqual(result.aik.spki, aik.publicKey.spki)
  t.true(equal(result.pin.acct, alice.acct))
  t.is(result.pin.verified, false)
  t.is(result.pin.unconfirmed, true)

  // the old key alone can no longer speak
  t.is(code(await sign(nextDeviceList(result, T0 + 3, {})), result.pin), 'E_ROLLBACK')
  // nor can it appoint somebody else
  const thief = rsa3072(2)
  const otherKeys = [alice.aik.publicKey.spki, thief.publicKey.spki]
  const other = await signDeviceList(thief, nextDeviceList(result, T0 + 3, {}), otherKeys, [
    await succeed(1, 0, 2),
  ])
  t.is(code(other, result.pin), 'E_FORK')
  // and nobody appoints himself
  const self = await signDeviceList(thief, body, otherKeys, [await succeed(1, 2, 2)])
  t.is(code(self, pin), 'E_IDENTITY')
  // a new signature under the same list is a succession as well
  const resigned = await signDeviceList(aik, one.list, keys, [await succeed(1, 0, 1)])
  t.deepEqual(verifyDeviceList(pin, want, resigned).events, [{ kind: 'succeeded' }])
})

test('the pool gives the same answers', async (t) => {
  const dl2 = await sign(withDevice(one, second))
  t.deepEqual(await verifyDeviceListAsync(one.pin, want, dl2), verifyDeviceList(one.pin, want, dl2))
  for (const [dl, expected] of [
    [mallory.dl, 'E_IDENTITY'],
    [{ ...alice.dl, s: Buffer.alloc(384) }, 'E_SIG'],
    [await sign({ ...one.list, ts: T0 + 9 }), 'E_FORK'],
  ] as const) {
    t.is(await outcomeAsync(() => verifyDeviceListAsync(one.pin, want, dl)), expected)
  }
})

test('honestly signed nonsense is E_FORMAT or E_BINDING', (t) => {
  const good = decodeCanonical(alice.dl.b) as Record<string, unknown>
  const dsk = alice.dsk.publicKey.spki
  const dev = { id: alice.dev, dsk, ts: T0 }
  const many = (n: number) =>
    Array.from({ length: n }, (_, i) => ({ ...dev, id: Buffer.alloc(8, i) }))
  t.is(atFirst(honest(good)), 'accepted')
  t.is(atFirst(honest({ ...good, devs: many(10) })), 'accepted')
  t.is(atFirst(honest({ ...good, devs: [] })), 'accepted')
  for (const [lie, expected] of [
    [{ k: 'device' }, 'E_FORMAT'],
    [{ extra: 1 }, 'E_FORMAT'],
    [{ devs: many(11) }, 'E_FORMAT'],
    [{ devs: [dev, dev] }, 'E_FORMAT'],
    [{ gone: [[alice.dev, T0]] }, 'E_FORMAT'], // both present and gone
    [{ devs: [{ ...dev, dsk: Buffer.alloc(294) }] }, 'E_FORMAT'],
    [{ devs: [{ ...dev, name: 'laptop' }] }, 'E_FORMAT'],
    [{ lks: [{ id: Buffer.alloc(16), lk: rsa3072(1).publicKey.spki }] }, 'E_FORMAT'],
    [{ n: 0 }, 'E_FORMAT'],
    [{ prev: Buffer.alloc(32, 1) }, 'E_FORMAT'],
    [{ n: 2 }, 'E_FORMAT'], // zeros are the predecessor of the first list only
    [{ user: 'Alice' }, 'E_BINDING'],
    [{ user: 'admin' }, 'E_BINDING'],
    [{ user: 7 }, 'E_FORMAT'],
    [{ acct: mallory.acct }, 'E_BINDING'],
    [{ srv: alice.acct }, 'E_BINDING'],
  ] as const) {
    t.is(atFirst(honest({ ...good, ...lie })), expected, JSON.stringify(Object.keys(lie)))
  }
})

test('login keys are named by their hash', async (t) => {
  const lk = rsa3072(5).publicKey
  const id = sha256(lk.spki).subarray(0, 16)
  const { list } = verifyDeviceList(
    one.pin,
    want,
    await sign(nextDeviceList(one, T0 + 2, { lks: [{ id, lk }] })),
  )
  t.deepEqual(list.lks[0]?.lk.spki, lk.spki)
})

test('fuzz: whatever the account signs, codes only', (t) => {
  const good = decodeCanonical(alice.dl.b) as Record<string, unknown>
  t.notThrows(() => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(good), 'lks'),
        fc.oneof(fc.anything({ maxDepth: 3 }), fc.uint8Array({ maxLength: 40 }), fc.nat()),
        (field, value) => {
          let dl: SignedDeviceList
          try {
            dl = honest({ ...good, [field]: value })
          } catch {
            return true // not a CBOR value
          }
          return ['accepted', 'E_FORMAT', 'E_BINDING'].includes(atFirst(dl))
        },
      ),
      runs(30),
    )
  })
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (b) => {
        const s = alice.aik.sign(ctx('devices', b))
        return atFirst({ ...alice.dl, b, s }) === 'E_FORMAT'
      }),
      runs(30),
    )
  })
})

test('a list that no peer would accept is not signed', async (t) => {
  const ten = Array.from({ length: 10 }, (_, i) => ({ ...second, id: Buffer.alloc(8, i) }))
  const full = { ...one, list: { ...one.list, devs: ten } }
  t.is(
    outcome(() => withDevice(full, second)),
    'E_TOO_BIG',
  )
  t.is(
    outcome(() => withoutDevice(one, second.id, T0, { vv: 1, re: 1 })),
    'E_NO_DEVICE',
  )
  t.is(await outcomeAsync(() => sign({ ...one.list, devs: [...ten, second] })), 'E_FORMAT')
})
