// What could be wrong with a server and its surroundings, looked at from outside: each check is a line, the worst decides
// the exit code. Changes nothing, but opening a server that does not run tightens modes as its start would. That it does
// not run is bad: a monitor has to see it. Where it should not run, --stopped says so.
import { statfs } from 'node:fs/promises'

import { EXIT } from '../../exit-codes.ts'
import type { ServerCommand } from '../args.ts'
import { lastBackupAt } from '../backup/marks.ts'
import { ownerOf } from '../data-folder.ts'
import { connectionsWithin, descriptorLimit } from '../descriptors.ts'
import { isGiven, launchPasswordOf, launchPasswordOrAsk, remembered } from '../launch-password.ts'
import type { LaunchPassword } from '../master-key.ts'
import type { ServerSettings } from '../settings.ts'
import { type Check, check, type Verdict } from './check.ts'
import { bytesText, dateText } from './format.ts'
import { lookAtClock } from './look-clock.ts'
import { lookAtModes, lookAtOwners, openPaths } from './look-folders.ts'
import { type Asking, lookAtKeys } from './look-keys.ts'
import { lookAtFreePort, lookAtPort } from './look-port.ts'
import { lookAtLock, lookAtServer, runningState, type State, stoppedState } from './look-server.ts'
import { contradictions, wrongSettings } from './look-settings.ts'
import type { Outcome } from './outcome.ts'

const DAY_MS = 86_400_000
const BACKUP_DAYS = 7
const LOOPBACK = '127.0.0.1'
const MARK: Readonly<Record<Verdict, string>> = { ok: 'ok', warning: 'WARN', bad: 'BAD' }

export type Asked = Pick<
  ServerCommand,
  'settings' | 'options' | 'wrong' | 'warnings' | 'isPlaceKnown'
>

/** `person` is asked for the launch password when nobody gave it and no server runs that has it. */
export async function doctor(
  asked: Asked,
  now: number,
  person: LaunchPassword = launchPasswordOrAsk(asked.settings),
): Promise<Outcome> {
  const { settings, wrong, warnings } = asked
  const bad = wrongSettings(wrong)
  if (!asked.isPlaceKnown) return outcomeOf(bad)
  const strange = warnings.map((text) => check('config', 'warning', text))
  const config = [...bad, ...strange, ...contradictions(settings)]
  if (config.length === 0) config.push(check('config', 'ok', 'nothing contradicts itself'))
  const isStopped = asked.options.has('stopped')
  return outcomeOf([...(await around(settings, { isStopped, now, person })), ...config])
}

interface Aim {
  /** It should not run. */
  readonly isStopped: boolean
  readonly now: number
  readonly person: LaunchPassword
}

async function around(settings: ServerSettings, aim: Aim): Promise<Check[]> {
  // first: whoever opens keys or data tightens them
  const [before, clock] = await Promise.all([
    openPaths(settings),
    lookAtClock(settings.data, aim.now),
  ])
  const running = await runningState(settings)
  const asking = askingOf(settings, running === null ? aim.person : launchPasswordOf(settings))
  const keys = await lookAtKeys(settings, asking)
  const state = running ?? (await stoppedState(settings, asking))
  const report = 'report' in state && state.report.running ? state.report : null
  return [
    keys,
    lookAtModes(before, await openPaths(settings)),
    await lookAtOwners(settings, report?.pid ?? null),
    ...(await Promise.all([disk(settings), backups(settings, aim.now)])),
    clock,
    await lookAtServer(settings, state, asking, aim.isStopped),
    await lookAtLock(settings, state),
    ...(await ports(settings, state, aim)),
    descriptors(settings, state),
  ]
}

/** One question for whoever opens the keys, and what became of it. */
function askingOf(settings: ServerSettings, password: LaunchPassword): Asking {
  let isAnswered = isGiven(settings)
  const once = remembered(async (attempt) => {
    const answer = await password(attempt)
    if (answer !== null && answer !== '') isAnswered = true
    return answer
  })
  return { password: once, wasGiven: () => isAnswered }
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

/** Codes of a folder that somebody holds, without an answer: what listens may be his. */
const HELD: readonly string[] = ['E_LOCKED', 'E_TIMEOUT', 'E_CLOSED']

async function ports(settings: ServerSettings, state: State, { isStopped }: Aim): Promise<Check[]> {
  const { host, port, publicHost, metricsPort } = settings
  if ('error' in state && HELD.includes(state.error.code)) {
    return [check('port', 'warning', 'not tried: the server does not answer')]
  }
  if ('error' in state || !state.report.running) {
    const found = [await lookAtFreePort('port', host, port)]
    if (metricsPort !== 0 && metricsPort !== port) {
      found.push(await lookAtFreePort('metrics', LOOPBACK, metricsPort))
    }
    // where it should not run, another one may
    return isStopped
      ? found.map((each) => (each.verdict === 'bad' ? { ...each, verdict: 'warning' } : each))
      : found
  }
  const srv = await ownerOf(settings.data).catch(() => null)
  if (srv === null) return [check('port', 'warning', `not tried: ${settings.data} names no server`)]
  return [await lookAtPort({ host: state.report.host, port: state.report.port, publicHost, srv })]
}

function descriptors({ maxClients }: ServerSettings, state: State): Check {
  const running = 'report' in state && state.report.running ? state.report.pid : 'self'
  const limit = descriptorLimit(running)
  const room = connectionsWithin(limit)
  if (room >= maxClients) return check('limits', 'ok', `descriptors for ${maxClients} clients`)
  const text = `${limit ?? 0} descriptors are enough for ${room} of ${maxClients} clients: raise LimitNOFILE or ulimit -n`
  return check('limits', 'warning', text)
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
