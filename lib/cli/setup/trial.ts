// The trial of a set-up: a server with the chosen address and disk, two people who register, write to each other and
// delete their accounts - all in a folder of its own that is gone afterwards, so no name is used up and no key is seen.
import { join } from 'node:path'

import { randomBytes } from '../../crypto/random.ts'
import { base64url } from '../../util/bytes.ts'
import { silentLog } from '../../util/log.ts'
import { Person } from '../demo/cast.ts'
import { openMetricsPort } from '../server/metrics-port.ts'
import type { ServerSettings } from '../server/settings.ts'
import { startServer } from '../server/start.ts'
import { systemClock } from '../system-clock.ts'

const WORDS = 'can you read this?'
/** Of two people: a quarter of all connections may be without login. */
const TRIAL_CLIENTS = 16
const EVERY: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** @throws what a start of this server, or a client of it, would say */
export async function tryOut(settings: ServerSettings, folder: string): Promise<void> {
  const server = await startServer(
    {
      ...settings,
      keys: join(folder, 'keys'),
      data: join(folder, 'data'),
      registration: 'open',
      email: 'no',
      registrationPuzzleBits: 0,
      maxClients: Math.max(settings.maxClients, TRIAL_CLIENTS),
      launchPasswordFile: null,
      launchPasswordFd: null,
    },
    { clock: systemClock, log: silentLog },
  )
  const host = EVERY[settings.host] ?? settings.host
  const stage = { host, port: server.port, srv: server.srv, say: () => undefined }
  const [one, two] = ['trial-one', 'trial-two'].map(
    (name) => new Person(name, join(folder, name), stage),
  ) as [Person, Person]
  try {
    if (settings.metricsPort !== 0) {
      await (await openMetricsPort(settings.metricsPort, server, systemClock)).close()
    }
    const password = base64url(randomBytes(24))
    await one.register(password)
    await two.register(password)
    await one.type(`@trial-two ${WORDS}`)
    await two.sees(/can you read this\?/)
    await two.type('@trial-one yes')
    await one.sees(/trial-two: yes/)
    await one.deleteAccount(password)
    await two.deleteAccount(password)
  } finally {
    await Promise.allSettled([one.close(), two.close()])
    await server.close()
  }
}
