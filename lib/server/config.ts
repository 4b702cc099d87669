// The server's settings: one row per setting with unit, default, range and what it means. Pure: where values come from
// (flags, environment, file) is the business of cli/; a value outside its row is E_CONFIG with a sentence for the operator.
import { LIMITS } from '../protocol/limits.ts'
import { fail } from '../util/errors.ts'
import { parseSpan, spanText } from '../util/span.ts'

export type RegistrationPolicy = 'open' | 'invite' | 'closed'
export type EmailPolicy = 'no' | 'required'

/** Whether the server tells this about its accounts at all. */
export type TellingPolicy = 'no' | 'yes'

export interface ServerConfig {
  readonly registration: RegistrationPolicy
  readonly email: EmailPolicy
  readonly directory: TellingPolicy
  readonly presence: TellingPolicy
  readonly registrationPuzzleBits: number
  readonly registrationsPerDay: number
  readonly ceremoniesPerSecond: number
  readonly maxClients: number
  readonly maxClientsPerAddress: number
  readonly anonymousLifeMs: number
  readonly anonymousPerAddress: number
  readonly idleMs: number
  readonly connectionLifeMs: number
  readonly handshakesPerSecond: number
  readonly handshakeBurst: number
  readonly handshakesBeforePuzzle: number
  readonly launchKeyLifeMs: number
  readonly sendsPerSecond: number
  readonly sendBurst: number
  readonly requestsPerSecond: number
  readonly requestBurst: number
  readonly directoryPerMinute: number
  readonly directoryByNamePerMinute: number
  readonly directoryFindsPerMinute: number
  readonly presencePerMinute: number
  readonly newRecipientsPerDay: number
  readonly listChangesPerDay: number
  readonly mailboxLifeMs: number
  readonly inactiveAccountDays: number
  readonly streamsPerDevice: number
  readonly streamsTotal: number
  readonly streamHeadBytes: number
  readonly directoryCacheBytes: number
  readonly fileBytes: number
  readonly fileLifeMs: number
  readonly fileBytesInFlight: number
  readonly historyBytes: number
  readonly blobsPerAccount: number
}

interface OptionBase<T> {
  readonly default: T
  readonly about: string
}

export interface NumberOption extends OptionBase<number> {
  readonly kind: 'number'
  readonly unit: string
  readonly min: number
  readonly max: number
}

export interface ChoiceOption<T extends string> extends OptionBase<T> {
  readonly kind: 'choice'
  readonly values: readonly T[]
}

export type ServerOptions = {
  readonly [K in keyof ServerConfig]: ServerConfig[K] extends number
    ? NumberOption
    : ChoiceOption<Extract<ServerConfig[K], string>>
}

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const MiB = 1024 * 1024

