// Real time. Timers never keep the process alive: what must go on has a socket, a file or a prompt of its own.
import type { Clock, Timer } from '../util/clock.ts'

/** setTimeout holds 31 bits; a longer delay would fire at once (mailboxes live 31 days). */
const LONGEST_MS = 2 ** 31 - 1

function after(delayMs: number, fn: () => void): Timer {
  let rest = delayMs
  let handle: NodeJS.Timeout
  const arm = (): void => {
    const step = Math.min(rest, LONGEST_MS)
    rest -= step
    handle = setTimeout(() => {
      if (rest > 0) arm()
      else fn()
    }, step)
    handle.unref()
  }
  arm()
  return {
    cancel() {
      clearTimeout(handle)
    },
  }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after,
}
