// A messenger in this process over real folders and real TCP, as bin/securechat composes it.
import { join } from 'node:path'

import { dial } from '../../lib/channel/tcp.ts'
import { createClientHome } from '../../lib/cli/client/client-home.ts'
import { createNodeFiles } from '../../lib/cli/node-files.ts'
import { systemClock } from '../../lib/cli/system-clock.ts'
import type { Session } from '../../lib/client/api.ts'
import { connect } from '../../lib/client/connect.ts'
import type { ClientDeps } from '../../lib/client/ports.ts'
import { silentLog } from '../../lib/util/log.ts'
import { PASSWORD } from './programs.ts'

export function realDeps(home: string): ClientDeps {
  return {
    dial: (host, port) => dial({ host, port, timeoutMs: 5000 }),
    home: createClientHome(
      { keys: join(home, 'keys'), data: join(home, 'data') },
      systemClock,
      silentLog,
    ),
    files: createNodeFiles(join(home, 'downloads')),
    clock: systemClock,
    log: silentLog,
    confirmServer: () => Promise.resolve(true),
  }
}

export async function registerReal(home: string, port: number, username: string): Promise<Session> {
  const lobby = await connect(realDeps(home), { host: '127.0.0.1', port })
  const { session } = await lobby.register({ username, password: PASSWORD })
  return session
}

/** One of the cast (cast.ts), by the key of its device. */
export async function resumeReal(home: string, port: number): Promise<Session> {
  const lobby = await connect(realDeps(home), { host: '127.0.0.1', port })
  return lobby.resume()
}
