// When a connection has lasted long enough, and when its peer must be taken for gone: judged every few seconds from what
// was counted in between, so that no frame starts or moves a timer.
export interface LivenessLimits {
  /** Then `bye` and a fresh handshake (PROTOCOL 4.3). */
  readonly lifeMs: number
  /** A peer from which nothing came for so long is gone: clients ping after 30 s (PROTOCOL 9.3). */
  readonly silenceMs: number
  /** So is a peer that takes none of the bytes that wait for it. */
  readonly stallMs: number
}

export type Verdict = 'alive' | 'gone' | 'expired'

export class Liveness {
  readonly #limits: LivenessLimits
  readonly #since: number
  #heardAt: number
  #heard = false
  #takenAt: number
  #taken = 0
  #written = 0

  constructor(limits: LivenessLimits, now: number) {
    this.#limits = limits
    this.#since = now
    this.#heardAt = now
    this.#takenAt = now
  }

  received(): void {
    this.#heard = true
  }

  wrote(bytes: number): void {
    this.#written += bytes
  }

  /** `pendingBytes`: written, but not yet taken by the network. */
  check(now: number, pendingBytes: number): Verdict {
    if (this.#heard) this.#heardAt = now
    this.#heard = false
    const taken = this.#written - pendingBytes
    if (pendingBytes === 0 || taken !== this.#taken) this.#takenAt = now
    this.#taken = taken
    const { lifeMs, silenceMs, stallMs } = this.#limits
    if (now - this.#heardAt >= silenceMs || now - this.#takenAt >= stallMs) return 'gone'
    return now - this.#since >= lifeMs ? 'expired' : 'alive'
  }
}
