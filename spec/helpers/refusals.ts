// What specs of signed and sealed things share: damage in every place, and the code with which it is refused.
import { type ErrorCode, SecureChatError } from '../../lib/util/errors.ts'

export type Outcome = ErrorCode | 'accepted'

function outcomeOf(error: unknown): Outcome {
  if (error instanceof SecureChatError) return error.code
  throw error // an uncoded error is a bug of the decoder, whatever the test expected
}

/** The code with which a call fails, or 'accepted'. Errors without a code are thrown on. */
export function outcome(call: () => unknown): Outcome {
  try {
    call()
    return 'accepted'
  } catch (error) {
    return outcomeOf(error)
  }
}

export async function outcomeAsync(call: () => Promise<unknown>): Promise<Outcome> {
  try {
    await call()
    return 'accepted'
  } catch (error) {
    return outcomeOf(error)
  }
}

/** Copies of `bytes`, each with one byte changed; `step` > 1 samples the places. */
export function* everyByteChanged(bytes: Uint8Array, step = 1): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += step) {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8))
    yield copy
  }
}

/** Every proper prefix, and the whole with one byte more. */
export function* everyLength(bytes: Uint8Array, step = 1): Generator<Buffer> {
  for (let n = 0; n < bytes.length; n += step) yield Buffer.from(bytes.subarray(0, n))
  yield Buffer.concat([bytes, Buffer.alloc(1)])
}

/** The distinct outcomes of a call over many inputs, sorted: one look at how many ways a thing can fail. */
export function outcomes<T>(inputs: Iterable<T>, call: (input: T) => unknown): Outcome[] {
  const found = new Set<Outcome>()
  for (const input of inputs) found.add(outcome(() => call(input)))
  return [...found].sort()
}

/** Few property runs by default, many with SLOW=1. */
export function runs(few: number): { numRuns: number } {
  return { numRuns: process.env['SLOW'] === undefined ? few : few * 100 }
}

/** Places to damage: all of them with SLOW=1, else every `step`th. */
export function everyNth(step: number): number {
  return process.env['SLOW'] === undefined ? step : 1
}

/** All an attacker or a user could see of failures: code, message, cause. One face = indistinguishable. */
export async function faces<T>(
  inputs: Iterable<T>,
  call: (input: T) => unknown,
): Promise<string[]> {
  const found = new Set<string>()
  for (const input of inputs) {
    try {
      await call(input)
      found.add('accepted')
    } catch (error) {
      if (!(error instanceof SecureChatError)) throw error
      const cause = error.cause === undefined ? '' : ' with a cause'
      found.add(`${error.code} (${String(error.wire)}): ${error.message}${cause}`)
    }
  }
  return [...found].sort()
}
