// Whether the server runs and answers, or at least opens; and that nobody else holds its folder.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import { lockFolder } from '../../../storage/lock.ts'
import { codeOf, SecureChatError } from '../../../util/errors.ts'
import { movedFrom } from '../backup/marks.ts'
import { STORE_FOLDER } from '../migrate.ts'
import type { ServerSettings } from '../settings.ts'
import { askFolder, askRunning } from './ask.ts'
import { type Check, check } from './check.ts'
import { dateText } from './format.ts'
import type { Asking } from './look-keys.ts'
import type { Report } from './report.ts'

export type State = { readonly report: Report } | { readonly error: SecureChatError }

const STATUS = { op: 'status', args: {} } as const

/** Null: none runs. */
export async function runningState(settings: ServerSettings): Promise<State | null> {
  try {
    const answer = await askRunning(settings, STATUS)
    return answer && { report: answer.result as Report }
  } catch (error) {
    return { error: ours(error) }
  }
}

export async function stoppedState(settings: ServerSettings, { password }: Asking): Promise<State> {
  try {
    return { report: (await askFolder(settings, STATUS, password)) as Report }
  } catch (error) {
    return { error: ours(error) }
  }
}

function ours(error: unknown): SecureChatError {
  if (error instanceof SecureChatError) return error
  return new SecureChatError(codeOf(error), String(error))
}

export async function lookAtServer(
  { data }: ServerSettings,
  state: State,
  asking: Asking,
  isStopped: boolean,
): Promise<Check> {
  const moved = await movedFrom(data)
  if (moved !== null) {
    const text = `moved away on ${dateText(moved.at)}, into ${moved.file}: it does not start here again`
    return check('server', isStopped ? 'warning' : 'bad', text)
  }
  if ('error' in state) {
    if (state.error.code !== 'E_AUTH' || asking.wasGiven())
      return check('server', 'bad', state.error.message)
    const text = 'does not run; its data are sealed, and no launch password was given'
    return check('server', isStopped ? 'warning' : 'bad', text)
  }
  const { running, store, pid, version } = state.report
  if (store === 'down')
    return check('server', 'bad', 'a write failed: restart it when the disk is well')
  if (store === 'readonly')
    return check('server', 'bad', 'the disk is nearly full: nothing new is taken')
  if (running) return check('server', 'ok', `version ${version} runs, process ${pid}, and answers`)
  return check('server', isStopped ? 'ok' : 'bad', 'does not run; its data open as they should')
}

/** A second process on the same folder would destroy it. A folder that could not be opened is asked for its lock alone. */
export async function lookAtLock({ data }: ServerSettings, state: State): Promise<Check> {
  const free = check('lock', 'ok', 'nobody holds the data folder')
  if ('report' in state) {
    const { running, pid } = state.report
    return running ? check('lock', 'ok', `held by process ${pid}`) : free
  }
  if (state.error.code === 'E_LOCKED') return check('lock', 'bad', state.error.message)
  const store = join(data, STORE_FOLDER)
  // where nobody ever was, no file of ours is left, which may be root's
  if ((await stat(join(store, 'LOCK')).catch(() => null)) === null) return free
  try {
    await (await lockFolder(store, { holder: 'securechat-server doctor' })).release()
    return free
  } catch (error) {
    return check('lock', 'bad', error instanceof Error ? error.message : String(error))
  }
}
