// One line a minute about a server that has something to do, and a word at once when its disk changes state.
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { RunningServer } from './start.ts'

const EVERY_MS = 60_000
const MiB = 2 ** 20

export function watch({ server, store }: RunningServer, clock: Clock, log: Log): { stop(): void } {
  let accepted = 0
  let health = 'ok'
  let dueAt = clock.monotonic() + EVERY_MS
  const look = async (): Promise<void> => {
    const lagMs = Math.max(0, Math.round(clock.monotonic() - dueAt))
    const { connections, devices, messagesAccepted, fileBytesInFlight } = server.stats()
    const messages = messagesAccepted - accepted
    accepted = messagesAccepted
    if (connections > 0 || messages > 0) {
      const rssMiB = Math.round(process.memoryUsage.rss() / MiB)
      log.info('server.stat', { connections, devices, messages, fileBytesInFlight, rssMiB, lagMs })
    }
    const now = await store.health()
    if (now === health) return
    health = now
    if (now === 'ok') log.info('store.ok')
    else if (now === 'readonly')
      log.error('store.disk-nearly-full', { what: 'uploads are refused' })
    else log.error('store.down', { what: 'a write failed; restart when the disk is well again' })
  }
  let stopped = false
  const next = (): void => {
    dueAt = clock.monotonic() + EVERY_MS
    timer = clock.after(EVERY_MS, () => {
      void look().finally(() => {
        if (!stopped) next()
      })
    })
  }
  let timer = clock.after(0, next)
  return {
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}
