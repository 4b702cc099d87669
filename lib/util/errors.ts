// The one error class of the project and the closed union of its codes.
// PROTOCOL 15 lists the codes of the wire and of local checks; the rest belong to this program.

/** Codes that may travel in an `err` or `bye` frame (PROTOCOL 15). */
export const WIRE_CODES = [
  'E_VERSION',
  'E_STATE',
  'E_AUTH',
  'E_RATE',
  'E_POW',
  'E_FORMAT',
  'E_TOO_BIG',
  'E_TAKEN',
  'E_CAS',
  'E_GAP',
  'E_STALE_BUNDLE',
  'E_STALE_STREAM',
  'E_UNKNOWN_STREAM',
  'E_NO_DEVICE',
  'E_MAILBOX_FULL',
  'E_NOT_FOUND',
  'E_REPLACED',
  'E_BUSY',
  'E_INTERNAL',
] as const

/** Codes of checks that fail on this side only and are never told to the peer (PROTOCOL 15). */
export const LOCAL_CODES = [
  'E_SERVER_IDENTITY',
  'E_SERVER_CERT',
  'E_HANDSHAKE',
  'E_RECORD',
  'E_IDENTITY',
  'E_BINDING',
  'E_NAME',
  'E_SIG',
  'E_ROLLBACK',
  'E_FORK',
  'E_NOT_FOR_ME',
  'E_NO_KEY',
  'E_UNWRAP',
  'E_COMMIT',
  'E_DECRYPT',
  'E_DUPLICATE',
  'E_SKIP',
  'E_GHOST_USER',
  'E_GHOST_DEVICE',
  'E_GROUP',
  'E_NOT_ADMIN',
  'E_VAULT',
] as const

/** Codes of the programs themselves: prompt, files, configuration, storage, network. */
export const PROGRAM_CODES = [
  'E_USAGE',
  'E_CONFIG',
  'E_CONNECT',
  'E_CLOSED',
  'E_TIMEOUT',
  'E_CANCELLED',
  'E_LOCKED',
  'E_STORE',
  'E_CORRUPT',
  'E_FILE',
  'E_DISK_FULL',
  'E_BLOCKED',
  'E_UNTRUSTED',
  'E_NOT_LOGGED_IN',
] as const

export type WireCode = (typeof WIRE_CODES)[number]
export type ErrorCode = WireCode | (typeof LOCAL_CODES)[number] | (typeof PROGRAM_CODES)[number]

export interface ErrorOptions {
  readonly cause?: unknown
  /** What the peer is told when it differs from `code`; absent: the code if it is a wire code, else nothing. */
  readonly wire?: WireCode
}

/** Every expected failure. `code` is stable and asserted by tests; the message is for people. */
export class SecureChatError extends Error {
  override readonly name = 'SecureChatError'
  readonly code: ErrorCode
  readonly wire: WireCode | undefined

  constructor(code: ErrorCode, message: string = code, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.wire = options.wire ?? (isWireCode(code) ? code : undefined)
  }
}

export function isWireCode(code: string): code is WireCode {
  return (WIRE_CODES as readonly string[]).includes(code)
}

/** Throws a coded error; usable as an expression: `map.get(k) ?? fail('E_NOT_FOUND')`. */
export function fail(code: ErrorCode, message?: string, cause?: unknown): never {
  throw new SecureChatError(code, message, cause === undefined ? {} : { cause })
}

/** The code of any thrown value; what is not ours is E_INTERNAL. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof SecureChatError ? error.code : 'E_INTERNAL'
}
