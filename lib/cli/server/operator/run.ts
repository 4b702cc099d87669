// One operator's command from its words to what is printed. Every command prints sentences, or with --json one object.
import { USES_MAX } from '../../../server/invites.ts'
import { fail } from '../../../util/errors.ts'
import { parseSpan } from '../../../util/span.ts'
import { EXIT, type ExitCode } from '../../exit-codes.ts'
import type { ServerCommand } from '../args.ts'
import type { ServerSettings } from '../settings.ts'
import { ask, isRunning } from './ask.ts'
import { systemClock } from '../../system-clock.ts'
import { backup, move, restore } from './backup-commands.ts'
import { doctor } from './doctor.ts'
import { commandOf } from './options.ts'
import type { Outcome } from './outcome.ts'
import type { Report } from './report.ts'
import { views } from './views.ts'
import type { Args } from './wire.ts'

type Options = ReadonlyMap<string, string>
type Runner = (
  settings: ServerSettings,
  words: readonly string[],
  options: Options,
) => Promise<Outcome>

const DAY_MS = 86_400_000
const INVITE_DAYS = 7
const INVITE_DAYS_MAX = 52 * 7

/** An operation of the server with its view. */
function asked(
  op: keyof typeof views,
  argsOf: (words: readonly string[], options: Options) => Args = () => ({}),
): Runner {
  return async (settings, words, options) => {
    const args = argsOf(words, options)
    const result = await ask(settings, { op, args })
    return { result, lines: views[op](result as never, args) }
  }
}

const named = ([name = '']: readonly string[]): Args => ({ name })

const RUNNERS: Readonly<Record<string, Runner>> = {
  'invite create': asked('invite.create', (_, options) => ({
    uses: usesIn(options.get('uses') ?? '1'),
    forMs: inviteMs(options.get('expires')),
  })),
  'invite list': asked('invite.list'),
  'invite revoke': asked('invite.revoke', ([code = '']) => ({ code })),
  'user list': listUsers,
  'user show': asked('user.show', named),
  'user disable': asked('user.disable', named),
  'user enable': asked('user.enable', named),
  'user delete': asked('user.delete', (words, options) => {
    if (options.has('yes')) return named(words)
    return fail('E_USAGE', `This cannot be undone: user delete ${words[0] ?? ''} --yes`)
  }),
  'user reset-limits': asked('user.reset-limits', named),
  ban: asked('ban.add', ([range = ''], options) => ({
    range,
    forMs: spanMs(options.get('expires')) ?? 0,
  })),
  'ban list': asked('ban.list'),
  unban: asked('ban.remove', ([range = '']) => ({ range })),
  status: showStatus,
  reload: asked('reload'),
  backup,
  restore,
  move,
}

/** What changes nothing in the server. */
const LOOKS: ReadonlySet<string> = new Set([
  'invite list',
  'user list',
  'user show',
  'ban list',
  'status',
  'backup',
])

/** @throws what the command throws; nothing is printed then */
export async function operate(command: ServerCommand): Promise<Outcome> {
  const { settings, options, wrong } = command
  const { row, words } = commandOf(command.words, options)
  if (row.name === 'doctor') return doctor(command, systemClock.now())
  const runner = RUNNERS[row.name] ?? fail('E_USAGE', `${row.name} is not there.`)
  const [first] = wrong
  if (first === undefined) return runner(settings, words, options)
  // a server that runs has its settings; that the file would not start it again must not cost the nightly backup
  if (!LOOKS.has(row.name) || !command.isPlaceKnown || !(await isRunning(settings))) throw first
  const outcome = await runner(settings, words, options)
  return { ...outcome, warnings: wrong.map(({ message }) => message) }
}

export function printed({ lines, result }: Outcome, options: Options): string {
  if (options.has('json')) return `${JSON.stringify(result)}\n`
  return lines.map((line) => `${line}\n`).join('')
}

export function exitOf({ exit }: Outcome): ExitCode {
  return exit ?? EXIT.ok
}

/** What a stopped server has is shown as well, but a script sees that it does not run. */
async function showStatus(settings: ServerSettings): Promise<Outcome> {
  const report = (await ask(settings, { op: 'status', args: {} })) as Report
  const exit = report.running ? EXIT.ok : EXIT.unavailable
  return { result: report, lines: views.status(report), exit }
}

/** All pages: the server answers a thousand at a time. */
async function listUsers(settings: ServerSettings): Promise<Outcome> {
  const users: Parameters<(typeof views)['user.list']>[0]['users'][number][] = []
  for (let after = ''; ;) {
    const page = (await ask(settings, { op: 'user.list', args: { after } })) as Parameters<
      (typeof views)['user.list']
    >[0]
    users.push(...page.users)
    after = users.at(-1)?.name ?? ''
    if (!page.more) break
  }
  return { result: users, lines: views['user.list']({ users, more: false }) }
}

function usesIn(text: string): number {
  const uses = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (uses >= 1 && uses <= USES_MAX) return uses
  return fail('E_USAGE', `--uses takes a whole number from 1 to ${USES_MAX}.`)
}

function inviteMs(text: string | undefined): number {
  const ms = spanMs(text) ?? INVITE_DAYS * DAY_MS
  if (ms <= INVITE_DAYS_MAX * DAY_MS) return ms
  return fail('E_USAGE', '--expires of an invitation is at most a year: 52w.')
}

function spanMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = parseSpan(text)
  if (seconds === null || seconds === 0) {
    return fail('E_USAGE', '--expires takes a span like 12h, 7d or 4w.')
  }
  return seconds * 1000
}
