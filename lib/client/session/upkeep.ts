// What a session clears away once a day, and at its start.
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { KeyRing } from '../account/key-ring.ts'
import type { Receivers } from '../inbox/receivers.ts'
import type { Outbox } from '../outbox/outbox.ts'

const DAY_MS = 24 * 3_600_000
/** What was sent is kept so long for those who ask for it again. */
const SENT_DAYS = 60

export interface UpkeepParts {
  readonly clock: Clock
  readonly log: Log
  readonly receivers: Receivers
  readonly keyRing: KeyRing
  readonly outbox: Outbox
}

export class DailyUpkeep {
  readonly #parts: UpkeepParts
  #timer: Timer | null = null
  #isOver = false

  constructor(parts: UpkeepParts) {
    this.#parts = parts
  }

  start(): void {
    const { clock, receivers, keyRing, outbox, log } = this.#parts
    this.#timer = clock.after(DAY_MS, () => {
      this.start()
    })
    const now = clock.now()
    Promise.all([
      receivers.prune(now, (klid) => keyRing.find(klid) !== undefined),
      outbox.sweep(Math.floor(now / DAY_MS) - SENT_DAYS),
    ]).catch((error: unknown) => {
      if (!this.#isOver) log.warn('client.upkeep', { code: codeOf(error) })
    })
  }

  stop(): void {
    this.#isOver = true
    this.#timer?.cancel()
  }
}
