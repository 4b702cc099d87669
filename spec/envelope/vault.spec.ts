// The vault: three ways in, no fourth; versions, revocation, and a code that outlives every change.
import { randomBytes } from 'node:crypto'

import test from 'ava'

import { seal } from '../../lib/crypto/aead.ts'
import { ctx } from '../../lib/crypto/ctx.ts'
import { pad } from '../../lib/crypto/padding.ts'
import { RecoveryCode } from '../../lib/envelope/recovery-code.ts'
import type { VaultOpener } from '../../lib/envelope/vault-slots.ts'
import { OpenVault } from '../../lib/envelope/vault.ts'
import { loginKeyId } from '../../lib/identity/device-list-body.ts'
import { encode } from '../../lib/protocol/cbor.ts'
import { vault as VAULT, type Vault, type VaultSlot } from '../../lib/protocol/composites.ts'
import { check } from '../../lib/protocol/shape.ts'
import { u32 } from '../../lib/util/bytes.ts'
import { rsa3072 } from '../helpers/keys.ts'
import { person } from '../helpers/people.ts'
import {
  everyByteChanged,
  everyLength,
  everyNth,
  faces,
  outcome,
  outcomes,
} from '../helpers/refusals.ts'

const alice = await person('alice', { key: 0 })
const mallory = await person('mallory', { key: 3 })
const exportKey = Buffer.alloc(64, 1)
const code = RecoveryCode.generate()
const lk = rsa3072(5)
const password: VaultOpener = { by: 'password', exportKey }
const paper: VaultOpener = { by: 'recovery-code', code }
const file: VaultOpener = { by: 'login-key', key: lk }
const fresh = OpenVault.create(alice.aik)
const full = fresh.withRecoveryCode(alice, code)
const vault = full.seal(alice, 1, { exportKey, loginKeys: [lk.publicKey] })
const REFUSED = 'E_VAULT (undefined): The vault of this account does not open.'

const archives = (v: OpenVault) => v.archiveKeys().map((k) => k.serialize().toString('hex'))

test('password, recovery code and key file open the same vault', (t) => {
  for (const opener of [password, paper, file]) {
    const opened = OpenVault.open(alice, vault, opener)
    t.deepEqual(opened.aik.publicKey.spki, alice.aik.publicKey.spki)
    t.deepEqual(archives(opened), archives(full))
  }
  t.notThrows(() => check(VAULT, vault)) // fits its frame
})

test('without a slot there is no way in', (t) => {
  const bare = fresh.seal(alice, 1, { exportKey })
  t.deepEqual(
    bare.slots.map((s) => s.t),
    ['pw'],
  )
  t.is(
    outcome(() => OpenVault.open(alice, bare, password)),
    'accepted',
  )
  for (const opener of [paper, file]) {
    t.is(
      outcome(() => OpenVault.open(alice, bare, opener)),
      'E_VAULT',
    )
  }
})

test('every failure has one face', async (t) => {
  const step = everyNth(9)
  const slotChanged = (at: number, d: Buffer): Vault => ({
    ...vault,
    slots: vault.slots.map((s, i): VaultSlot => (i === at ? { ...s, d } : s)),
  })
  const attempts: (() => unknown)[] = [
    () => OpenVault.open(alice, vault, { by: 'password', exportKey: randomBytes(64) }),
    () => OpenVault.open(alice, vault, { by: 'recovery-code', code: RecoveryCode.generate() }),
    () => OpenVault.open(alice, vault, { by: 'login-key', key: rsa3072(6) }),
    () => OpenVault.open(mallory, vault, password),
    () => OpenVault.open({ ...alice, srv: randomBytes(32) }, vault, paper),
    () => OpenVault.open(alice, { ...vault, ver: 2 }, password),
    () => OpenVault.open(alice, { ...vault, ver: 2 }, file),
    () => OpenVault.open(alice, { ...vault, ver: 2 ** 40 }, password), // no RangeError from u32
    () => OpenVault.open(alice, { ...vault, slots: [] }, password),
    () => OpenVault.open(alice, { ...vault, body: Buffer.of() }, password),
  ]
  const body = vault.body
  for (const x of [...everyByteChanged(body, step), ...everyLength(body, step * 5)]) {
    attempts.push(() => OpenVault.open(alice, { ...vault, body: x }, password))
  }
  for (const [at, opener] of [password, paper, file].entries()) {
    const d = vault.slots[at]?.d ?? Buffer.of()
    for (const x of [...everyByteChanged(d, step * 3), ...everyLength(d, step * 9)]) {
      attempts.push(() => OpenVault.open(alice, slotChanged(at, x), opener))
    }
  }
  t.deepEqual(await faces(attempts, (attempt) => attempt()), [REFUSED])
})