export const SERVER_OPTIONS: ServerOptions = {
  registration: choice('open', ['open', 'invite', 'closed'], 'who may make an account'),
  email: choice('no', ['no', 'required'], 'whether an account needs an e-mail address'),
  directory: choice(
    'no',
    ['no', 'yes'],
    'whether everybody with an account finds usernames by their beginning',
  ),
  presence: choice(
    'no',
    ['no', 'yes'],
    'whether those who choose so see of each other that they are online',
  ),
  registrationPuzzleBits: number(0, 'bits', 0, 22, 'puzzle before a registration; 0: none'),
  // PROTOCOL 15 says 5: right for a public server, wrong for a school behind one address
  registrationsPerDay: number(100, 'per address block and day', 0, 1e6, '0: no limit'),
  ceremoniesPerSecond: number(
    100,
    'password logins and registrations per second',
    0,
    1e6,
    'begun on the whole server, each costs 2 ms; above half of it clients solve puzzles; 0: no limit',
  ),
  maxClients: number(
    10_000,
    'connections',
    1,
    1e6,
    'one more is told that the server is full; a quarter may be without login',
  ),
  maxClientsPerAddress: number(0, 'connections per address block', 0, 1e6, '0: no limit'),
  anonymousLifeMs: number(
    LIMITS.anonymousLifeMs,
    'ms',
    SECOND_MS,
    DAY_MS,
    'time a connection has for its login; clients connect again when a person took longer',
  ),
  anonymousPerAddress: number(
    LIMITS.anonymousPerAddress,
    'connections per address block',
    0,
    1e6,
    'without login at once; one more, and the oldest goes; 0: no limit',
  ),
  idleMs: number(2 * MINUTE_MS, 'ms', MINUTE_MS, DAY_MS, 'clients ping after 30 s of silence'),
  connectionLifeMs: number(
    LIMITS.connectionLifeMs,
    'ms',
    MINUTE_MS,
    LIMITS.connectionLifeMs,
    'then a fresh handshake',
  ),
  handshakesPerSecond: number(
    LIMITS.handshakesPerSecond,
    'new connections per second and address block',
    0,
    1e6,
    '0: no limit',
  ),
  handshakeBurst: number(
    LIMITS.handshakeBurst,
    'new connections per address block',
    1,
    1e6,
    'at once',
  ),
  handshakesBeforePuzzle: number(
    LIMITS.puzzleAboveHandshakesPerSecond,
    'new connections per second',
    1,
    1e6,
    'from everywhere; while there are more, clients solve puzzles first',
  ),
  launchKeyLifeMs: number(
    LIMITS.certificateLifeMs / 2,
    'ms',
    MINUTE_MS,
    LIMITS.certificateLifeMs / 2,
    'the launch key is replaced this often; its certificate lives twice as long',
  ),
  sendsPerSecond: number(
    LIMITS.sendsPerSecond,
    'messages per second and device',
    0,
    1e6,
    '0: no limit',
  ),
  sendBurst: number(LIMITS.sendBurst, 'messages', 1, 1e6, 'sent at once by a rested device'),
  requestsPerSecond: number(
    50,
    'requests per second and device',
    0,
    1e6,
    'all others; 0: no limit',
  ),
  requestBurst: number(300, 'requests', 1, 1e6, 'at once'),
  directoryPerMinute: number(
    LIMITS.directoryPerMinute,
    'look-ups per minute and device',
    0,
    1e6,
    'twice as many at once; 0: no limit',
  ),
  directoryByNamePerMinute: number(
    LIMITS.directoryByNamePerMinute,
    'look-ups by name per minute and device',
    0,
    1e6,
    'twice as many at once; 0: no limit',
  ),
  directoryFindsPerMinute: number(
    LIMITS.directoryFindsPerMinute,
    'searches for names per minute and account',
    0,
    1e6,
    'twice as many at once; 0: no limit',
  ),
  presencePerMinute: number(
    LIMITS.presencePerMinute,
    'questions who is online per minute and account',
    0,
    1e6,
    'twice as many at once, about 64 people each; 0: no limit',
  ),
  // PROTOCOL 15 says 20: a group of 100 could not even be greeted
  newRecipientsPerDay: number(
    500,
    'people per account and day',
    0,
    1e6,
    'first messages to somebody; below 100, large groups fail; 0: no limit',
  ),
  listChangesPerDay: number(
    LIMITS.listChangesPerDay,
    'device lists per account and day',
    0,
    1e6,
    'tried or done, as many at once; each is kept and checked by all contacts; 0: no limit',
  ),
  mailboxLifeMs: number(
    LIMITS.mailboxLifeMs,
    'ms',
    HOUR_MS,
    LIMITS.mailboxLifeMs,
    'a message waits this long for its device',
  ),
  inactiveAccountDays: number(
    0,
    'days',
    0,
    36_500,
    'without a sign-in, then the account is deleted with all that is stored of it, for ever; 0: never',
  ),
  streamsPerDevice: number(
    512,
    'streams',
    16,
    100_000,
    'open sender streams of one device; the one unused longest is closed',
  ),
  streamsTotal: number(
    500_000,
    'recipients',
    5000,
    1e8,
    'devices that open sender streams go to, and four for each stream; about 300 bytes of memory each',
  ),
  streamHeadBytes: number(
    64 * MiB,
    'bytes',
    MiB,
    16_384 * MiB,
    'heads and wraps of streams that wait for their first message, in memory',
  ),
  directoryCacheBytes: number(
    64 * MiB,
    'bytes',
    MiB,
    16_384 * MiB,
    'device lists and bundles kept in memory',
  ),
  fileBytes: number(LIMITS.fileBytes, 'bytes', 1, LIMITS.fileBytes, 'largest file'),
  fileLifeMs: number(LIMITS.fileLifeMs, 'ms', HOUR_MS, 365 * DAY_MS, 'a file waits this long'),
  fileBytesInFlight: number(
    64 * MiB,
    'bytes',
    MiB,
    16_384 * MiB,
    'chunks in memory on their way to the disk',
  ),
  historyBytes: number(
    LIMITS.historyBytes,
    'bytes',
    MiB,
    16_384 * MiB,
    'history of one account, of all its devices together',
  ),
  blobsPerAccount: number(16, 'sealed blobs', 4, 1000, 'block list, contacts, settings...'),
}

function number(
  value: number,
  unit: string,
  min: number,
  max: number,
  about: string,
): NumberOption {
  return { kind: 'number', default: value, unit, min, max, about }
}

function choice<const T extends string>(
  value: T,
  values: readonly T[],
  about: string,
): ChoiceOption<T> {
  return { kind: 'choice', default: value, values, about }
}

function isOption(name: string): name is keyof ServerConfig {
  return Object.hasOwn(SERVER_OPTIONS, name)
}

/**
 * A complete configuration from what an operator wrote; numbers may be text (environment, flags), and ms a span like 30d.
 *
 * @throws E_CONFIG naming the setting, what is allowed and what was found.
 */
export function parseServerConfig(input: Readonly<Record<string, unknown>> = {}): ServerConfig {
  const out: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(SERVER_OPTIONS)) out[name] = option.default
  for (const [name, value] of Object.entries(input)) {
    if (!isOption(name)) return fail('E_CONFIG', `There is no setting called ${name}.`)
    if (value !== undefined) out[name] = parseOption(name, SERVER_OPTIONS[name], value)
  }
  return out as unknown as ServerConfig
}

function parseOption(
  name: string,
  option: NumberOption | ChoiceOption<string>,
  value: unknown,
): unknown {
  if (option.kind === 'choice') {
    if (typeof value === 'string' && option.values.includes(value)) return value
    return fail('E_CONFIG', `${name} is one of ${option.values.join(', ')}.`)
  }
  const n = typeof value === 'string' ? numberIn(value.trim(), option.unit) : value
  if (typeof n === 'number' && Number.isSafeInteger(n) && n >= option.min && n <= option.max) {
    return n
  }
  return fail('E_CONFIG', `${name} is ${rangeOf(option)} (${option.unit}).`)
}

/** What an option takes, in words. */
export function rangeOf({ unit, min, max }: NumberOption): string {
  const range = `a whole number from ${min} to ${max}`
  return unit === 'ms' ? `${range}, or a span from ${spanText(min)} to ${spanText(max)}` : range
}

function numberIn(text: string, unit: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text)
  const seconds = unit === 'ms' ? parseSpan(text) : null
  return seconds === null ? undefined : seconds * 1000
}
