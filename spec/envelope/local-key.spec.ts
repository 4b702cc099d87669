// The key of this device's disk, closed in three ways.
import { randomBytes } from 'node:crypto'

import test from 'ava'
import fc from 'fast-check'

import { LocalKey, type LocalOpener } from '../../lib/envelope/local-key.ts'
import { decodeCanonical } from '../../lib/protocol/cbor.ts'
import { hex } from '../../lib/util/bytes.ts'
import { SRV } from '../helpers/people.ts'
import {
  everyByteChanged,
  everyLength,
  everyNth,
  faces,
  outcomeAsync,
  runs,
} from '../helpers/refusals.ts'

const device = { srv: SRV, acct: Buffer.alloc(32, 1), dev: Buffer.alloc(8, 2) }
const key = LocalKey.generate()
const vault: LocalOpener = { by: 'vault', secret: Buffer.alloc(64, 3) }
const passphrase: LocalOpener = { by: 'passphrase', passphrase: 'correct horse' }
const plain: LocalOpener = { by: 'plain' }
const REFUSED =
  'E_DECRYPT (undefined): The local data does not open: wrong password, or the key file was changed.'

test('each way gives the same key back', async (t) => {
  for (const opener of [vault, passphrase, plain]) {
    const file = await key.close(device, opener)
    const opened = await LocalKey.open(file, device, opener)
    t.deepEqual(opened.derive('store'), key.derive('store'))
  }
})

test('keys of different purposes and devices differ', (t) => {
  const all = [key.derive('store'), key.derive('device'), LocalKey.generate().derive('store')]
  t.is(new Set(all.map(hex)).size, 3)
})

test('the closed file does not contain the key; the plain one says that it does', async (t) => {
  const { d: lsk } = decodeCanonical(await key.close(device, plain)) as { d: Uint8Array }
  t.is(lsk.length, 32)
  for (const opener of [vault, passphrase]) {
    t.is((await key.close(device, opener)).indexOf(lsk), -1)
  }
})

test('every failure has one face', async (t) => {
  const file = await key.close(device, vault)
  const byPhrase = await key.close(device, passphrase)
  const attempts: (() => Promise<unknown>)[] = [
    () => LocalKey.open(file, device, { by: 'vault', secret: randomBytes(64) }),
    () => LocalKey.open(file, device, passphrase),
    () => LocalKey.open(file, device, plain),
    () => LocalKey.open(byPhrase, device, plain),
    () => LocalKey.open(byPhrase, device, { by: 'passphrase', passphrase: 'wrong' }),
    () => LocalKey.open(file, { ...device, dev: Buffer.alloc(8) }, vault),
    () => LocalKey.open(file, { ...device, acct: SRV }, vault),
    () => LocalKey.open(Buffer.of(), device, plain),
  ]
  for (const x of [...everyByteChanged(file, everyNth(2)), ...everyLength(file, 5)]) {
    attempts.push(() => LocalKey.open(x, device, vault))
  }
  t.deepEqual(await faces(attempts, (attempt) => attempt()), [REFUSED])
})

test('fuzz: a file of another making', async (t) => {
  const bytes = fc.uint8Array({ maxLength: 120 })
  await t.notThrowsAsync(() =>
    fc.assert(
      fc.asyncProperty(bytes, async (x) => {
        return (await outcomeAsync(() => LocalKey.open(x, device, plain))) === 'E_DECRYPT'
      }),
      runs(50),
    ),
  )
})
