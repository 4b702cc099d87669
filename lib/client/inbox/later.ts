// Failures that say nothing about a message: our disk or the connection. The same mail is taken later; nothing is acknowledged.
import { codeOf, type ErrorCode, SecureChatError } from '../../util/errors.ts'
import { Refusal } from '../refusal.ts'

/** The disk of this device: no connection brings it back. */
const DISK: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['E_STORE', 'E_DISK_FULL', 'E_CORRUPT'])

const LINE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['E_CLOSED', 'E_TIMEOUT'])

export function isOfDisk(error: unknown): boolean {
  return DISK.has(codeOf(error))
}

/** A server that refuses for now counts; one that knows nobody by that name does not. */
export function isForLater(error: unknown): boolean {
  if (isOfDisk(error) || LINE.has(codeOf(error))) return true
  return error instanceof Refusal && error.code !== 'E_NOT_FOUND'
}

/** As isForLater, and everything that is no answer at all. */
export function mustWait(error: unknown): boolean {
  return !(error instanceof SecureChatError) || isForLater(error)
}
