// Pictures become pixels, and files that pretend to be pictures become errors, not trouble.
import { deflateSync } from 'node:zlib'

import test from 'ava'
import fc from 'fast-check'

import { workerDecoder } from '../../../../lib/cli/client/media/decoder.ts'
import { decodeGif } from '../../../../lib/cli/client/media/gif.ts'
import { imageKind } from '../../../../lib/cli/client/media/image-kind.ts'
import { decodeJpeg } from '../../../../lib/cli/client/media/jpeg.ts'
import { decodePng, encodePng } from '../../../../lib/cli/client/media/png.ts'
import { fitted, type Raster, shrunk } from '../../../../lib/cli/client/media/raster.ts'
import { codeOf } from '../../../../lib/util/errors.ts'
import { FakeClock } from '../../../helpers/fake-clock.ts'
import { holds } from '../../../helpers/property.ts'
import { BASELINE, chunk, GIF, GREY, png, PROGRESSIVE } from './samples.ts'

const clock = new FakeClock()
const decode = workerDecoder(clock)
const BOX = { width: 100, height: 100 }

function pixel({ data, width }: Raster, x: number, y: number): number[] {
  return Array.from(data.subarray((y * width + x) * 4, (y * width + x) * 4 + 4))
}

function near(t: { true(value: boolean, message?: string): void }, a: number[], b: number[]): void {
  t.true(
    a.every((n, i) => Math.abs(n - (b[i] ?? 0)) < 12),
    `${a.join()} is not about ${b.join()}`,
  )
}

test('what a file is, is in its first bytes', (t) => {
  t.is(imageKind(BASELINE), 'jpeg')
  t.is(imageKind(GIF), 'gif')
  t.is(imageKind(png({ width: 1, height: 1, raw: Buffer.alloc(4) })), 'png')
  for (const text of ['', 'GIF', 'GIF88a', '%PDF', '<svg xmlns="', '\x89PNG\n', '\xff\xd8']) {
    t.is(imageKind(Buffer.from(text, 'latin1')), null, text)
  }
})

for (const [name, bytes, left, right] of [
  ['baseline', BASELINE, [220, 20, 20, 255], [20, 20, 220, 255]],
  ['progressive', PROGRESSIVE, [220, 20, 20, 255], [20, 20, 220, 255]],
  ['grey', GREY, [200, 200, 200, 255], [30, 30, 30, 255]],
] as const) {
  test(`JPEG, ${name}`, async (t) => {
    const [raster] = await decode(bytes, [BOX])
    t.is(raster?.width, 32)
    t.is(raster?.height, 16)
    if (raster === undefined) return
    near(t, pixel(raster, 2, 2), [...left])
    near(t, pixel(raster, 29, 13), [...right])
  })
}

test('GIF: its first picture, where it lies in the whole', async (t) => {
  const [raster] = await decode(GIF, [BOX])
  t.is(raster?.width, 16)
  t.is(raster?.height, 10)
  if (raster === undefined) return
  t.deepEqual(pixel(raster, 0, 0), [255, 0, 0, 255])
  t.deepEqual(pixel(raster, 9, 0), [0, 0, 255, 255])
  t.deepEqual(pixel(raster, 5, 5), [255, 255, 255, 255])
  t.deepEqual(pixel(raster, 12, 5), [0, 0, 0, 255], 'nothing was drawn there')
})

test('PNG: colour types and depths', (t) => {
  const one = (
    parts: Omit<Parameters<typeof png>[0], 'width' | 'height'>,
    width = 2,
  ): number[][] => {
    const raster = decodePng(png({ width, height: 1, ...parts }))
    return Array.from({ length: width }, (_, x) => pixel(raster, x, 0))
  }
  const raw = (...bytes: number[]): Buffer => Buffer.from([0, ...bytes])
  t.deepEqual(one({ colour: 2, raw: raw(1, 2, 3, 4, 5, 6) }), [
    [1, 2, 3, 255],
    [4, 5, 6, 255],
  ])
  t.deepEqual(one({ colour: 6, raw: raw(1, 2, 3, 4, 5, 6, 7, 8) }), [
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ])
  t.deepEqual(one({ colour: 4, raw: raw(9, 1, 8, 2) }), [
    [9, 9, 9, 1],
    [8, 8, 8, 2],
  ])
  t.deepEqual(one({ colour: 0, depth: 1, raw: raw(0b10100000) }, 4), [
    [255, 255, 255, 255],
    [0, 0, 0, 255],
    [255, 255, 255, 255],
    [0, 0, 0, 255],
  ])
  t.deepEqual(one({ colour: 0, depth: 4, raw: raw(0xf1) }), [
    [255, 255, 255, 255],
    [17, 17, 17, 255],
  ])
  t.deepEqual(one({ colour: 2, depth: 16, raw: raw(1, 99, 2, 99, 3, 99, 4, 0, 5, 0, 6, 0) }), [
    [1, 2, 3, 255],
    [4, 5, 6, 255],
  ])
  const palette = [10, 11, 12, 20, 21, 22]
  t.deepEqual(one({ colour: 3, depth: 2, palette, alpha: [7], raw: raw(0b00011000) }, 3), [
    [10, 11, 12, 7],
    [20, 21, 22, 255],
    [0, 0, 0, 255],
  ])
})

