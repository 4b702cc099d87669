// The client's command line and environment -> options. Never a password: those come from a prompt, a file, a descriptor
// or SECURECHAT_PASSWORD.
import { parseArgs, type ParseArgsConfig } from 'node:util'

import { foldName, isUsername } from '../../protocol/names.ts'
import { fail } from '../../util/errors.ts'
import { nearest } from '../nearest.ts'
import type { OptionWord } from './oneshot/shell-completion.ts'
import {
  isOneShot,
  ONE_SHOTS,
  type OneShotName,
  type OneShotRow,
  oneShotUsage,
} from './oneshot/table.ts'

/** `securechat send ...`: one thing is done, and the program ends. */
export interface OneShot {
  readonly name: OneShotName
  readonly args: readonly string[]
  readonly file: string | undefined
  readonly count: number | undefined
  readonly all: boolean
  readonly timeoutSeconds: number | undefined
}

export interface ClientOptions {
  readonly help: boolean
  readonly version: boolean
  /** securechat://host:port/#PIN, host or host:port */
  readonly target: string | undefined
  /** Only without a target. */
  readonly host: string | undefined
  readonly port: number | undefined
  readonly username: string | undefined
  readonly register: boolean
  readonly name: string | undefined
  readonly invite: string | undefined
  /** A login key file, in place of name and password. */
  readonly key: string | undefined
  readonly passwordFile: string | undefined
  readonly passwordFd: number | undefined
  readonly passwordEnvironment: string | undefined
  /** Accept a new server's fingerprint on first use; never a changed one. */
  readonly yes: boolean
  readonly lock: boolean
  readonly plain: boolean
  /** One JSON object per line on both sides. */
  readonly json: boolean
  readonly oneShot: OneShot | null
  /** The whole terminal, with a list of the chats. */
  readonly full: boolean
  readonly noColor: boolean
  readonly downloadDir: string | undefined
  /** 0: any free one. */
  readonly directPort: number
  readonly directHost: string | undefined
  readonly directLan: boolean
  readonly home: string | undefined
  readonly debug: string | undefined
}

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
  host: { type: 'string' },
  port: { type: 'string' },
  username: { type: 'string', short: 'u' },
  register: { type: 'boolean' },
  name: { type: 'string' },
  invite: { type: 'string' },
  key: { type: 'string' },
  'password-file': { type: 'string' },
  'password-fd': { type: 'string' },
  yes: { type: 'boolean', short: 'y' },
  lock: { type: 'boolean' },
  plain: { type: 'boolean' },
  json: { type: 'boolean' },
  full: { type: 'boolean' },
  'no-color': { type: 'boolean' },
  'download-dir': { type: 'string' },
  'direct-port': { type: 'string' },
  'direct-host': { type: 'string' },
  'direct-lan': { type: 'boolean' },
  debug: { type: 'string' },
} as const

/** For shell completion. */
export const OPTION_WORDS: readonly OptionWord[] = Object.entries(OPTIONS).map(
  ([name, { type }]) => ({ name, takesValue: type === 'string' }),
)

const ONE_SHOT_OPTIONS = {
  file: { type: 'string' },
  count: { type: 'string' },
  all: { type: 'boolean' },
  timeout: { type: 'string' },
} as const

const COUNT_MAX = 1000
const TIMEOUT_MAX_S = 604_800

export const USAGE = `Usage: securechat [SERVER] [options]
       securechat COMMAND ... [options]

SERVER is an invite link (securechat://host:port/#...), host:port or a host name;
without it the last server is used, or you are asked.

  --host HOST --port PORT   the same in two words
  -u, --username NAME       log in as NAME (with a device key, no password is needed)
  --register                sign up as --username NAME
  --name TEXT               your full name, shown beside your username (optional)
  --invite CODE             invitation, if the server asks for one
  --key FILE                log in with a key file (!loginkey makes one); names its server itself
  --password-file FILE      first line of FILE; also --password-fd N, SECURECHAT_PASSWORD
  -y, --yes                 trust a new server on first use (never a changed one)
  --lock                    seal this device's data with the password; asked at each launch
  --download-dir DIR        where received files go
  --direct-port N           where !direct listens (1024 to 65535; default: any free port)
  --direct-host NAME        your name or address outside, for !direct behind a router
  --direct-lan              !direct may also use addresses of your own networks
  --full                    the whole terminal: chats at the left, one of them beside
  --plain                   no cursor movement: for screen readers and logs
  --json                    one JSON object per line, for programs
  --no-color                also NO_COLOR
  --debug FILE              write a log without content to FILE
  -h, --help  -V, --version

One-shot commands use the key of this device and ask nothing (securechat send --help):

${Object.values(ONE_SHOTS)
  .map(({ name, synopsis, summary }) => `  ${`${name} ${synopsis}`.padEnd(34)}${summary}`)
  .join('\n')}
  ${'completion bash|zsh|fish'.padEnd(34)}Prints a completion script for your shell.

With a pipe as standard input it reads one command a line, prints plain text and ends
once everything sent is accepted:

  echo '@alice build 812 failed' | securechat -u cibot --password-file ./pw
`

function wholeNumber(
  value: string | undefined,
  what: string,
  low: number,
  high: number,
): number | undefined {
  if (value === undefined) return undefined
  const n = /^\d{1,6}$/.test(value) ? Number(value) : NaN
  if (!(n >= low && n <= high)) {
    fail('E_USAGE', `${what} takes a whole number from ${String(low)} to ${String(high)}.`)
  }
  return n
}

