// Files in chunks: the cut, the seal, and every exchange a server could make.
import { randomBytes } from 'node:crypto'

import test from 'ava'
import fc from 'fast-check'

import { padme } from '../../lib/crypto/padding.ts'
import { FileKeys, FileLayout, openChunk, sealChunk } from '../../lib/envelope/file-chunks.ts'
import { everyByteChanged, everyLength, faces, outcome, runs } from '../helpers/refusals.ts'

const CHUNK = 65_536
const keys = new FileKeys(Buffer.alloc(32, 1), Buffer.alloc(16, 2))

/** A file through the seal and back. */
function through(content: Buffer): Buffer {
  const layout = new FileLayout(content.length)
  const parts: Buffer[] = []
  for (let i = 0; i < layout.chunkCount; i++) {
    const real = content.subarray(layout.offset(i), layout.offset(i) + layout.realLength(i))
    parts.push(openChunk(keys, layout, i, sealChunk(keys, layout, i, real)))
  }
  return Buffer.concat(parts)
}

test('sizes around every edge come back whole', (t) => {
  for (const size of [0, 1, 255, 256, 257, 4096, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 200_001]) {
    const content = randomBytes(size)
    t.deepEqual(through(content), content, String(size))
  }
})

test('the cut covers the padded size, chunk by chunk', (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), (size) => {
        const layout = new FileLayout(size)
        const last = layout.chunkCount - 1
        const covered = last * CHUNK + layout.paddedLength(last)
        const firstEmpty = Math.ceil(size / CHUNK)
        return (
          covered === padme(size) &&
          layout.paddedLength(last) > 0 &&
          layout.isLast(last) &&
          !layout.isLast(last - 1) &&
          (firstEmpty > last || layout.realLength(firstEmpty) === 0) &&
          layout.chunkCount <= 32_768
        )
      }),
      runs(200),
    )
  })
})

test('the largest file, and a larger one', (t) => {
  t.is(new FileLayout(2 ** 31).chunkCount, 32_768)
  t.is(
    outcome(() => new FileLayout(2 ** 31 + 1)),
    'E_TOO_BIG',
  )
  for (const size of [-1, 0.5, NaN]) {
    t.throws(() => new FileLayout(size), { instanceOf: RangeError })
  }
})

test('the same content gives the same bytes, so a transfer resumes; other content another nonce', (t) => {
  const layout = new FileLayout(CHUNK)
  const one = sealChunk(keys, layout, 0, Buffer.alloc(CHUNK))
  t.deepEqual(sealChunk(keys, layout, 0, Buffer.alloc(CHUNK)), one)
  const two = sealChunk(keys, layout, 0, Buffer.alloc(CHUNK, 1))
  t.notDeepEqual(two.subarray(0, 12), one.subarray(0, 12))
})

test('a chunk opens in its file, its place and as the end it is; all refusals have one face', async (t) => {
  const layout = new FileLayout(2 * CHUNK)
  const real = Buffer.alloc(CHUNK, 7)
  const sealed = [0, 1].map((i) => sealChunk(keys, layout, i, real))
  const [first = Buffer.of(), second = Buffer.of()] = sealed
  const cut = new FileLayout(CHUNK)
  const other = new FileKeys(Buffer.alloc(32, 1), Buffer.alloc(16, 3))
  const small = new FileLayout(100)
  const chunk = sealChunk(keys, small, 0, Buffer.alloc(100))
  const attempts: (() => unknown)[] = [
    () => openChunk(keys, layout, 1, first), // reordered
    () => openChunk(keys, layout, 0, second),
    () => openChunk(keys, cut, 0, first), // cut short: not the last
    () => openChunk(other, layout, 0, first), // of another file
    ...[...everyByteChanged(chunk)].map((c) => () => openChunk(keys, small, 0, c)),
    ...[...everyLength(chunk)].map((c) => () => openChunk(keys, small, 0, c)),
    () => openChunk(keys, small, 0, keys.seal(0, true, Buffer.alloc(255))), // padded wrongly
    () => openChunk(keys, small, 0, keys.seal(0, true, Buffer.alloc(256, 1))), // not with zeros
  ]
  t.deepEqual(await faces(attempts, (attempt) => attempt()), [
    'E_DECRYPT (undefined): A part of the file is damaged or was exchanged.',
  ])
})

test('a file that shrinks while it is sent', (t) => {
  const layout = new FileLayout(100)
  t.is(
    outcome(() => sealChunk(keys, layout, 0, Buffer.alloc(99))),
    'E_FILE',
  )
})