test('PNG: each filter undoes itself', (t) => {
  const rows = [
    [0, 10, 20, 30, 40, 50, 60],
    [1, 1, 1, 1, 2, 2, 2],
    [2, 1, 1, 1, 1, 1, 1],
    [3, 5, 5, 5, 5, 5, 5],
    [4, 1, 2, 3, 1, 2, 3],
  ]
  const raster = decodePng(png({ width: 2, height: 5, raw: Buffer.from(rows.flat()) }))
  t.deepEqual(pixel(raster, 1, 0), [40, 50, 60, 255])
  t.deepEqual(pixel(raster, 1, 1), [3, 3, 3, 255])
  t.deepEqual(pixel(raster, 1, 2), [4, 4, 4, 255])
  t.deepEqual(pixel(raster, 0, 3), [6, 6, 6, 255])
  t.deepEqual(pixel(raster, 1, 3), [10, 10, 10, 255])
  t.deepEqual(pixel(raster, 0, 4), [7, 8, 9, 255])
  t.deepEqual(pixel(raster, 1, 4), [11, 12, 13, 255])
})

test('PNG: interlaced is the same picture', (t) => {
  const [width, height] = [9, 5]
  const value = (x: number, y: number): number => (x * 7 + y * 31) % 256
  const raw: number[] = []
  for (const [x0, y0, dx, dy] of [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ] as const) {
    for (let y = y0; y < height; y += dy) {
      if (x0 < width) raw.push(0)
      for (let x = x0; x < width; x += dx) raw.push(value(x, y))
    }
  }
  const raster = decodePng(
    png({ width, height, colour: 0, interlaced: true, raw: Buffer.from(raw) }),
  )
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) t.is(pixel(raster, x, y)[0], value(x, y), `${x} ${y}`)
  }
})

