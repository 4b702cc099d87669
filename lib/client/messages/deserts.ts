// Stretches of a conversation in which nobody's time is believed: what looks for the nearest line that has one goes over each of
// them once, not with each line that comes. Numbers are places (place.ts); in memory only.
import { BoundedMap } from '../../util/rate.ts'

/** Conversations. */
const REMEMBERED = 1000
/** Of one conversation. */
const MOST = 1024
/** What is shorter is gone over as fast. */
const SHORTEST = 64

export interface Desert {
  /** The first and the last place of it. */
  readonly low: number
  readonly high: number
}

export class Deserts {
  readonly #known = new BoundedMap<readonly Desert[]>(REMEMBERED)

  /** The one in which this place is. */
  around(conv: string, place: number): Desert | undefined {
    return this.#known.get(conv)?.find(({ low, high }) => low <= place && place <= high)
  }

  add(conv: string, { low, high }: Desert): void {
    if (high - low < SHORTEST) return
    const known = this.#known.get(conv) ?? []
    const meets = (each: Desert): boolean => each.low <= high + 1 && low <= each.high + 1
    const met = [{ low, high }, ...known.filter(meets)]
    const whole = {
      low: Math.min(...met.map((each) => each.low)),
      high: Math.max(...met.map((each) => each.high)),
    }
    const others = known.filter((each) => !meets(each))
    this.#known.set(conv, [...others, whole].slice(-MOST))
  }

  /** A line with a time stands there now. */
  settled(conv: string, place: number): void {
    const known = this.#known.get(conv)
    const desert = this.around(conv, place)
    if (known === undefined || desert === undefined) return
    const { low, high } = desert
    const parts = [
      { low, high: place - 1 },
      { low: place + 1, high },
    ].filter((part) => part.high - part.low >= SHORTEST)
    this.#known.set(conv, [...known.filter((each) => each !== desert), ...parts])
  }
}
