// What the server keeps for an account's own devices: blobs and history batches.
import { randomBytes } from 'node:crypto'

import test from 'ava'
import fc from 'fast-check'

import { ctx } from '../../lib/crypto/ctx.ts'
import { pad } from '../../lib/crypto/padding.ts'
import { ArchiveKeys, BLOB_NAMES } from '../../lib/envelope/archive-keys.ts'
import { type BlobPlace, openBlob, sealBlob } from '../../lib/envelope/blobs.ts'
import { batchHash, type HistoryItem, openBatch, sealBatch } from '../../lib/envelope/history.ts'
import { encode } from '../../lib/protocol/cbor.ts'
import { b, list, map } from '../../lib/protocol/shape.ts'
import { hex, u32, utf8 } from '../../lib/util/bytes.ts'
import { SRV, T0 } from '../helpers/people.ts'
import {
  everyByteChanged,
  everyLength,
  everyNth,
  faces,
  outcome,
  runs,
} from '../helpers/refusals.ts'

const root = Buffer.alloc(32, 1)
const keys = ArchiveKeys.derive(root, 0)
const place: BlobPlace = { srv: SRV, acct: Buffer.alloc(32, 2), name: 'blocks', ver: 3 }
const BLOCKS = map({ accts: list(b(32), 1000) })
const content = { accts: [Buffer.alloc(32, 9)] }
const sealed = sealBlob(keys, place, content)

test('a blob opens in its place with the keys of its epoch', (t) => {
  const { accts } = openBlob(keys, place, sealed, BLOCKS)
  t.deepEqual(accts.map(hex), content.accts.map(hex))
  t.is(sealed.length, 1024 + 80) // a short list looks like an empty one
  const restored = ArchiveKeys.restore(keys.serialize())
  t.is(restored.e, 0)
  t.is(openBlob(restored, place, sealed, BLOCKS).accts.length, 1)
})

test('all failures of a blob have one face', async (t) => {
  const aad = ctx('blob', place.srv, place.acct, utf8('blocks'), u32(3))
  const attempts: (() => unknown)[] = [
    () => openBlob(ArchiveKeys.derive(root, 1), place, sealed, BLOCKS),
    () => openBlob(ArchiveKeys.derive(Buffer.alloc(32), 0), place, sealed, BLOCKS),
    () => openBlob(keys, { ...place, ver: 2 }, sealed, BLOCKS), // rolled back
    () => openBlob(keys, { ...place, ver: 2 ** 40 }, sealed, BLOCKS),
    () => openBlob(keys, { ...place, acct: SRV }, sealed, BLOCKS),
    () => openBlob(keys, { ...place, srv: place.acct }, sealed, BLOCKS),
    () => openBlob(keys, place, keys.seal('blocks', aad, pad(encode({ ver: 2 }), 1024)), map({})),
    () => openBlob(keys, place, keys.seal('blocks', aad, encode({ ver: 3 })), map({})),
    () => openBlob(keys, place, keys.seal('blocks', aad, pad(encode({ ver: 3 }), 1024)), BLOCKS),
  ]
  const step = everyNth(5)
  for (const x of [...everyByteChanged(sealed, step), ...everyLength(sealed, step * 7)]) {
    attempts.push(() => openBlob(keys, place, x, BLOCKS))
  }
  t.is((await faces(attempts, (attempt) => attempt())).length, 1)
  t.is(
    outcome(() => openBlob(keys, { ...place, ver: 2 }, sealed, BLOCKS)),
    'E_DECRYPT',
  )
})

test('each blob has its own key', (t) => {
  for (const name of BLOB_NAMES) {
    const one = sealBlob(keys, { ...place, name }, {})
    for (const other of BLOB_NAMES) {
      const expected = other === name ? 'accepted' : 'E_DECRYPT'
      t.is(
        outcome(() => openBlob(keys, { ...place, name: other }, one, map({}))),
        expected,
      )
    }
  }
})

test('a blob that does not fit a frame', (t) => {
  const accts = Array.from({ length: 2000 }, () => Buffer.alloc(32))
  t.is(
    outcome(() => sealBlob(keys, place, { accts })),
    'E_TOO_BIG',
  )
})

const device = { srv: SRV, acct: place.acct, dev: Buffer.alloc(8, 4) }
const item = (p: Buffer): HistoryItem => ({
  c: Buffer.alloc(16),
  f: [place.acct, device.dev],
  at: T0,
  p,
  n: 1,
  v: T0,
  x: encode({}),
})

test('batches chain', (t) => {
  const first = sealBatch(
    keys,
    { ...device, seq: 0 },
    { prev: Buffer.alloc(32), rows: 0, items: [] },
  )
  const items = [item(Buffer.from('payload'))]
  const second = sealBatch(keys, { ...device, seq: 1 }, { prev: batchHash(first), rows: 1, items })
  const opened = openBatch(keys, { ...device, seq: 1 }, second)
  t.is(hex(opened.prev), hex(batchHash(first)))
  t.is(hex(opened.items[0]?.p ?? Buffer.of()), hex(Buffer.from('payload')))
})

test('all failures of a batch have one face', async (t) => {
  const at = { ...device, seq: 5 }
  const batch = sealBatch(keys, at, {
    prev: Buffer.alloc(32),
    rows: 1,
    items: [item(randomBytes(9))],
  })
  const attempts: (() => unknown)[] = [
    () => openBatch(ArchiveKeys.derive(root, 1), at, batch),
    () => openBatch(keys, { ...at, seq: 6 }, batch),
    () => openBatch(keys, { ...at, dev: Buffer.alloc(8) }, batch),
    () => openBatch(keys, { ...at, acct: SRV }, batch),
  ]
  for (const x of [...everyByteChanged(batch, everyNth(3)), ...everyLength(batch, 9)]) {
    attempts.push(() => openBatch(keys, at, x))
  }
  t.deepEqual(await faces(attempts, (attempt) => attempt()), [
    'E_DECRYPT (undefined): A part of the history that the server keeps does not open.',
  ])
})

test('a batch that does not fit', (t) => {
  const prev = Buffer.alloc(32)
  const many = Array.from({ length: 65 }, () => item(Buffer.of(1)))
  t.throws(() => sealBatch(keys, { ...device, seq: 0 }, { prev, rows: 65, items: many }), {
    instanceOf: RangeError,
  })
  const large = Array.from({ length: 4 }, () => item(Buffer.alloc(40_000)))
  t.is(
    outcome(() => sealBatch(keys, { ...device, seq: 0 }, { prev, rows: 4, items: large })),
    'E_TOO_BIG',
  )
})

test('stored keys of another making are E_FORMAT', (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        (x) => outcome(() => ArchiveKeys.restore(x)) === 'E_FORMAT',
      ),
      runs(50),
    )
  })
})
