// From an introduction to a connection: one side waits, the other dials every three seconds; when that leads to nothing they
// change roles, and then it is over (PROTOCOL 12). The one connection that counts is the first over which both have answered.
import type { Connection } from '../../channel/connection.ts'
import { connectLink, type LinkTerms } from '../../channel/link-connection.ts'
import type { LinkSecret } from '../../channel/link.ts'
import type { Address } from '../../protocol/composites.ts'
import { type Bytes, hex } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf, SecureChatError } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Dial } from '../ports.ts'
import { type Serve, Wire } from '../wire.ts'
import { addressWords } from './addresses.ts'
import type { Door } from './doors.ts'

const EVERY_MS = 3000
/** Then the other side dials. */
const TURN_MS = 10_000
const OVER_MS = 20_000
const CONFIRM_MS = 5000

export interface MeetingOptions {
  readonly secret: LinkSecret
  readonly clock: Clock
  readonly log: Log
  readonly dial: Dial
  /** Null: this side only dials. */
  readonly door: Door | null
  /** Where the other side listens; none: it only dials. */
  readonly candidates: readonly Address[]
  readonly dialsFirst: boolean
  readonly serve: Serve
  /** Nobody was reached so often. */
  readonly trying: (attempt: number) => void
}

export class Meeting {
  /** @throws E_CONNECT when nobody was reached, E_CANCELLED */
  readonly wire: Promise<Wire>
  readonly #options: MeetingOptions
  readonly #terms: LinkTerms
  #resolve!: (wire: Wire) => void
  #reject!: (error: SecureChatError) => void
  readonly #hellos = new Set<string>()
  readonly #dialling = new Set<string>()
  readonly #halves = new Set<Wire>()
  readonly #timers: Timer[] = []
  #mayDial = false
  #isShaking = false
  #isOver = false
  #attempt = 0

  constructor(options: MeetingOptions) {
    const { door, dialsFirst, secret, candidates } = options
    this.#options = options
    this.#terms = { secret, isFresh: (p1) => this.#isFresh(p1) }
    this.wire = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    door?.expect(this.#terms, (connection) => this.#confirm(connection))
    const alone = door === null || dialsFirst
    if (candidates.length > 0) {
      this.#after(alone ? 0 : TURN_MS, () => {
        this.#dialAll()
      })
    }
    if (door !== null && dialsFirst) {
      this.#after(TURN_MS, () => {
        this.#mayDial = false
      })
    }
    this.#after(OVER_MS, () => {
      this.#fail(new SecureChatError('E_CONNECT', 'Neither side could reach the other.'))
    })
  }

  cancel(): void {
    this.#fail(new SecureChatError('E_CANCELLED', 'It was cancelled.'))
  }

  #after(ms: number, work: () => void): void {
    this.#timers.push(this.#options.clock.after(ms, work))
  }

  #isFresh(p1: Bytes): boolean {
    const key = hex(p1)
    const fresh = !this.#hellos.has(key)
    this.#hellos.add(key)
    return fresh
  }

  #dialAll(): void {
    if (this.#attempt === 0) this.#mayDial = true
    if (!this.#mayDial || this.#isOver) return
    if (this.#attempt > 0) this.#options.trying(this.#attempt)
    this.#attempt += 1
    for (const candidate of this.#options.candidates) void this.#dialOne(candidate)
    this.#after(EVERY_MS, () => {
      this.#dialAll()
    })
  }

  async #dialOne(candidate: Address): Promise<void> {
    const key = addressWords(candidate)
    if (this.#dialling.has(key)) return
    this.#dialling.add(key)
    try {
      const duplex = await this.#options.dial(...candidate)
      if (!this.#mayDial || this.#isOver || this.#isShaking) {
        duplex.destroy()
        return
      }
      this.#isShaking = true
      try {
        await this.#confirm(await connectLink(duplex, this.#options.clock, this.#terms))
      } finally {
        this.#isShaking = false
      }
    } catch (error) {
      this.#options.log.debug('client.direct.dial', { code: codeOf(error) })
    } finally {
      this.#dialling.delete(key)
    }
  }

  /** Who answers over the new keys is no replay; the first one is it. */
  async #confirm(connection: Connection): Promise<void> {
    const { clock, log, serve } = this.#options
    const wire = new Wire(connection, clock, log, serve)
    this.#halves.add(wire)
    if (!this.#isOver) await wire.request('ping', {}, CONFIRM_MS)
    this.#halves.delete(wire)
    if (this.#isOver) wire.destroy('E_CANCELLED', 'There is another connection.')
    else {
      this.#end()
      this.#resolve(wire)
    }
  }

  #fail(error: SecureChatError): void {
    if (this.#isOver) return
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    this.#isOver = true
    this.#options.door?.close()
    for (const timer of this.#timers) timer.cancel()
    for (const wire of this.#halves) wire.destroy('E_CANCELLED', 'There is another connection.')
  }
}
