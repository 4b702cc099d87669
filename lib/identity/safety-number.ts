// The number two people compare to know that no server stands between them (PROTOCOL 5.6).
import { createHash } from 'node:crypto'

import { ctx } from '../crypto/ctx.ts'
import { type Bytes, compare, view } from '../util/bytes.ts'
import type { AccountId } from './conversation.ts'

/** Slows down a search for a key with a similar number; the same count as Signal's numeric fingerprints. */
const ITERATIONS = 5200
const GROUPS_PER_HALF = 6
const BYTES_PER_GROUP = 5

export interface SafetyParty extends AccountId {
  /** SPKI of the current account identity key: not of the name, so renaming keeps the number. */
  readonly aik: Bytes
}

/** Six groups of five digits for one account; about 10 ms. */
export function safetyHalf({ srv, acct, aik }: SafetyParty): string[] {
  let x = ctx('safety', srv, acct, aik)
  for (let i = 0; i < ITERATIONS; i++) x = createHash('sha512').update(x).update(aik).digest()
  return Array.from({ length: GROUPS_PER_HALF }, (_, group) => {
    const bits = view(x).readUIntBE(group * BYTES_PER_GROUP, BYTES_PER_GROUP)
    return String(bits % 100_000).padStart(5, '0')
  })
}

/** Twelve groups of five digits, the same on both sides. */
export function safetyNumber(a: SafetyParty, b: SafetyParty): string[] {
  return [a, b].sort((p, q) => compare(p.acct, q.acct)).flatMap(safetyHalf)
}
