// A picture as pixels, and how it is made smaller. Pure.
import { fail } from '../../../util/errors.ts'

export interface Raster {
  readonly width: number
  readonly height: number
  /** RGBA, row by row. */
  readonly data: Uint8Array
}

export interface Box {
  readonly width: number
  readonly height: number
}

/** Larger ones are not decoded: 25 million pixels are 100 MB. A photograph of a telephone has 12 to 24. */
export const MAX_PIXELS = 25_000_000
/** Samples in each direction for one pixel of the small picture. */
const MAX_SAMPLES = 8

/** @throws E_FORMAT for no pixels at all, E_TOO_BIG */
export function checkSize(width: number, height: number): void {
  if (width < 1 || height < 1) fail('E_FORMAT', 'The image has no pixels.')
  if (width * height > MAX_PIXELS) {
    fail('E_TOO_BIG', `The image has ${width} x ${height} pixels, too many for a preview.`)
  }
}

/** Largest size of that shape inside `box`, never larger than the picture itself. */
export function fitted({ width, height }: Box, box: Box): Box {
  const scale = Math.min(1, box.width / width, box.height / height)
  return {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  }
}

/** Each pixel is the mean of those it stands for, on black where the picture is transparent. */
export function shrunk(raster: Raster, { width, height }: Box): Raster {
  const data = new Uint8Array(width * height * 4)
  const nx = Math.min(MAX_SAMPLES, Math.ceil(raster.width / width))
  const ny = Math.min(MAX_SAMPLES, Math.ceil(raster.height / height))
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let [r, g, b] = [0, 0, 0]
      for (let j = 0; j < ny; j++) {
        const sy = Math.floor(((y + (j + 0.5) / ny) * raster.height) / height)
        for (let i = 0; i < nx; i++) {
          const sx = Math.floor(((x + (i + 0.5) / nx) * raster.width) / width)
          const at = (sy * raster.width + sx) * 4
          const alpha = (raster.data[at + 3] ?? 0) / 255
          r += (raster.data[at] ?? 0) * alpha
          g += (raster.data[at + 1] ?? 0) * alpha
          b += (raster.data[at + 2] ?? 0) * alpha
        }
      }
      const count = nx * ny
      data.set([r / count, g / count, b / count, 255], (y * width + x) * 4)
    }
  }
  return { width, height, data }
}
