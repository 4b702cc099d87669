// The words of the operator's commands: what there is, what it takes, what it is for. Knows nothing of how they are done,
// so that the program reads little before it knows what is wanted.
import { fail } from '../../../util/errors.ts'
import { nearest } from '../../nearest.ts'

/** Options of commands, with what their value is called; null: no value. */
export const COMMAND_OPTIONS: Readonly<Record<string, string | null>> = {
  json: null,
  yes: null,
  uses: 'N',
  expires: 'SPAN',
  'passphrase-file': 'FILE',
  'dry-run': null,
  stopped: null,
}

export interface CommandRow {
  /** `invite create` */
  readonly name: string
  readonly usage: string
  readonly summary: string
  /** Words after the name: at least and at most. */
  readonly words: readonly [number, number]
  /** Besides json, which every command has. */
  readonly options: readonly string[]
}

function row(
  name: string,
  usage: string,
  summary: string,
  options: readonly string[] = [],
): CommandRow {
  const most = usage
    .replace(/\[--[^\]]*\]|--\S+/g, '')
    .split(' ')
    .filter((word) => word !== '')
  const least = most.filter((word) => !word.startsWith('['))
  return { name, usage, summary, words: [least.length, most.length], options }
}

export const OPERATOR_COMMANDS: readonly CommandRow[] = [
  row('invite create', '[--uses N] [--expires SPAN]', 'makes an invitation: one account, 7 days', [
    'uses',
    'expires',
  ]),
  row('invite list', '', 'lists invitations; their codes are known to nobody any more'),
  row('invite revoke', 'CODE', 'takes an invitation back, by its code or the id that list shows'),
  row('user list', '', 'lists accounts'),
  row(
    'user show',
    'NAME',
    'shows what the server has of an account: counts, sizes, day of the last sign-in',
  ),
  row('user disable', 'NAME', 'logs an account out everywhere and lets nobody in; its data stay'),
  row('user enable', 'NAME', 'lets a disabled account in again'),
  row('user delete', 'NAME --yes', 'deletes an account and its data; its name stays taken', [
    'yes',
  ]),
  row('user reset-limits', 'NAME', 'lets an account that has used up its limits start afresh'),
  row('ban', 'ADDRESS [--expires SPAN]', 'takes no connection from an address or range (CIDR)', [
    'expires',
  ]),
  row('ban list', '', 'lists banned ranges'),
  row('unban', 'ADDRESS', 'takes a ban back'),
  row('status', '', 'shows connections, accounts, waiting mail, disk; exit 69 if it does not run'),
  row(
    'doctor',
    '[--stopped]',
    'looks for what is wrong, from keys to backups; exit 1 if bad, as a server that does not run is (but with --stopped)',
    ['stopped'],
  ),
  row('reload', '', 'reads the configuration again, like SIGHUP; nobody is disconnected'),
  row(
    'backup',
    'FILE [--passphrase-file FILE]',
    'writes keys and data into a new file, while it runs',
    ['passphrase-file'],
  ),
  row(
    'restore',
    'FILE [--dry-run] [--passphrase-file FILE]',
    'checks a backup, and fills new folders with it',
    ['passphrase-file', 'dry-run'],
  ),
  row(
    'move',
    'FILE --yes [--passphrase-file FILE]',
    'ends the server for good here, with a backup to restore elsewhere',
    ['passphrase-file', 'yes'],
  ),
]

export interface ChosenCommand {
  readonly row: CommandRow
  readonly words: readonly string[]
}

/** @throws E_USAGE */
export function commandOf(
  words: readonly string[],
  options: ReadonlyMap<string, string>,
): ChosenCommand {
  const two = words.slice(0, 2).join(' ')
  const found =
    OPERATOR_COMMANDS.find(({ name }) => name === two) ??
    OPERATOR_COMMANDS.find(({ name }) => name === words[0])
  if (found === undefined) return unknown(words)
  const rest = words.slice(found.name.split(' ').length)
  const [least, most] = found.words
  if (rest.length < least || rest.length > most) fail('E_USAGE', `Usage: ${usageOf(found)}`)
  for (const flag of options.keys()) {
    if (flag !== 'json' && !found.options.includes(flag)) {
      fail('E_USAGE', `${found.name} has no option --${flag}. Usage: ${usageOf(found)}`)
    }
  }
  return { row: found, words: rest }
}

export function usageOf({ name, usage }: CommandRow): string {
  return `securechat-server ${name}${usage === '' ? '' : ` ${usage}`}`
}

function unknown(words: readonly string[]): never {
  const [first = ''] = words
  const family = OPERATOR_COMMANDS.filter(({ name }) => name.startsWith(`${first} `))
  if (family.length > 0) {
    fail('E_USAGE', `${first} is one of ${family.map(({ name }) => name).join(', ')}.`)
  }
  const known = nearest(
    words.slice(0, 2).join(' '),
    OPERATOR_COMMANDS.map(({ name }) => name),
  )
  const hint = known === undefined ? '' : ` Did you mean ${known}?`
  return fail('E_USAGE', `There is no command "${first}".${hint}`)
}