/** A name or an address, without a port: what is looked up later. */
function hostName(value: string | undefined, what: string): string | undefined {
  if (value === undefined || /^([\p{L}\p{N}_.-]{1,253}|[0-9a-f:.]{2,45})$/iu.test(value))
    return value
  return fail('E_USAGE', `${what} takes a host name or an address, without a port.`)
}

/** What node:util says in two lines, in one: which option, and what is wrong with it. */
function complaint(cause: unknown, argv: readonly string[], known: readonly string[]): string {
  const message = cause instanceof Error ? cause.message : 'Bad option.'
  const [, unknown] = /^Unknown option '([^']*)'/.exec(message) ?? []
  if (unknown === undefined)
    return message.replace(/^Option '(.*?)' argument missing$/s, '$1 is missing.')
  const near = argv.some((arg) => arg.startsWith('--'))
    ? nearest(unknown.replace(/^-+/, ''), known)
    : undefined
  return `There is no option ${unknown}.${near === undefined ? '' : ` Did you mean --${near}?`}`
}

/** @throws E_USAGE with a sentence for anything that does not belong there */
export function parseClientArgs(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ClientOptions {
  const [first] = argv
  if (isOneShot(first)) return parseOneShot(first, argv.slice(1), env)
  const { values, positionals } = parsed(argv, OPTIONS)
  if (positionals.length > 1) fail('E_USAGE', `One server at a time: ${positionals.join(' ')}`)
  const [server] = positionals
  if (server !== undefined && values.host !== undefined && values.help !== true) {
    fail('E_USAGE', `One server at a time: ${server} or --host.`)
  }
  return clientOptions(values, server ?? serverOf(values, env), env, null)
}

function parseOneShot(
  name: OneShotName,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ClientOptions {
  const row: OneShotRow = ONE_SHOTS[name]
  const { values, positionals } = parsed(argv, { ...OPTIONS, ...ONE_SHOT_OPTIONS })
  for (const option of Object.keys(ONE_SHOT_OPTIONS)) {
    const isKnown = row.options.some((each) => each.name === option)
    if (option in values && !isKnown) fail('E_USAGE', `securechat ${name} has no --${option}.`)
  }
  if (values.register === true) fail('E_USAGE', 'Sign up first: securechat --register.')
  const [low, high] = { required: [1, Infinity], optional: [0, 1], none: [0, 0] }[row.chat] as [
    number,
    number,
  ]
  if (values.help !== true && (positionals.length < low || positionals.length > high)) {
    fail('E_USAGE', `Usage: securechat ${name} ${row.synopsis}`)
  }
  return clientOptions(values, serverOf(values, env), env, {
    name,
    args: positionals,
    file: values.file,
    count: wholeNumber(values.count, '--count', 1, COUNT_MAX),
    all: values.all ?? false,
    timeoutSeconds: wholeNumber(values.timeout, '--timeout', 1, TIMEOUT_MAX_S),
  })
}

/** The variable, unless an option names the server: a key file does, too. */
function serverOf(
  { host, key }: Values,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  return host === undefined && key === undefined ? variable(env, 'SECURECHAT_SERVER') : undefined
}

/** An empty variable counts as unset, as everywhere. */
function variable(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
): string | undefined {
  return env[name] === '' ? undefined : env[name]
}

/** What --help prints. */
export function usageOf({ oneShot }: ClientOptions): string {
  return oneShot === null ? USAGE : oneShotUsage(oneShot.name)
}

type Values = ReturnType<typeof parsed<typeof OPTIONS>>['values']

function parsed<T extends NonNullable<ParseArgsConfig['options']>>(
  argv: readonly string[],
  options: T,
) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true })
  } catch (cause) {
    return fail('E_USAGE', complaint(cause, argv, Object.keys(options)), cause)
  }
}

function clientOptions(
  values: Values,
  target: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  oneShot: OneShot | null,
): ClientOptions {
  if (values.register === true && values.username === undefined) {
    fail('E_USAGE', '--register needs --username NAME.')
  }
  if (values.port !== undefined && values.host === undefined && target === undefined) {
    fail('E_USAGE', '--port needs --host HOST. Or name the server as HOST:PORT.')
  }
  const username = values.username ?? variable(env, 'SECURECHAT_USERNAME')
  if (username !== undefined && !isUsername(foldName(username))) {
    fail('E_USAGE', `"${username}" is no username: 3 to 32 of a-z 0-9 . _ -, a letter first.`)
  }
  return {
    help: values.help ?? false,
    version: values.version ?? false,
    target,
    host: values.host,
    port: wholeNumber(values.port, '--port', 1, 65535),
    username,
    register: values.register ?? false,
    name: values.name,
    invite: values.invite,
    key: values.key,
    passwordFile: values['password-file'],
    passwordFd: wholeNumber(values['password-fd'], '--password-fd', 0, 1023),
    passwordEnvironment: env['SECURECHAT_PASSWORD'],
    yes: values.yes ?? false,
    lock: values.lock ?? false,
    plain: (values.plain ?? false) || (env['SECURECHAT_PLAIN'] ?? '') !== '',
    json: values.json ?? false,
    oneShot,
    full: values.full ?? false,
    noColor: values['no-color'] ?? false,
    downloadDir: values['download-dir'] ?? variable(env, 'SECURECHAT_DOWNLOAD_DIR'),
    directPort: wholeNumber(values['direct-port'], '--direct-port', 1024, 65535) ?? 0,
    directHost: hostName(values['direct-host'], '--direct-host'),
    directLan: values['direct-lan'] ?? false,
    home: env['SECURECHAT_HOME'],
    debug: values.debug,
  }
}
