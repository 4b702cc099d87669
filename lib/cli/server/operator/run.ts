// One operator's command from its words to what is printed. Every command prints sentences, or with --json one object.
import { fail } from '../../../util/errors.ts'
import { parseSpan } from '../../client/when.ts'
import { EXIT, type ExitCode } from '../../exit-codes.ts'
import type { ServerCommand } from '../args.ts'
import type { ServerSettings } from '../settings.ts'
import { ask } from './ask.ts'
import { systemClock } from '../../system-clock.ts'
import { backup, move, restore } from './backup-commands.ts'
import { doctor } from './doctor.ts'
import { commandOf } from './options.ts'
import type { Outcome } from './outcome.ts'
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
    uses: whole(options.get('uses') ?? '1'),
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
  status: asked('status'),
  doctor: (settings) => doctor(settings, systemClock.now()),
  reload: asked('reload'),
  backup,
  restore,
  move,
}

/** @throws what the command throws; nothing is printed then */
export async function operate({ settings, words, options }: ServerCommand): Promise<Outcome> {
  const chosen = commandOf(words, options)
  const runner = RUNNERS[chosen.row.name] ?? fail('E_USAGE', `${chosen.row.name} is not there.`)
  return runner(settings, chosen.words, options)
}

export function printed({ lines, result }: Outcome, options: Options): string {
  if (options.has('json')) return `${JSON.stringify(result)}\n`
  return lines.map((line) => `${line}\n`).join('')
}

export function exitOf({ exit }: Outcome): ExitCode {
  return exit ?? EXIT.ok
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

function whole(text: string): number {
  return /^\d{1,6}$/.test(text) ? Number(text) : fail('E_USAGE', '--uses takes a whole number.')
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
