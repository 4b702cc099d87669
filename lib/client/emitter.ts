// One stream of events to the front end. Knows nothing of what they mean.
import { codeOf } from '../util/errors.ts'
import type { Log } from '../util/log.ts'
import type { ClientEvent } from './events.ts'

/** Events kept while nobody listens yet; the messages themselves are in the store. */
const KEPT_COUNT = 4096

export type Emit = (event: ClientEvent) => void

export class Emitter {
  readonly #log: Log
  readonly #listeners = new Set<(event: ClientEvent) => void>()
  #early: ClientEvent[] | null = []

  constructor(log: Log) {
    this.#log = log
  }

  /** The first listener gets what happened before it came, in order, before this returns. */
  on(listener: (event: ClientEvent) => void): () => void {
    this.#listeners.add(listener)
    const early = this.#early ?? []
    this.#early = null
    for (const event of early) this.#tell(listener, event)
    return () => this.#listeners.delete(listener)
  }

  readonly emit: Emit = (event) => {
    if (this.#early !== null) {
      this.#early.push(event)
      if (this.#early.length > KEPT_COUNT) this.#early.shift()
      return
    }
    for (const listener of this.#listeners) this.#tell(listener, event)
  }

  /** A front end that fails to show something must not stop the messenger. */
  #tell(listener: (event: ClientEvent) => void, event: ClientEvent): void {
    try {
      listener(event)
    } catch (error) {
      this.#log.error('client.listener', { code: codeOf(error), event: event.type })
    }
  }
}
