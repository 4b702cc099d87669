// What could be wrong with a server and its surroundings, looked at from outside: each check is a line, the worst decides
// the exit code. Changes nothing, but opening a server that does not run tightens modes as its start would.
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import { lockFolder } from '../../../storage/lock.ts'
import { codeOf, SecureChatError } from '../../../util/errors.ts'
import { EXIT } from '../../exit-codes.ts'
import type { ServerCommand } from '../args.ts'
import { lastBackupAt } from '../backup/marks.ts'
import { ownerOf } from '../data-folder.ts'
import { connectionsWithin, descriptorLimit } from '../descriptors.ts'
import { loadServerKeys } from '../identity.ts'
import { isGiven, launchPasswordOf } from '../launch-password.ts'
import { STORE_FOLDER } from '../migrate.ts'
import type { ServerSettings } from '../settings.ts'
import { hex } from '../../../util/bytes.ts'
import { askFolder, askRunning } from './ask.ts'
import { type Check, check, type Verdict } from './check.ts'
import { bytesText, dateText } from './format.ts'
import { lookAtClock } from './look-clock.ts'
import { lookAtPort } from './look-port.ts'
import { contradictions, wrongSettings } from './look-settings.ts'
import type { Outcome } from './outcome.ts'
import type { Report } from './report.ts'

const DAY_MS = 86_400_000
const BACKUP_DAYS = 7
const MARK: Readonly<Record<Verdict, string>> = { ok: 'ok', warning: 'WARN', bad: 'BAD' }

export type Asked = Pick<ServerCommand, 'settings' | 'wrong' | 'isPlaceKnown'>

export async function doctor(asked: Asked, now: number): Promise<Outcome> {
  const { settings, wrong } = asked
  const bad = wrongSettings(wrong)
  if (!asked.isPlaceKnown) return outcomeOf(bad)
  const config = [...bad, ...contradictions(settings)]
  if (config.length === 0) config.push(check('config', 'ok', 'nothing contradicts itself'))
  return outcomeOf([...(await around(settings, now)), ...config])
}

async function around(settings: ServerSettings, now: number): Promise<Check[]> {
  // first: whoever opens keys or data tightens them
  const [asFound, clock] = await Promise.all([modes(settings), lookAtClock(settings.data, now)])
  const outside = await Promise.all([keys(settings), disk(settings), backups(settings, now)])
  const state = await stateOf(settings)
  return [
    asFound,
    ...outside,
    clock,
    server(settings, state),
    await lock(settings, state),
    await port(settings, state),
    descriptors(settings, state),
  ]
}

function outcomeOf(checks: readonly Check[]): Outcome {
  const bad = checks.filter(({ verdict }) => verdict === 'bad').length
  const warnings = checks.filter(({ verdict }) => verdict === 'warning').length
  return {
    result: { checks, bad, warnings },
    lines: [
      ...checks.map(
        ({ name, verdict, text }) => `${MARK[verdict].padEnd(4)}  ${name.padEnd(8)}  ${text}`,
      ),
      '',
      bad + warnings === 0 ? 'Everything looks well.' : `${bad} bad, ${warnings} to look at.`,
    ],
    exit: bad > 0 ? EXIT.failure : EXIT.ok,
  }
}

type State = { readonly report: Report } | { readonly error: SecureChatError }

async function stateOf(settings: ServerSettings): Promise<State> {
  const question = { op: 'status', args: {} }
  try {
    const running = await askRunning(settings, question)
    const result = running === null ? await askFolder(settings, question) : running.result
    return { report: result as Report }
  } catch (error) {
    if (error instanceof SecureChatError) return { error }
    return { error: new SecureChatError(codeOf(error), String(error)) }
  }
}

function server(settings: ServerSettings, state: State): Check {
  if ('error' in state) {
    const isSealed = state.error.code === 'E_AUTH' && !isGiven(settings)
    return isSealed
      ? check(
          'server',
          'warning',
          'does not run; its data are sealed, and no launch password was given',
        )
      : check('server', 'bad', state.error.message)
  }
  const { running, store, pid, version } = state.report
  if (store === 'down')
    return check('server', 'bad', 'a write failed: restart it when the disk is well')
  if (store === 'readonly')
    return check('server', 'bad', 'the disk is nearly full: nothing new is taken')
  return running
    ? check('server', 'ok', `version ${version} runs, process ${pid}, and answers`)
    : check('server', 'warning', 'does not run; its data open as they should')
}

