// Refusals of a server as errors: the code decides what is done, the other fields say when and about whom (PROTOCOL 14.2).
import type { FrameOf } from '../protocol/frames.ts'
import type { Bytes } from '../util/bytes.ts'
import { codeOf, type ErrorCode, isWireCode, SecureChatError } from '../util/errors.ts'

/** The server answered `err`. Its codes are a closed list: what is not on it is E_INTERNAL. */
export class Refusal extends SecureChatError {
  /** Wait this long before the next try. */
  readonly afterMs: number | undefined
  /** The next index or the current version, depending on the request. */
  readonly n: number | undefined
  /** Accounts whose keys must be fetched again. */
  readonly who: readonly Bytes[]
  readonly puzzle: { readonly w: number; readonly seed: Bytes } | undefined

  constructor(err: FrameOf<'err'>) {
    const code: ErrorCode = isWireCode(err.c) ? err.c : 'E_INTERNAL'
    super(code, SENTENCES[code] ?? `The server refused (${code}).`)
    this.afterMs = err.after
    this.n = err.n
    this.who = err.who ?? []
    this.puzzle =
      err.w === undefined || err.seed === undefined ? undefined : { w: err.w, seed: err.seed }
  }
}

/** The connection ended first: whether the server did it, nobody here knows. */
export function isUnanswered(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'E_CLOSED' || code === 'E_TIMEOUT'
}

/** What a person reads when nobody further up knows better. */
const SENTENCES: Partial<Record<ErrorCode, string>> = {
  E_RATE: 'The server asks to slow down. Wait a little and try again.',
  E_BUSY: 'The server is busy. Wait a little and try again.',
  E_INTERNAL: 'The server had a problem of its own. Try again; tell the operator if it stays.',
  E_TOO_BIG: 'This is larger than the server accepts.',
  E_TAKEN: 'That username is taken.',
  E_NOT_FOUND: 'The server does not have that.',
  E_AUTH: 'Wrong username or password.',
  E_MAILBOX_FULL: "The receiver's mailbox is full.",
  E_VERSION: 'The server speaks another version of the protocol. Update SecureChat.',
}
