// What a command has to say, for people and for --json.
import type { ExitCode } from '../../exit-codes.ts'

export interface Outcome {
  readonly lines: readonly string[]
  /** For --json. */
  readonly result: unknown
  readonly exit?: ExitCode
  /** Sentences for stderr: the result is as good, but something else is wrong. */
  readonly warnings?: readonly string[]
}