test('slots of an older version do not open a newer body', (t) => {
  const next = full.seal(alice, 2, { exportKey })
  t.is(
    outcome(() => OpenVault.open(alice, { ...next, slots: vault.slots }, password)),
    'E_VAULT',
  )
  t.is(
    outcome(() => OpenVault.open(alice, { ...vault, slots: next.slots }, password)),
    'E_VAULT',
  )
})

test('a new password: the code on paper still opens, the old password does not', (t) => {
  const newKey = Buffer.alloc(64, 2)
  const next = OpenVault.open(alice, vault, password).seal(alice, 2, { exportKey: newKey })
  t.is(
    outcome(() => OpenVault.open(alice, next, paper)),
    'accepted',
  )
  t.is(
    outcome(() => OpenVault.open(alice, next, password)),
    'E_VAULT',
  )
  t.is(
    outcome(() => OpenVault.open(alice, next, { by: 'password', exportKey: newKey })),
    'accepted',
  )
})

test('a new code replaces the old one', (t) => {
  const other = RecoveryCode.generate()
  const next = full.withRecoveryCode(alice, other).seal(alice, 2, { exportKey })
  t.is(
    outcome(() => OpenVault.open(alice, next, paper)),
    'E_VAULT',
  )
  t.is(
    outcome(() => OpenVault.open(alice, next, { by: 'recovery-code', code: other })),
    'accepted',
  )
})

test('a revocation adds a root and keeps the old ones', (t) => {
  const next = full.withNewRoot()
  t.is(next.epoch, full.epoch + 1)
  t.deepEqual(
    next.archiveKeys().map((k) => k.e),
    [0, 1],
  )
  t.is(archives(next)[0], archives(full)[0])
  t.not(archives(next)[1], archives(next)[0])
  const reopened = OpenVault.open(alice, next.seal(alice, 2, { exportKey }), password)
  t.deepEqual(archives(reopened), archives(next))
})

test('the vault must be that of the list: key, version, epoch', (t) => {
  const { list } = alice.verified
  const aik = alice.aik.publicKey.spki
  const matches = (l: typeof list, key: Buffer, ver: number, v = full) =>
    outcome(() => {
      v.checkAgainst(l, key, ver)
    })
  t.is(matches(list, aik, 1), 'accepted')
  t.is(matches(list, aik, 2), 'accepted') // a password change does not touch the list
  t.is(matches(list, mallory.aik.publicKey.spki, 1), 'E_VAULT')
  t.is(matches({ ...list, vv: 2 }, aik, 1), 'E_VAULT') // an old vault with a new list
  t.is(matches({ ...list, re: 1 }, aik, 1), 'E_VAULT')
  t.is(matches({ ...list, re: 1, vv: 2 }, aik, 2, full.withNewRoot()), 'accepted')
})

test('a body of another making, under the right key', (t) => {
  const vdk = randomBytes(32)
  const slot: VaultSlot = { t: 'lk', id: loginKeyId(lk.publicKey), d: lk.publicKey.wrap(vdk) }
  const made = (content: Buffer): Vault => {
    const aad = ctx('vault', alice.srv, alice.acct, u32(1))
    return { ver: 1, body: seal(vdk, aad, content), slots: [slot] }
  }
  const roots = [{ e: 0, k: randomBytes(32) }]
  const aik = alice.aik.exportPkcs8()
  const open = (content: Buffer) => OpenVault.open(alice, made(content), file)
  t.is(
    outcome(() => open(pad(encode({ roots, aik })))),
    'accepted',
  )
  t.deepEqual(
    outcomes(
      [
        encode({ roots, aik }), // not padded
        pad(encode({ roots: [], aik })),
        pad(encode({ roots, aik: Buffer.alloc(10) })),
        pad(encode({ roots, aik, extra: 1 })),
        pad(encode({ aik })),
        pad(Buffer.from('a2616201616102', 'hex')),
        pad(Buffer.of()),
      ],
      open,
    ),
    ['E_VAULT'],
  )
})
