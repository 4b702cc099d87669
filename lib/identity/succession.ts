// Key histories: an identity is the hash of its FIRST key and stays so while key j-1 signs key j (PROTOCOL 3).
// The same rules for server identities and account identities; knows neither certificates nor device lists.
import { ctx } from '../crypto/ctx.ts'
import { sha256 } from '../crypto/hash.ts'
import { type RsaPrivateKey, RsaPublicKey } from '../crypto/rsa.ts'
import { LIMITS } from '../protocol/limits.ts'
import { type Bytes, u32 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { type Verification, verifyNow } from './verification.ts'

export type SuccessionLabel = 'server-succ' | 'aik-succ'

export interface Succession {
  /** H(first SPKI): srv or acct. */
  readonly origin: Buffer
  /** The last key: the one that signs now. */
  readonly key: RsaPublicKey
}

const SUCCESSIONS_MAX: Readonly<Record<SuccessionLabel, number>> = {
  'aik-succ': LIMITS.identitySuccessions,
  'server-succ': LIMITS.serverSuccessions,
}

/** sig_j signs ctx(label, bind.., origin, u32 j, k_j); bind = [srv] for accounts, [] for servers. */
function statement(
  label: SuccessionLabel,
  bind: readonly Bytes[],
  origin: Bytes,
  j: number,
  nextSpki: Bytes,
): Buffer {
  return ctx(label, ...bind, origin, u32(j), nextSpki)
}

function parseKey(spki: Bytes): RsaPublicKey {
  try {
    return RsaPublicKey.fromSpki(spki, 3072)
  } catch (cause) {
    return fail('E_IDENTITY', 'The key history contains something that is not a key.', cause)
  }
}

export function* successionSteps(
  label: SuccessionLabel,
  bind: readonly Bytes[],
  spkis: readonly Bytes[],
  signatures: readonly Bytes[],
): Verification<Succession> {
  const [first] = spkis
  if (
    first === undefined ||
    signatures.length > SUCCESSIONS_MAX[label] ||
    signatures.length !== spkis.length - 1
  ) {
    fail('E_IDENTITY', 'The key history has a wrong number of keys or signatures.')
  }
  const origin = sha256(first)
  let key = parseKey(first)
  for (const [index, signature] of signatures.entries()) {
    const next = parseKey(spkis[index + 1] ?? fail('E_IDENTITY'))
    const message = statement(label, bind, origin, index + 1, next.spki)
    if (!(yield { key, message, signature })) {
      fail('E_IDENTITY', 'The key history is not signed by the key before.')
    }
    key = next
  }
  return { origin, key }
}

/** The origin and the current key of a history k_0..k_m with its m signatures. @throws E_IDENTITY for every failure */
export function checkSuccession(
  label: SuccessionLabel,
  bind: readonly Bytes[],
  spkis: readonly Bytes[],
  signatures: readonly Bytes[],
): Succession {
  return verifyNow(successionSteps(label, bind, spkis, signatures))
}

/** The signature of the current key over its successor, the key number `j` of the history (first key: 0). */
export function signSuccession(
  current: RsaPrivateKey,
  next: {
    readonly label: SuccessionLabel
    readonly bind: readonly Bytes[]
    readonly origin: Bytes
    readonly j: number
    readonly spki: Bytes
  },
): Promise<Buffer> {
  return current.signAsync(statement(next.label, next.bind, next.origin, next.j, next.spki))
}
