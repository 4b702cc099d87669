// JPEG to pixels. The only home of jpeg-js: small, no dependencies, no install script, and it takes limits for pixels and
// memory. Slow for large photographs (some 2 s for 12 million pixels), which is why it runs in a worker.
import jpeg from 'jpeg-js'

import { fail } from '../../../util/errors.ts'
import { checkSize, MAX_PIXELS, type Raster } from './raster.ts'

const MAX_MEMORY_MB = 512
/** Start of frame: all SOFn but DHT, JPG and DAC. */
const FRAME = /^c[0-35-79-bd-f]$/

/** @throws E_FORMAT, E_TOO_BIG */
export function decodeJpeg(bytes: Buffer): Raster {
  const { width, height } = sizeOf(bytes)
  checkSize(width, height)
  try {
    return jpeg.decode(bytes, {
      useTArray: true,
      maxResolutionInMP: MAX_PIXELS / 1_000_000,
      maxMemoryUsageInMB: MAX_MEMORY_MB,
    })
  } catch (error) {
    return fail(
      'E_FORMAT',
      'The image is damaged, or of a kind of JPEG that cannot be shown.',
      error,
    )
  }
}

function sizeOf(bytes: Buffer): { readonly width: number; readonly height: number } {
  for (let at = 2; at + 9 <= bytes.length;) {
    const marker = bytes[at + 1] ?? 0
    if (bytes[at] !== 0xff) break
    if (marker === 0xff) {
      at += 1 // a fill byte
      continue
    }
    if (FRAME.test(marker.toString(16))) {
      return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) }
    }
    at += 2 + bytes.readUInt16BE(at + 2)
  }
  return fail('E_FORMAT', 'The image is damaged.')
}
