// What a peer is told when something of its could not be read: as little as lets it help (PROTOCOL 9.4, 15).
import type { ErrorCode } from '../util/errors.ts'

export type ResendReason = 'nokey' | 'gap' | 'bad'

/**
 * Wrap, commitment, decryption and signature look the same: a peer that probes with damaged envelopes learns nothing from
 * the answer. Codes that are not here get none: duplicates need nothing, ghosts and strangers deserve nothing.
 */
const REASONS: Readonly<Partial<Record<ErrorCode, ResendReason>>> = {
  E_NO_KEY: 'nokey',
  E_SKIP: 'gap',
  E_UNWRAP: 'bad',
  E_COMMIT: 'bad',
  E_DECRYPT: 'bad',
  E_SIG: 'bad',
}

/** The `why` of a `resend`, or null when none is sent. */
export function resendReason(code: ErrorCode): ResendReason | null {
  return REASONS[code] ?? null
}
