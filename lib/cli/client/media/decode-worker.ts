// The worker in which a picture is decoded and made small: whatever the file is made to do, it does it here, with a memory
// of its own, until the time is over.
import { parentPort, workerData } from 'node:worker_threads'

import { codeOf, fail } from '../../../util/errors.ts'
import type { DecodeRequest, DecodeAnswer } from './decoder.ts'
import { decodeGif } from './gif.ts'
import { imageKind } from './image-kind.ts'
import { decodeJpeg } from './jpeg.ts'
import { decodePng } from './png.ts'
import { fitted, type Raster, shrunk } from './raster.ts'

function decode(bytes: Buffer): Raster {
  switch (imageKind(bytes)) {
    case 'png':
      return decodePng(bytes)
    case 'gif':
      return decodeGif(bytes)
    case 'jpeg':
      return decodeJpeg(bytes)
    case null:
      return fail('E_FORMAT', 'This is no PNG, JPEG or GIF.')
  }
}

function answer({ bytes, boxes }: DecodeRequest): DecodeAnswer {
  try {
    const raster = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    return { rasters: boxes.map((box) => shrunk(raster, fitted(raster, box))) }
  } catch (error) {
    const code = codeOf(error)
    const message = error instanceof Error ? error.message : ''
    return { code: code === 'E_TOO_BIG' ? code : 'E_FORMAT', message }
  }
}

parentPort?.postMessage(answer(workerData as DecodeRequest))
