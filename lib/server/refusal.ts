// From a thrown error to the `err` frame of PROTOCOL 14.2. The peer learns a code and at most the fields named here;
// causes stay in the log.
import type { FrameOf } from '../protocol/frames.ts'
import type { Bytes } from '../util/bytes.ts'
import { type ErrorCode, SecureChatError, type WireCode } from '../util/errors.ts'
import type { Reason } from './refusal-log.ts'

export interface RefusalDetails {
  /** Milliseconds until the same request may succeed. */
  readonly after?: number
  /** The number the server expects (index, version, sequence). */
  readonly n?: number
  /** Accounts to fetch again. */
  readonly who?: readonly Bytes[]
  /** A puzzle to solve first: leading zero bits and seed (PROTOCOL 4.5). */
  readonly w?: number
  readonly seed?: Bytes
}

/** An expected refusal with the fields that tell the client what to do next. */
export class Refusal extends SecureChatError {
  readonly details: RefusalDetails
  /** What the operator hears of it; null: nothing, it is everyday life. The peer never does. */
  readonly countedAs: Reason | null

  constructor(code: WireCode, details: RefusalDetails = {}, countedAs?: Reason) {
    super(code)
    this.countedAs = countedAs ?? (code === 'E_RATE' ? 'rate' : null)
    const { after } = details
    // clocks count in fractions, frames do not; rounded up, so that whoever waits as told is let in
    this.details = after === undefined ? details : { ...details, after: Math.ceil(after) }
  }
}

export function refuse(code: WireCode, details: RefusalDetails = {}, countedAs?: Reason): never {
  throw new Refusal(code, details, countedAs)
}

/** Local failures that the peer may understand; everything else it does not need to know is E_INTERNAL. */
const TOLD_AS: Partial<Record<ErrorCode, WireCode>> = {
  E_STORE: 'E_BUSY',
  E_DISK_FULL: 'E_BUSY',
  E_ROLLBACK: 'E_CAS',
  E_FORK: 'E_CAS',
  E_SIG: 'E_AUTH',
  E_IDENTITY: 'E_AUTH',
  E_BINDING: 'E_AUTH',
}

export function wireCodeOf(error: unknown): WireCode {
  if (!(error instanceof SecureChatError)) return 'E_INTERNAL'
  return error.wire ?? TOLD_AS[error.code] ?? 'E_INTERNAL'
}

export function errFrame(r: number, error: unknown): FrameOf<'err'> {
  const c = wireCodeOf(error)
  return error instanceof Refusal ? { t: 'err', r, c, ...error.details } : { t: 'err', r, c }
}
