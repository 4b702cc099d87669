// The outer handshake as functions over bytes (PROTOCOL 4.1, 4.2): Noise NK with an RSA KEM in place of `es`, plus `ee`.
// Knows no socket, no clock and no policy; client-handshake.ts and server-handshake.ts bring those.
//
//   SH = 0x01 || CBOR{v, n, cert, sig, ik, w, ?chain}
//   CH = 0x02 || pow(8) || ct1(256) || seal1(k1, CBOR{v, rsa, x, ua})
//   SA = 0x03 || ct2(256) || seal1(k2, CBOR{x, sess, t})
import { open1, seal1 } from '../crypto/aead.ts'
import { ctx } from '../crypto/ctx.ts'
import { hkdf, hkdfExtract, sha256 } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import { type RsaPrivateKey, RsaPublicKey } from '../crypto/rsa.ts'
import { generateX25519, type X25519Key } from '../crypto/x25519.ts'
import type { ChainLink, ServerCert } from '../identity/server-cert.ts'
import { decodeCanonical, encode } from '../protocol/cbor.ts'
import { LIMITS } from '../protocol/limits.ts'
import { b, bRange, check, exact, list, lit, opt, s, type Shape, u } from '../protocol/shape.ts'
import { OUTER_VERSION } from '../protocol/version.ts'
import { type Bytes, concat, NO_BYTES } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { type ChannelKeys, channelKeys } from './key-schedule.ts'
import { POW_BYTES, powOk } from './pow.ts'

const SERVER_HELLO = 1
const CLIENT_HELLO = 2
const SERVER_ACCEPT = 3
const RSA_BYTES = 256
const SEED_BYTES = 32
const SESSION_BYTES = 16
const NONCE_BYTES = 32
const Z32 = Buffer.alloc(32)
/** Where the sealed body of a ClientHello begins. */
const CT1_AT = 1 + POW_BYTES
const CH_BOX_AT = CT1_AT + RSA_BYTES
const SA_BOX_AT = 1 + RSA_BYTES

export interface ServerHello {
  /** Outer versions the server speaks. */
  readonly v: readonly number[]
  readonly n: Bytes
  readonly cert: Bytes
  readonly sig: Bytes
  readonly ik: Bytes
  /** Zero bits of the puzzle; 0: none. */
  readonly w: number
  readonly chain?: readonly ChainLink[]
}

const CHAIN_LINK: Shape<ChainLink> = exact({ ik: b(422), sig: b(384) })
const SERVER_HELLO_BODY: Shape<ServerHello> = exact({
  v: list(u, 16, 1),
  n: b(NONCE_BYTES),
  cert: bRange(1, 1024),
  sig: b(384),
  ik: b(422),
  w: u,
  chain: opt(list(CHAIN_LINK, LIMITS.serverSuccessions, 1)),
})

const CLIENT_HELLO_BODY: Shape<{
  readonly v: number
  readonly rsa: Bytes
  readonly x: Bytes
  readonly ua: string
}> = exact({ v: lit(OUTER_VERSION), rsa: bRange(1, 512), x: b(32), ua: s(32) })

const SERVER_ACCEPT_BODY: Shape<{
  readonly x: Bytes
  readonly sess: Bytes
  readonly t: number
}> = exact({ x: b(32), sess: b(SESSION_BYTES), t: u })

/** One error for whatever is wrong with a hello: nothing in it tells where the check stopped. */
function refused(): never {
  return fail('E_HANDSHAKE', 'The handshake failed.')
}

function attempt<T>(parse: () => T): T {
  try {
    return parse()
  } catch {
    return refused()
  }
}

/** The frame without its nonce and puzzle, which `stamp` fills in: signing and encoding happen once per launch key. */
export class ServerHelloTemplate {
  readonly #frame: Buffer
  readonly #nonceAt: number
  readonly #bitsAt: number

  constructor(cert: ServerCert, ik: Bytes, chain: readonly ChainLink[]) {
    const fields = { v: [OUTER_VERSION], n: Z32, w: 0, ...cert, ik }
    const body = encode(chain.length === 0 ? fields : { ...fields, chain })
    this.#frame = concat(Buffer.of(SERVER_HELLO), body)
    // deterministic CBOR sorts by key length: map, "n", bstr32, "v", [1], "w", u
    this.#nonceAt = 1 + 1 + 2 + 2
    this.#bitsAt = this.#nonceAt + NONCE_BYTES + 2 + 2 + 2
  }