/** A second process on the same folder would destroy it. A folder that could not be opened is asked for its lock alone. */
async function lock({ data }: ServerSettings, state: State): Promise<Check> {
  const free = check('lock', 'ok', 'nobody holds the data folder')
  if ('report' in state) {
    const { running, pid } = state.report
    return running ? check('lock', 'ok', `held by process ${pid}`) : free
  }
  if (state.error.code === 'E_LOCKED') return check('lock', 'bad', state.error.message)
  const store = join(data, STORE_FOLDER)
  if ((await stat(store).catch(() => null)) === null) return free
  try {
    await (await lockFolder(store, { holder: 'securechat-server doctor' })).release()
    return free
  } catch (error) {
    return check('lock', 'bad', error instanceof Error ? error.message : String(error))
  }
}

async function port(settings: ServerSettings, state: State): Promise<Check> {
  const report = 'report' in state && state.report.running ? state.report : null
  const srv = await ownerOf(settings.data).catch(() => null)
  if (report === null || srv === null) {
    return check('port', 'warning', 'not tried: the server does not run')
  }
  const { host, port: at } = report
  return lookAtPort({ host, port: at, publicHost: settings.publicHost, srv })
}

function descriptors({ maxClients }: ServerSettings, state: State): Check {
  const running = 'report' in state && state.report.running ? state.report.pid : 'self'
  const limit = descriptorLimit(running)
  const room = connectionsWithin(limit)
  if (room >= maxClients) return check('limits', 'ok', `descriptors for ${maxClients} clients`)
  const text = `${limit ?? 0} descriptors are enough for ${room} of ${maxClients} clients: raise LimitNOFILE or ulimit -n`
  return check('limits', 'warning', text)
}

async function keys(settings: ServerSettings): Promise<Check> {
  const { keys: dir, data } = settings
  try {
    const [found, owner] = await Promise.all([
      loadServerKeys(dir, launchPasswordOf(settings)),
      ownerOf(data),
    ])
    if (found === null) return check('keys', 'bad', `${dir} does not hold all three keys`)
    if (owner !== null && owner !== hex(found.srv)) {
      return check('keys', 'bad', `those in ${dir} belong to another server than ${data}`)
    }
    return check('keys', 'ok', `whole, and those of ${data}`)
  } catch (error) {
    if (codeOf(error) === 'E_AUTH' && !isGiven(settings)) {
      return check('keys', 'ok', 'sealed by a launch password, which was not given to look inside')
    }
    return check('keys', 'bad', error instanceof Error ? error.message : String(error))
  }
}

async function modes({ keys: keysDir, data }: ServerSettings): Promise<Check> {
  const open: string[] = []
  const look = async (path: string): Promise<void> => {
    const found = await stat(path).catch(() => null)
    if (found !== null && (found.mode & 0o077) !== 0) open.push(path)
  }
  await Promise.all([keysDir, data, join(data, 'store'), join(data, 'files')].map(look))
  const names = await readdir(keysDir).catch(() => [])
  await Promise.all(
    names.filter((name) => name.startsWith('server.')).map((n) => look(join(keysDir, n))),
  )
  return open.length === 0
    ? check('modes', 'ok', 'keys and data are for their owner only')
    : check('modes', 'bad', `others may enter or read ${open.join(', ')}: chmod go= them`)
}

async function disk({ data, freeBytes }: ServerSettings): Promise<Check> {
  const found = await statfs(data).catch(() => null)
  if (found === null) return check('disk', 'bad', `${data} cannot be looked at`)
  const free = found.bavail * found.bsize
  const text = `${bytesText(free)} free; below ${bytesText(freeBytes)} no files are taken`
  if (found.ffree === 0 && found.files > 0) return check('disk', 'bad', 'no inodes are left')
  return check('disk', free < freeBytes ? 'bad' : free < 2 * freeBytes ? 'warning' : 'ok', text)
}

async function backups({ data }: ServerSettings, now: number): Promise<Check> {
  const at = await lastBackupAt(data)
  if (at === null) return check('backup', 'warning', 'none was made by the command backup')
  const days = Math.floor((now - at) / DAY_MS)
  return check('backup', days > BACKUP_DAYS ? 'warning' : 'ok', `the last is of ${dateText(at)}`)
}
