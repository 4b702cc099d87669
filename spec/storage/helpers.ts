// What the storage specs share: clocks, folders, bytes, and a few words for asking a store.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { ExecutionContext } from 'ava'

import type { Bytes } from '../../lib/util/bytes.ts'
import { view } from '../../lib/util/bytes.ts'
import type { Clock } from '../../lib/util/clock.ts'
import { codeOf, type ErrorCode } from '../../lib/util/errors.ts'

/** The system's time, with a wall clock that can be set. */
export class SettableClock implements Clock {
  #offsetMs = 0

  now(): number {
    return Date.now() + this.#offsetMs
  }

  monotonic(): number {
    return performance.now()
  }

  after(delayMs: number, fn: () => void): { cancel(): void } {
    const timer = setTimeout(fn, delayMs)
    return {
      cancel: () => {
        clearTimeout(timer)
      },
    }
  }

  /** Moves the wall clock only. */
  set(offsetMs: number): void {
    this.#offsetMs = offsetMs
  }
}

/** Time stands still until `advance`. */
export class ManualClock implements Clock {
  #nowMs: number
  readonly #timers = new Set<{ readonly at: number; readonly fn: () => void }>()

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs
  }

  after(delayMs: number, fn: () => void): { cancel(): void } {
    const timer = { at: this.#nowMs + delayMs, fn }
    this.#timers.add(timer)
    return {
      cancel: () => {
        this.#timers.delete(timer)
      },
    }
  }

  /** Runs what falls due on the way, in order. */
  advance(ms: number): void {
    const until = this.#nowMs + ms
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= until)
      const next = due.sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#timers.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.at)
      next.fn()
    }
    this.#nowMs = until
  }
}

/** A folder that is gone after the test. */
export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'securechat-spec-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export function bytes(text: string): Buffer {
  return Buffer.from(text, 'utf8')
}

export function text(b: Bytes): string {
  return view(b).toString('utf8')
}

/** The code with which the call is refused; null when it is not refused. */
export async function refusal(call: Promise<unknown>): Promise<ErrorCode | null> {
  try {
    await call
    return null
  } catch (error) {
    return codeOf(error)
  }
}

/** Lets everything that is ready run, I/O included, without waiting for time to pass. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

/** Waits for something that will happen; how long it takes decides nothing. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 1))
}
