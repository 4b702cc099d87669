// Why the client ends. The first reason wins; whatever it was, the terminal is restored and the connection closed.
import { constants } from 'node:os'

export type Ending =
  | { readonly why: 'quit' }
  /** Nobody can read what we print, or type to us: the terminal or the pipe is gone. */
  | { readonly why: 'hangup' }
  | { readonly why: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly why: 'failure'; readonly error: unknown }

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** 128 + number, as a shell reports a process that a signal ended. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

export class Endings {
  readonly first: Promise<Ending>
  #resolve: (ending: Ending) => void = () => undefined
  #signals = 0

  constructor() {
    this.first = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  end(ending: Ending): void {
    this.#resolve(ending)
  }

  /** Listens to the process; a second signal while closing ends at once. */
  watch(): void {
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        this.#signals += 1
        if (this.#signals > 1) process.exit(signalExitCode(signal))
        this.end({ why: 'signal', signal })
      })
    }
    // EPIPE and EIO: the reader is gone. Without a listener either would be an uncaught exception.
    for (const stream of [process.stdout, process.stderr]) {
      stream.on('error', () => {
        this.end({ why: 'hangup' })
      })
    }
    process.on('uncaughtException', (error) => {
      this.end({ why: 'failure', error })
    })
    process.on('unhandledRejection', (error) => {
      this.end({ why: 'failure', error })
    })
  }
}