test('our own PNG is read again as it was', (t) => {
  const data = Uint8Array.from({ length: 7 * 3 * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : (i * 37) % 256,
  )
  const raster = decodePng(encodePng({ width: 7, height: 3, data }))
  t.deepEqual(Buffer.from(raster.data), Buffer.from(data))
})

test('a picture keeps its shape, and is never made larger', (t) => {
  t.deepEqual(fitted({ width: 400, height: 100 }, { width: 40, height: 40 }), {
    width: 40,
    height: 10,
  })
  t.deepEqual(fitted({ width: 4, height: 3 }, BOX), { width: 4, height: 3 })
  t.deepEqual(fitted({ width: 9000, height: 1 }, BOX), { width: 100, height: 1 })
  const data = Uint8Array.from([0, 0, 0, 255, 200, 100, 50, 255, 255, 255, 255, 0, 0, 0, 0, 0])
  const one = shrunk({ width: 4, height: 1, data }, { width: 2, height: 1 })
  t.deepEqual(pixel(one, 0, 0), [100, 50, 25, 255])
  t.deepEqual(pixel(one, 1, 0), [0, 0, 0, 255], 'what is transparent is black')
})

const GIANT = png({ width: 100_000, height: 100_000, raw: Buffer.alloc(4) })
/** 4x4 pixels are promised, 50 MB come. */
const BOMB = Buffer.concat([
  png({ width: 4, height: 4, raw: Buffer.alloc(4) }).subarray(0, 33),
  chunk('IDAT', deflateSync(Buffer.alloc(50_000_000))),
])
const HUGE_JPEG = Buffer.from(BASELINE)
const FRAME = HUGE_JPEG.indexOf(Buffer.from('ffc0', 'hex'))
HUGE_JPEG.writeUInt16BE(65_000, FRAME + 5)
HUGE_JPEG.writeUInt16BE(65_000, FRAME + 7)
/** Allowed by its size, and almost nothing of it is there. */
const HOLLOW_JPEG = Buffer.from(HUGE_JPEG)
HOLLOW_JPEG.writeUInt16BE(4900, FRAME + 5)
HOLLOW_JPEG.writeUInt16BE(4900, FRAME + 7)
const HUGE_GIF = Buffer.from(GIF)
HUGE_GIF.writeUInt32LE(0xffffffff, 6)

for (const [name, bytes, code] of [
  ['no picture at all', Buffer.from('MZ this is a program'), 'E_FORMAT'],
  ['empty', Buffer.alloc(0), 'E_FORMAT'],
  ['a PNG larger than a disk', GIANT, 'E_TOO_BIG'],
  ['a PNG that unpacks to more than it says', BOMB, 'E_FORMAT'],
  ['a PNG without pixels', png({ width: 0, height: 5, raw: Buffer.alloc(5) }), 'E_FORMAT'],
  [
    'a PNG of no colour type',
    png({ width: 1, height: 1, colour: 5, raw: Buffer.alloc(4) }),
    'E_FORMAT',
  ],
  [
    'a PNG with a depth of 3',
    png({ width: 1, height: 1, depth: 3, raw: Buffer.alloc(4) }),
    'E_FORMAT',
  ],
  ['a PNG that ends in its header', GIANT.subarray(0, 20), 'E_FORMAT'],
  ['a JPEG larger than memory', HUGE_JPEG, 'E_TOO_BIG'],
  ['a JPEG that ends in its header', BASELINE.subarray(0, 50), 'E_FORMAT'],
  ['a GIF larger than memory', HUGE_GIF, 'E_TOO_BIG'],
  ['a GIF without a picture', Buffer.concat([GIF.subarray(0, 25), Buffer.from(';')]), 'E_FORMAT'],
  ['a GIF that ends in its colours', GIF.subarray(0, 16), 'E_FORMAT'],
] as const) {
  test(`refused: ${name}`, async (t) => {
    await t.throwsAsync(decode(bytes, [BOX]), { code })
  })
}

test('a PNG or GIF that is cut off shows what is there', (t) => {
  const raw = Buffer.alloc(40 * 121, 255)
  for (let y = 0; y < 40; y++) raw[y * 121] = 0
  for (let i = 0; i < raw.length; i++) if (i % 121 !== 0) raw[i] = (i * i) % 251
  const whole = png({ width: 40, height: 40, raw })
  const raster = decodePng(whole.subarray(0, whole.length - 300))
  t.deepEqual(pixel(raster, 0, 0), [1, 4, 9, 255])
  t.is(decodeGif(GIF.subarray(0, GIF.length - 8)).width, 16)
})

test('a JPEG that promises much and holds nothing costs only time', async (t) => {
  const outcome = await decode(HOLLOW_JPEG, [BOX]).then(
    () => 'decoded',
    (error: unknown) => codeOf(error),
  )
  t.true(['decoded', 'E_FORMAT'].includes(outcome))
})

test('changed and cut files: pixels or a coded error, nothing else', async (t) => {
  const samples = [
    [GIF, decodeGif],
    [BASELINE, decodeJpeg],
    [PROGRESSIVE, decodeJpeg],
    [png({ width: 9, height: 9, colour: 0, interlaced: true, raw: Buffer.alloc(99) }), decodePng],
  ] as const
  const change = fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { minLength: 1, maxLength: 6 })
  await holds(
    t,
    fc.property(fc.constantFrom(...samples), change, fc.nat(600), ([bytes, how], edits, end) => {
      const broken = Buffer.from(bytes.subarray(0, end < 300 ? bytes.length : end))
      for (const [at, value] of edits) if (at < broken.length && at >= 13) broken[at] = value
      try {
        const { width, height, data } = how(broken)
        return data.length === width * height * 4
      } catch (error) {
        return ['E_FORMAT', 'E_TOO_BIG'].includes(codeOf(error))
      }
    }),
    300,
  )
})

test('a worker that never answers is given up', async (t) => {
  const time = new FakeClock()
  const stuck = new URL('data:text/javascript,setInterval(() => undefined, 1000)')
  const answer = workerDecoder(time, stuck)(GIF, [BOX])
  time.advance(11_000)
  await t.throwsAsync(answer, { code: 'E_TIMEOUT' })
  t.is(time.pending, 0)
})

test('who quits does not wait for a preview', async (t) => {
  const stuck = new URL('data:text/javascript,setInterval(() => undefined, 1000)')
  const end = new AbortController()
  const answer = workerDecoder(clock, stuck)(GIF, [BOX], end.signal)
  end.abort()
  await t.throwsAsync(answer, { code: 'E_CANCELLED' })
  await t.throwsAsync(decode(GIF, [BOX], end.signal), { code: 'E_CANCELLED' })
})

test('a worker that runs out of memory, throws or leaves is an error of this picture only', async (t) => {
  for (const source of [
    'const all = []; for (;;) all.push(new Array(100000).fill(0).map((_, i) => [i]))',
    'throw new Error("no")',
    'process.exit(3)',
  ]) {
    const entry = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
    await t.throwsAsync(workerDecoder(clock, entry)(GIF, [BOX]), { code: 'E_FORMAT' }, source)
  }
})