  /** `bits` <= 23: one byte of CBOR. */
  stamp(nonce: Bytes, bits: number): Buffer {
    if (nonce.length !== NONCE_BYTES || bits > 23) throw new RangeError('nonce or puzzle bits')
    const frame = Buffer.from(this.#frame)
    frame.set(nonce, this.#nonceAt)
    frame[this.#bitsAt] = bits
    return frame
  }
}

/** @throws E_HANDSHAKE for anything but a canonical ServerHello; who sent it is not checked here */
export function parseServerHello(frame: Bytes): ServerHello {
  if (frame[0] !== SERVER_HELLO || frame.length > LIMITS.handshakeFrameBytes) refused()
  return attempt(() => check(SERVER_HELLO_BODY, decodeCanonical(frame.subarray(1))))
}

/** What the client keeps between its hello and the answer. */
export interface ClientState {
  readonly h1: Bytes
  readonly seed: Bytes
  readonly ephemeral: X25519Key
}

/** Random inputs, given by specs only. */
export interface Randomness {
  readonly seed?: Bytes
  readonly ephemeral?: X25519Key
  readonly session?: Bytes
}

export async function clientHello(
  hello: {
    readonly h0: Bytes
    readonly slk: RsaPublicKey
    readonly clk: RsaPublicKey
    readonly pow: Bytes
    readonly ua: string
  },
  random: Randomness = {},
): Promise<{ readonly frame: Buffer; readonly state: ClientState }> {
  const { h0, slk, clk, pow, ua } = hello
  const { seed = randomBytes(SEED_BYTES), ephemeral = generateX25519() } = random
  const ct1 = await slk.wrapAsync(seed)
  const body = encode({ v: OUTER_VERSION, rsa: clk.spki, x: ephemeral.publicKey, ua })
  const box = seal1(helloKey(seed, h0), ctx('ch', h0, ct1), body)
  const frame = concat(Buffer.of(CLIENT_HELLO), pow, ct1, box)
  return { frame, state: { h1: sha256(h0, frame), seed, ephemeral } }
}

/** What can be refused without RSA: type, length, puzzle (PROTOCOL 4.5). */
export function isPlausibleClientHello(frame: Bytes, h0: Bytes, bits: number): boolean {
  return (
    frame[0] === CLIENT_HELLO &&
    frame.length >= LIMITS.clientHelloMinBytes &&
    frame.length <= LIMITS.handshakeFrameBytes &&
    powOk(h0, bits, frame.subarray(1, CT1_AT))
  )
}

export interface Accepted {
  readonly frame: Buffer
  readonly keys: ChannelKeys
  readonly ua: string
  readonly session: Bytes
}

/**
 * The server's answer to a plausible ClientHello: the private RSA operation in the thread pool, the public one is short.
 *
 * @throws E_HANDSHAKE, the same for everything
 */
export async function serverAccept(
  hello: {
    readonly h0: Bytes
    readonly slk: RsaPrivateKey
    readonly frame: Bytes
    readonly now: number
  },
  random: Randomness = {},
): Promise<Accepted> {
  const { h0, slk, frame, now } = hello
  const ct1 = frame.subarray(CT1_AT, CH_BOX_AT)
  const clientSeed = await slk.unwrapAsync(ct1)
  const body = open1(helloKey(clientSeed, h0), ctx('ch', h0, ct1), frame.subarray(CH_BOX_AT))
  if (body === null) return refused()
  const { ephemeral = generateX25519(), session = randomBytes(SESSION_BYTES) } = random
  const { clk, shared, ua } = attempt(() => {
    const fields = check(CLIENT_HELLO_BODY, decodeCanonical(body))
    return {
      clk: RsaPublicKey.fromSpki(fields.rsa, 2048),
      shared: ephemeral.agree(fields.x),
      ua: fields.ua,
    }
  })
  const { seed = randomBytes(SEED_BYTES) } = random
  const seeds = concat(clientSeed, seed)
  const h1 = sha256(h0, frame)
  const ct2 = await clk.wrapAsync(seed)
  const answer = encode({ x: ephemeral.publicKey, sess: session, t: now })
  const box = seal1(acceptKey(seeds, h1), ctx('sa', h1, ct2), answer)
  const accept = concat(Buffer.of(SERVER_ACCEPT), ct2, box)
  return { frame: accept, keys: agreedKeys(seeds, shared, h1, accept), ua, session }
}

/** @throws E_HANDSHAKE, the same for everything */
export async function clientFinish(
  state: ClientState,
  clk: RsaPrivateKey,
  frame: Bytes,
): Promise<{ readonly keys: ChannelKeys; readonly session: Bytes; readonly serverTime: number }> {
  const { h1, seed, ephemeral } = state
  if (frame[0] !== SERVER_ACCEPT || frame.length <= SA_BOX_AT) return refused()
  const ct2 = frame.subarray(1, SA_BOX_AT)
  const seeds = concat(seed, await clk.unwrapAsync(ct2))
  const body = open1(acceptKey(seeds, h1), ctx('sa', h1, ct2), frame.subarray(SA_BOX_AT))
  if (body === null) return refused()
  return attempt(() => {
    const { x, sess, t } = check(SERVER_ACCEPT_BODY, decodeCanonical(body))
    const keys = agreedKeys(seeds, ephemeral.agree(x), h1, frame)
    return { keys, session: sess, serverTime: t }
  })
}

/** prk = Extract(Z32, c_seed || s_seed || X25519), bound to everything both sides have sent (h2). */
export function agreedKeys(seeds: Bytes, shared: Bytes, h1: Bytes, accept: Bytes): ChannelKeys {
  return channelKeys(hkdfExtract(Z32, concat(seeds, shared)), sha256(h1, accept))
}

function helloKey(seed: Bytes, h0: Bytes): Buffer {
  return hkdf(seed, NO_BYTES, ctx('ch-key', h0), 32)
}

function acceptKey(seeds: Bytes, h1: Bytes): Buffer {
  return hkdf(seeds, NO_BYTES, ctx('sa-key', h1), 32)
}
