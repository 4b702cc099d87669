// How long a mail for a connected receiver may wait for its acknowledgement before it is written: twice what
// acknowledgements have been taking lately, within bounds. A fixed time would be wrong for receivers far away and on a busy
// day: every mail would go to the disk a moment before its acknowledgement arrives. The sender hears nothing meanwhile, so
// the upper bound is what a person does not notice.
const UPPER = 8
/** Of each new measurement in the average. */
const WEIGHT = 1 / 16

export class AckWindow {
  readonly #leastMs: number
  #usualMs = 0

  constructor(leastMs: number) {
    this.#leastMs = leastMs
  }

  get ms(): number {
    return Math.max(this.#leastMs, 2 * this.#usualMs)
  }

  /** One acknowledgement took so long, in time or not. */
  took(ms: number): void {
    const counted = Math.min(ms, (UPPER * this.#leastMs) / 2)
    this.#usualMs += (counted - this.#usualMs) * WEIGHT
  }
}
