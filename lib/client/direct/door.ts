// The port that waits for one announced visitor. Strangers cost little and learn nothing: few at a time, at a bounded rate,
// and nobody is heard while no secret is agreed (PROTOCOL 12).
import type { Duplex } from 'node:stream'
import type { Clock } from '../../util/clock.ts'
import { Bucket } from '../../util/rate.ts'
import type { DirectPort } from '../ports.ts'

/** Whose hello is awaited or checked at a time. */
const VISITORS_MAX = 8
const RATE = { perSecond: 5, burst: 20 }
/** Who dials is often faster than his answer, which goes over the server: he waits so long, unheard. */
const EARLY_MS = 5000

/** Takes over the stream; resolves when it is known who came. Must not reject. */
export type Visit = (duplex: Duplex) => Promise<void>

export class Door {
  readonly #bucket: Bucket
  readonly #clock: Clock
  #visit: Visit | null = null
  readonly #early = new Set<(visit: Visit | null) => void>()
  #visitors = 0
  #listener: Awaited<ReturnType<DirectPort['listen']>> | null = null
  #closed = false

  private constructor(clock: Clock) {
    this.#clock = clock
    this.#bucket = new Bucket(RATE, clock.monotonic())
  }

  /** @throws E_CONNECT E_CONFIG */
  static async open(port: DirectPort, clock: Clock): Promise<Door> {
    const door = new Door(clock)
    door.#listener = await port.listen((duplex) => {
      door.#arrived(duplex)
    })
    return door
  }

  get port(): number {
    return this.#listener?.port ?? 0
  }

  /** From now on somebody is expected. */
  expect(visit: Visit): void {
    this.#visit = visit
    this.#admit(visit)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#visit = null
    this.#admit(null)
    void this.#listener?.close()
  }

  #arrived(duplex: Duplex): void {
    duplex.on('error', ignore)
    const mayTry =
      !this.#closed &&
      this.#visitors < VISITORS_MAX &&
      this.#bucket.take(this.#clock.monotonic()) === 0
    if (!mayTry) {
      duplex.destroy()
      return
    }
    this.#visitors += 1
    void this.#receive(duplex).finally(() => {
      this.#visitors -= 1
    })
  }

  async #receive(duplex: Duplex): Promise<void> {
    const visit = this.#visit ?? (await this.#expected())
    if (visit === null) duplex.destroy()
    else await visit(duplex)
  }

  #expected(): Promise<Visit | null> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(EARLY_MS, () => {
        end(null)
      })
      const end = (visit: Visit | null): void => {
        timer.cancel()
        this.#early.delete(end)
        resolve(visit)
      }
      this.#early.add(end)
    })
  }

  #admit(visit: Visit | null): void {
    for (const end of [...this.#early]) end(visit)
  }
}

function ignore(): void {
  // whoever takes over hears of it
}
