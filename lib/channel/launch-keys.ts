// The server's launch keys (PROTOCOL 3, 4.1): made in memory, certified by the server identity, replaced while running,
// gone with the process. Knows nothing of connections.
import { RsaPrivateKey } from '../crypto/rsa.ts'
import { type ChainLink, type ServerCert, signServerCert } from '../identity/server-cert.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Bytes } from '../util/bytes.ts'
import type { Clock, Timer } from '../util/clock.ts'
import { codeOf } from '../util/errors.ts'
import type { Log } from '../util/log.ts'
import { ServerHelloTemplate } from './handshake.ts'

const HOUR_MS = 3_600_000
/** A hello of the old key may still be on its way when the new one takes over. */
const OVERLAP_MS = 60_000
const RETRY_MS = 60_000

export interface LaunchKeyOptions {
  readonly sik: RsaPrivateKey
  readonly srv: Bytes
  /** Earlier identity keys, oldest first. */
  readonly chain: readonly ChainLink[]
  readonly clock: Clock
  readonly log: Log
  /**
   * A key is replaced after this long; its certificate lives twice as long, so that a client's clock may be wrong by
   * hours. Default and maximum 12 h.
   */
  readonly lifeMs?: number
  /** Where keys come from; by default made fresh in the thread pool. */
  readonly generate?: () => Promise<RsaPrivateKey>
}

/** One key with its prepared hello; the private half is dropped when its time is over. */
export class LaunchKey {
  readonly hello: ServerHelloTemplate
  readonly validFrom: number
  readonly validUntil: number
  #slk: RsaPrivateKey | null

  constructor(
    slk: RsaPrivateKey,
    hello: ServerHelloTemplate,
    validFrom: number,
    validUntil: number,
  ) {
    this.#slk = slk
    this.hello = hello
    this.validFrom = validFrom
    this.validUntil = validUntil
  }

  /** Null once retired: what was sealed for this key can no longer be opened by anybody. */
  get slk(): RsaPrivateKey | null {
    return this.#slk
  }

  retire(): void {
    this.#slk = null
  }
}

export class LaunchKeys {
  readonly #options: LaunchKeyOptions
  readonly #lifeMs: number
  #current: LaunchKey
  #previous: LaunchKey | null = null
  #rotating: Promise<void> | null = null
  #next: Timer | null = null
  #overlap: Timer | null = null
  #closed = false

  private constructor(options: LaunchKeyOptions, lifeMs: number, first: LaunchKey) {
    this.#options = options
    this.#lifeMs = lifeMs
    this.#current = first
    this.#schedule(lifeMs)
  }

  /** Makes and certifies the first key: a tenth of a second of somebody else's thread. */
  static async create(options: LaunchKeyOptions): Promise<LaunchKeys> {
    const lifeMs = options.lifeMs ?? LIMITS.certificateLifeMs / 2
    if (!(lifeMs > 0 && lifeMs <= LIMITS.certificateLifeMs / 2)) {
      throw new RangeError('a launch key lives more than 0 and at most 12 hours')
    }
    return new LaunchKeys(options, lifeMs, await certify(options, lifeMs))
  }

  /** The key for new handshakes. After a jump of the clock it may be one that clients refuse, for a moment. */
  get current(): LaunchKey {
    const now = this.#options.clock.now()
    if (now < this.#current.validFrom || now > this.#current.validUntil) void this.rotate()
    return this.#current
  }

  /** A fresh key for new handshakes; the old one serves those under way for 60 s. Failures are logged and retried. */
  rotate(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#rotating ??= this.#replace().finally(() => {
      this.#rotating = null
    })
    return this.#rotating
  }

  /** Drops all keys: no handshake succeeds any more. */
  close(): void {
    this.#closed = true
    this.#next?.cancel()
    this.#overlap?.cancel()
    this.#previous?.retire()
    this.#current.retire()
  }

  async #replace(): Promise<void> {
    const { clock, log } = this.#options
    let fresh: LaunchKey
    try {
      fresh = await certify(this.#options, this.#lifeMs)
    } catch (error) {
      log.error('launch-key.failed', { code: codeOf(error) })
      this.#schedule(RETRY_MS)
      return
    }
    if (this.#closed) return
    this.#previous?.retire()
    this.#overlap?.cancel()
    const previous = this.#current
    this.#previous = previous
    this.#current = fresh
    this.#overlap = clock.after(OVERLAP_MS, () => {
      previous.retire()
    })
    this.#schedule(this.#lifeMs)
    log.info('launch-key.rotated')
  }

  #schedule(delayMs: number): void {
    this.#next?.cancel()
    if (this.#closed) return
    this.#next = this.#options.clock.after(delayMs, () => {
      void this.rotate()
    })
  }
}

async function certify(options: LaunchKeyOptions, lifeMs: number): Promise<LaunchKey> {
  const { sik, srv, chain, clock, generate = () => RsaPrivateKey.generate(2048) } = options
  const slk = await generate()
  // begins in the past: a client's clock may be late, too
  const nb = clock.now() - Math.min(HOUR_MS, lifeMs / 4)
  const na = nb + 2 * lifeMs
  const cert: ServerCert = await signServerCert({ sik, slk: slk.publicKey, srv, nb, na })
  const hello = new ServerHelloTemplate(cert, sik.publicKey.spki, chain)
  return new LaunchKey(slk, hello, nb, na)
}
