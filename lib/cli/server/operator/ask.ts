// One question of the operator: to the server that runs on the data folder, or, when none does, to one that is put together
// for this one question and listens nowhere.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import { dialLocal } from '../../../channel/local-socket.ts'
import { fail } from '../../../util/errors.ts'
import { silentLog } from '../../../util/log.ts'
import { launchPasswordOrAsk } from '../launch-password.ts'
import type { LaunchPassword } from '../master-key.ts'
import { systemClock } from '../../system-clock.ts'
import type { ServerSettings } from '../settings.ts'
import { groundOf } from './ground.ts'
import { perform } from './operations.ts'
import {
  ANSWER_BYTES,
  decodeAnswer,
  encodeRequest,
  readLine,
  type Request,
  SOCKET,
} from './wire.ts'

/** The result of the operation. @throws what it throws, E_CONFIG E_LOCKED... when the folder cannot be opened */
export async function ask(settings: ServerSettings, request: Request): Promise<unknown> {
  const answer = await askRunning(settings, request)
  return answer === null ? askFolder(settings, request) : answer.result
}

/** Null: no server runs on this folder. */
export async function askRunning(
  settings: ServerSettings,
  request: Request,
): Promise<{ readonly result: unknown } | null> {
  const stream = await dialLocal(join(settings.data, SOCKET))
  if (stream === null) return null
  try {
    stream.write(encodeRequest(request))
    const line = await readLine(stream, ANSWER_BYTES)
    if (line === null) return fail('E_CLOSED', 'The server ended while it was asked.')
    return { result: decodeAnswer(line) }
  } finally {
    stream.destroy()
  }
}

/** @throws E_LOCKED when a program has it */
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
    fail(
      'E_CONFIG',
      `There is no server in ${settings.data} yet. Start it once, or name its --data.`,
    )
  }
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
