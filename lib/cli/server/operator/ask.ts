// One question of the operator: to the server that runs on the data folder, or, when none does, to one that is put together
// for this one question and listens nowhere.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'

import { dialLocal } from '../../../channel/local-socket.ts'
import { holderOf } from '../../../storage/lock.ts'
import type { Clock, Timer } from '../../../util/clock.ts'
import { codeOf, fail, SecureChatError } from '../../../util/errors.ts'
import { silentLog } from '../../../util/log.ts'
import { refuseMoved } from '../backup/marks.ts'
import { refuseLostData } from '../known-data.ts'
import { launchPasswordOrAsk } from '../launch-password.ts'
import type { LaunchPassword } from '../master-key.ts'
import { STORE_FOLDER } from '../migrate.ts'
import type { ServerSettings } from '../settings.ts'
import { systemClock } from '../../system-clock.ts'
import { groundOf } from './ground.ts'
import { isLook, perform } from './operations.ts'
import {
  ANSWER_BYTES,
  decodeAnswer,
  encodeRequest,
  readLine,
  type Request,
  SILENCE_MS,
  SOCKET,
} from './wire.ts'

/** The result of the operation. @throws what it throws, E_CONFIG E_LOCKED... when the folder cannot be opened */
export async function ask(settings: ServerSettings, request: Request): Promise<unknown> {
  const answer = await askRunning(settings, request)
  return answer === null ? askFolder(settings, request) : answer.result
}

/** Null: no server runs on this folder. @throws E_TIMEOUT when one does, and hangs */
export async function askRunning(
  settings: ServerSettings,
  request: Request,
  clock: Clock = systemClock,
): Promise<{ readonly result: unknown } | null> {
  const stream = await dialLocal(join(settings.data, SOCKET))
  if (stream === null) return null
  try {
    stream.write(encodeRequest(request))
    const line = await answerOn(stream, clock)
    if (line === null) return fail('E_CLOSED', 'The server ended while it was asked.')
    return { result: decodeAnswer(line) }
  } catch (error) {
    if (codeOf(error) !== 'E_TIMEOUT') throw error
    const holder = await holderOf(join(settings.data, STORE_FOLDER))
    return fail(
      'E_TIMEOUT',
      `${holder} has ${settings.data} and does not answer. Its log may say why; if it stays so, end that process and ` +
        'start the server again.',
      error,
    )
  } finally {
    stream.destroy()
  }
}

/** The system takes calls for a process that hangs, so only silence tells. */
async function answerOn(stream: Duplex, clock: Clock): Promise<string | null> {
  let patience: Timer | undefined
  const wait = (): void => {
    patience?.cancel()
    patience = clock.after(SILENCE_MS, () => stream.destroy(new SecureChatError('E_TIMEOUT')))
  }
  wait()
  try {
    return await readLine(stream, ANSWER_BYTES, wait)
  } finally {
    patience?.cancel()
  }
}

/** Whether somebody listens on the socket of this folder. */
export async function isRunning({ data }: ServerSettings): Promise<boolean> {
  const stream = await dialLocal(join(data, SOCKET))
  stream?.destroy()
  return stream !== null
}

/** @throws E_LOCKED when a program has it, E_CONFIG when the server has moved away and this would change it */
export async function askFolder(
  settings: ServerSettings,
  request: Request,
  launchPassword: LaunchPassword = launchPasswordOrAsk(settings),
): Promise<unknown> {
  const exists = await stat(settings.data).then(
    () => true,
    () => false,
  )
  if (!exists) {
    await refuseLostData(settings)
    fail(
      'E_CONFIG',
      `There is no server in ${settings.data} yet. Start it once, or name its --data.`,
    )
  }
  if (!isLook(request)) await refuseMoved(settings.data)
  const { startServer } = await import('../start.ts')
  const running = await startServer(settings, {
    clock: systemClock,
    log: silentLog,
    launchPassword,
    isOffline: true,
  })
  try {
    return await perform(groundOf(running, settings), request)
  } finally {
    await running.close()
  }
}
