// What the operations stand on: a running server with its life, or one put together for a single command.
import type { Clock } from '../../../util/clock.ts'
import { fail } from '../../../util/errors.ts'
import { systemClock } from '../../system-clock.ts'
import { lastBackupAt, movedFrom } from '../backup/marks.ts'
import { writeBackup } from '../backup/write.ts'
import { linkOf } from '../link.ts'
import type { ServerSettings } from '../settings.ts'
import type { RunningServer } from '../start.ts'
import type { Ground, Reloaded } from './operations.ts'
import { reportOf } from './report.ts'

export interface Life {
  readonly clock: Clock
  /** Of this moment: a reload changes them. */
  settings(): ServerSettings
  reload(): Promise<Reloaded>
  stop(): void
}

export function groundOf(running: RunningServer, settings: ServerSettings, life?: Life): Ground {
  const clock = life?.clock ?? systemClock
  const now = (): ServerSettings => life?.settings() ?? settings
  const since = clock.monotonic()
  return {
    running,
    clock,
    door: () => {
      const settings = now()
      const { registration } = settings
      return { ...linkOf({ settings, srv: running.srv, port: running.port }), registration }
    },
    report: async () =>
      reportOf(running, now(), clock.now(), {
        isRunning: life !== undefined,
        uptimeMs: clock.monotonic() - since,
        backupAt: await lastBackupAt(now().data),
        moved: await movedFrom(now().data),
      }),
    reload: () => life?.reload() ?? fail('E_USAGE', 'No server runs here: nothing to reload.'),
    backup: (file, passphrase) => {
      const { keys, data } = now()
      const order = { file, passphrase, now: clock.now() }
      return writeBackup({ keys, data }, () => running.store.freeze(), order)
    },
    stop: () => {
      if (life === undefined) fail('E_USAGE', 'No server runs here: nothing to stop.')
      life.stop()
    },
  }
}
