// The certificate by which a server's long-lived identity vouches for its launch key of today (PROTOCOL 4.1).
// Knows the signed structure only; when it is sent and what a pin is belongs to channel/ and client/.
import { ctx } from '../crypto/ctx.ts'
import { type RsaPrivateKey, RsaPublicKey } from '../crypto/rsa.ts'
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { LIMITS } from '../protocol/limits.ts'
import { b, check, exact, lit, u } from '../protocol/shape.ts'
import { type Bytes, equal } from '../util/bytes.ts'
import { codeOf, fail } from '../util/errors.ts'
import { checkSuccession, type Succession } from './succession.ts'

const CERT = exact({ k: lit('server'), rsa: b(294), org: b(32), nb: u, na: u })

export interface ServerCert {
  readonly cert: Buffer
  readonly sig: Buffer
}

/** An earlier identity key with its signature over the next one. */
export interface ChainLink {
  readonly ik: Bytes
  readonly sig: Bytes
}

export interface CertClaim {
  /** The current server identity key (SPKI) and its predecessors, oldest first. */
  readonly ik: Bytes
  readonly chain: readonly ChainLink[]
  readonly cert: Bytes
  readonly sig: Bytes
}

/** Valid from `nb` until `na` (ms since 1970), at most 24 hours. */
export async function signServerCert(body: {
  readonly sik: RsaPrivateKey
  readonly slk: RsaPublicKey
  readonly srv: Bytes
  readonly nb: number
  readonly na: number
}): Promise<ServerCert> {
  if (body.na <= body.nb || body.na - body.nb > LIMITS.certificateLifeMs) {
    throw new RangeError('a server certificate lives more than 0 and at most 24 hours')
  }
  const cert = encode({
    k: 'server',
    rsa: body.slk.spki,
    org: body.srv,
    nb: body.nb,
    na: body.na,
  })
  return { cert, sig: await body.sik.signAsync(ctx('server-cert', cert)) }
}

function identityOf({ ik, chain }: CertClaim): Succession {
  const keys = [...chain.map((link) => link.ik), ik]
  const signatures = chain.map((link) => link.sig)
  try {
    return checkSuccession('server-succ', [], keys, signatures)
  } catch (cause) {
    return fail('E_SERVER_IDENTITY', 'The server does not prove who it is.', cause)
  }
}

/** What a certificate says; anything that does not parse is E_SERVER_CERT, like everything else about it. */
function parse(cert: Bytes): { org: Bytes; nb: number; na: number; slk: RsaPublicKey } {
  try {
    const { rsa, org, nb, na } = check(CERT, decodeCanonical(cert))
    return { org, nb, na, slk: RsaPublicKey.fromSpki(rsa, 2048) }
  } catch (cause) {
    return fail('E_SERVER_CERT', `The server's certificate is malformed (${codeOf(cause)}).`, cause)
  }
}

/**
 * The checks of PROTOCOL 4.1 in their order: chain and origin; origin equals the pin; sig; org; time.
 *
 * @throws E_SERVER_IDENTITY when this is not the pinned server, or no consistent identity at all
 * @throws E_SERVER_CERT when the identity is right but does not vouch for this launch key now
 */
export function verifyServerCert(
  claim: CertClaim & { readonly pin?: Bytes | undefined; readonly now: number },
): { readonly srv: Buffer; readonly slk: RsaPublicKey } {
  const { origin, key } = identityOf(claim)
  if (claim.pin !== undefined && !equal(claim.pin, origin)) {
    fail('E_SERVER_IDENTITY', 'This is not the server that was pinned: its identity differs.')
  }
  if (!key.verify(ctx('server-cert', claim.cert), claim.sig)) {
    fail('E_SERVER_CERT', "The server's certificate is not signed by its identity.")
  }
  const { org, nb, na, slk } = parse(claim.cert)
  if (!equal(org, origin)) fail('E_SERVER_CERT', "The server's certificate is for another server.")
  if (na - nb > LIMITS.certificateLifeMs || claim.now > na || claim.now < nb - LIMITS.clockSkewMs) {
    fail(
      'E_SERVER_CERT',
      "The server's certificate is not valid now. Compare the clocks of this computer and the server.",
    )
  }
  return { srv: origin, slk }
}
