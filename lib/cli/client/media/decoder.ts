// A file that may be a picture -> small pixels, by a worker with limits: bytes, pixels, memory, time. What it is, is decided by its
// content alone.
import { Worker } from 'node:worker_threads'

import type { Clock } from '../../../util/clock.ts'
import { fail, SecureChatError } from '../../../util/errors.ts'
import type { Box, Raster } from './raster.ts'

export interface DecodeRequest {
  readonly bytes: Uint8Array
  readonly boxes: readonly Box[]
}

export type DecodeAnswer =
  | { readonly rasters: readonly Raster[] }
  | { readonly code: 'E_FORMAT' | 'E_TOO_BIG'; readonly message: string }

/** For each box the picture, made to fit into it. @throws E_FORMAT, E_TOO_BIG, E_TIMEOUT, E_CANCELLED */
export type Decode = (
  bytes: Uint8Array,
  boxes: readonly Box[],
  signal?: AbortSignal,
) => Promise<readonly Raster[]>

const TIMEOUT_MS = 10_000
const HEAP_MB = 256
const ENTRY = new URL('./decode-worker.js', import.meta.url)

export function workerDecoder(clock: Clock, entry: URL = ENTRY): Decode {
  return async (bytes, boxes, signal) => {
    if (signal?.aborted === true) fail('E_CANCELLED', 'The messenger ends.')
    const worker = new Worker(entry, {
      workerData: { bytes, boxes } satisfies DecodeRequest,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
      // a preview says nothing on the terminal
      stdout: true,
      stderr: true,
    })
    try {
      const answer = await first(worker, clock, signal)
      if ('rasters' in answer) return answer.rasters
      return fail(answer.code, answer.message)
    } finally {
      await worker.terminate()
    }
  }
}

function first(
  worker: Worker,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<DecodeAnswer> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(TIMEOUT_MS, () => {
      reject(new SecureChatError('E_TIMEOUT', 'The preview took too long and was given up.'))
    })
    signal?.addEventListener('abort', () => {
      reject(new SecureChatError('E_CANCELLED', 'The messenger ends.'))
    })
    const over = (fn: () => void): void => {
      timer.cancel()
      fn()
    }
    worker.once('message', (answer: DecodeAnswer) => {
      over(() => {
        resolve(answer)
      })
    })
    const broken = (cause: unknown): void => {
      over(() => {
        reject(new SecureChatError('E_FORMAT', 'The image could not be decoded.', { cause }))
      })
    }
    worker.once('error', broken)
    worker.once('exit', broken)
  })
}
