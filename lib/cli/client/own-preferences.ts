// The preferences of whoever is logged in: read from the notebook of the session, told to whom it concerns, written when they change.
import type { Session } from '../../client/api.ts'
import type { Log } from '../../util/log.ts'
import { codeOf } from '../../util/errors.ts'
import {
  DEFAULT_PREFERENCES,
  prefer,
  type PreferenceName,
  type Preferences,
  readPreferences,
  writePreferences,
} from './preferences.ts'

const NOTE = 'window'

export class OwnPreferences {
  readonly #log: Log
  readonly #listeners: ((now: Preferences) => void)[] = []
  #now = DEFAULT_PREFERENCES
  #ready: Promise<void> = Promise.resolve()
  #isReady = true

  constructor(log: Log) {
    this.#log = log
  }

  onChange(listener: (now: Preferences) => void): void {
    this.#listeners.push(listener)
  }

  get now(): Preferences {
    return this.#now
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** Resolves when those of the session are known. */
  get ready(): Promise<void> {
    return this.#ready
  }

  /** Null: nobody is logged in. */
  use(session: Session | null): void {
    if (session === null) {
      this.#ready = Promise.resolve()
      this.#isReady = true
      this.#become(DEFAULT_PREFERENCES)
      return
    }
    this.#isReady = false
    const ready = this.#read(session).then(() => {
      if (this.#ready === ready) this.#isReady = true
    })
    this.#ready = ready
  }

  /** Durable when it resolves. @throws E_USAGE */
  async choose(session: Session, name: PreferenceName, value: string): Promise<void> {
    await this.#ready
    const next = prefer(this.#now, name, value)
    await session.notebook.write(NOTE, writePreferences(next))
    this.#become(next)
  }

  async #read(session: Session): Promise<void> {
    try {
      this.#become(readPreferences(await session.notebook.read(NOTE)))
    } catch (error) {
      this.#log.info('preferences', { code: codeOf(error) })
    }
  }

  #become(next: Preferences): void {
    this.#now = next
    for (const tell of this.#listeners) tell(next)
  }
}
