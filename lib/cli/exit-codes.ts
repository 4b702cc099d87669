// What both programs tell the shell. Public: scripts and service managers rely on it, README repeats the table.
// The numbers are those of sysexits(3) where it has one.
import { codeOf, type ErrorCode } from '../util/errors.ts'

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  data: 65,
  file: 66,
  unknown: 67,
  unavailable: 69,
  temporary: 75,
  denied: 77,
  config: 78,
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** One line each, for README and --help. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done',
  failure: 'something unexpected; the message says what',
  usage: 'the command line is wrong',
  data: 'a key file, a text or stored data is damaged, or too big',
  file: 'a file or folder cannot be read or written',
  unknown: 'nobody and nothing is called so: a user, chat, message or number',
  unavailable: 'the server cannot be reached, or the port cannot be used',
  temporary: 'try again later: locked, busy, disk full, too many attempts, timed out',
  denied: 'refused: wrong password, unknown or changed identity, not allowed',
  config: 'the configuration is wrong',
  interrupted: 'stopped by Ctrl-C before it was done',
}

const BY_CODE: Readonly<Partial<Record<ErrorCode, keyof typeof EXIT>>> = {
  E_USAGE: 'usage',
  E_CONFIG: 'config',

  E_CORRUPT: 'data',
  E_FORMAT: 'data',
  E_VAULT: 'data',
  E_TOO_BIG: 'data',

  E_FILE: 'file',

  E_NOT_FOUND: 'unknown',

  E_CONNECT: 'unavailable',
  E_CLOSED: 'unavailable',
  E_HANDSHAKE: 'unavailable',
  E_RECORD: 'unavailable',
  E_VERSION: 'unavailable',

  E_LOCKED: 'temporary',
  E_BUSY: 'temporary',
  E_RATE: 'temporary',
  E_POW: 'temporary',
  E_TIMEOUT: 'temporary',
  E_STORE: 'temporary',
  E_DISK_FULL: 'temporary',
  E_MAILBOX_FULL: 'temporary',

  E_AUTH: 'denied',
  E_STATE: 'denied',
  E_TAKEN: 'denied',
  E_REPLACED: 'denied',
  E_BLOCKED: 'denied',
  E_UNTRUSTED: 'denied',
  E_NOT_LOGGED_IN: 'denied',
  E_NOT_ADMIN: 'denied',
  E_SERVER_IDENTITY: 'denied',
  E_SERVER_CERT: 'denied',
  E_IDENTITY: 'denied',
  E_ROLLBACK: 'denied',
  E_FORK: 'denied',
  E_NAME: 'denied',

  E_CANCELLED: 'interrupted',
}

/** Of any thrown value; what is not listed is 1. */
export function exitCodeOf(error: unknown): ExitCode {
  return EXIT[BY_CODE[codeOf(error)] ?? 'failure']
}
