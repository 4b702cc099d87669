// The settings of a running server as they change: read again at SIGHUP or by `reload`, taken where that is possible, and
// named where it is not. A wrong configuration changes nothing.
import { codeOf } from '../../util/errors.ts'
import type { ProgramLog } from '../log.ts'
import type { Reloaded } from './operator/operations.ts'
import { isReloadable, type ServerSettings, SETTINGS } from './settings.ts'
import type { RunningServer } from './start.ts'

export class LiveSettings {
  readonly #reread: () => ServerSettings
  readonly #log: ProgramLog
  #now: ServerSettings

  constructor(first: ServerSettings, reread: () => ServerSettings, log: ProgramLog) {
    this.#now = first
    this.#reread = reread
    this.#log = log
  }

  get now(): ServerSettings {
    return this.#now
  }

  /** @throws E_CONFIG E_USAGE */
  reload(running: RunningServer): Reloaded {
    const next = this.#reread()
    const before = asMap(this.#now)
    const after = asMap(next)
    const different = [...SETTINGS.keys()].filter((name) => before.get(name) !== after.get(name))
    const changed = different.filter(isReloadable)
    const waiting = different.filter((name) => !isReloadable(name))
    const taken = changed.map((name) => [name, after.get(name)] as const)
    this.#now = { ...this.#now, ...(Object.fromEntries(taken) as Partial<ServerSettings>) }
    running.server.reconfigure(this.#now)
    this.#log.setLevel(this.#now.logLevel)
    this.#log.info('server.reloaded', { changed: changed.join(' '), waiting: waiting.join(' ') })
    return { changed, waiting }
  }

  /** As `reload`, for who cannot hear of an error but by the log. */
  tryReload(running: RunningServer): void {
    try {
      this.reload(running)
    } catch (error) {
      const cause = error instanceof Error ? error.message : ''
      this.#log.error('server.reload-failed', { code: codeOf(error), cause })
    }
  }
}

function asMap(settings: ServerSettings): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>(Object.entries(settings))
}
