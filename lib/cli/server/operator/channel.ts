// The running server's ear for its operator: a socket in the data folder that only its owner can open. Bounded in callers,
// bytes and patience, so that nothing on this side can hurt the clients.
import { join } from 'node:path'
import type { Duplex } from 'node:stream'

import { listenLocal } from '../../../channel/local-socket.ts'
import type { Clock, Timer } from '../../../util/clock.ts'
import { codeOf } from '../../../util/errors.ts'
import type { Log } from '../../../util/log.ts'
import { type Ground, perform } from './operations.ts'
import {
  decodeRequest,
  encodeFailure,
  encodeResult,
  readLine,
  REQUEST_BYTES,
  SIGN_EVERY_MS,
  SIGN_OF_LIFE,
  SOCKET,
} from './wire.ts'

const CALLERS_MAX = 8
const QUESTION_MS = 10_000

export interface OperatorChannel {
  /** Takes no more questions; those under way end with the server. */
  close(): Promise<void>
}

/** @throws E_FILE */
export async function openChannel(
  dataDir: string,
  ground: Ground,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<OperatorChannel> {
  let callers = 0
  const answer = async (stream: Duplex): Promise<void> => {
    const patience = clock.after(QUESTION_MS, () => stream.destroy())
    try {
      const line = await readLine(stream, REQUEST_BYTES)
      patience.cancel()
      if (line === null) {
        stream.destroy()
        return
      }
      const request = decodeRequest(line)
      log.info('operator.command', { op: request.op })
      await firstSign(stream)
      stream.end(encodeResult(await withSigns(stream, clock, perform(ground, request))))
    } catch (error) {
      log.warn('operator.refused', { code: codeOf(error) })
      stream.end(encodeFailure(error))
    } finally {
      patience.cancel()
    }
  }
  const listener = await listenLocal(join(dataDir, SOCKET), (stream) => {
    if (callers >= CALLERS_MAX) {
      stream.destroy()
      return
    }
    callers++
    stream.once('close', () => callers--)
    void answer(stream)
  })
  return { close: () => listener.close() }
}

/** What a command gave up waiting for must not happen later. @throws Node's own error when the caller has gone */
function firstSign(stream: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(SIGN_OF_LIFE, (error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}

/** What takes long, like a backup, is told from a server that hangs. */
async function withSigns<T>(stream: Duplex, clock: Clock, work: Promise<T>): Promise<T> {
  const next = (): Timer => clock.after(SIGN_EVERY_MS, sign)
  const sign = (): void => {
    if (!stream.destroyed) stream.write(SIGN_OF_LIFE)
    timer = next()
  }
  let timer = next()
  try {
    return await work
  } finally {
    timer.cancel()
  }
}
