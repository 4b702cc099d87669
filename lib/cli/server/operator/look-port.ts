// Whether clients reach this server: by the name in the invite, and it must be this server that answers there. From this
// machine only: a firewall or router in between is for the operator to look at.
import { probeServer } from '../../../channel/client-handshake.ts'
import { dial, listen } from '../../../channel/tcp.ts'
import { errnoOf } from '../../../storage/durable.ts'
import { fromHex } from '../../../util/bytes.ts'
import { codeOf } from '../../../util/errors.ts'
import { systemClock } from '../../system-clock.ts'
import { type Check, check } from './check.ts'

export interface Place {
  /** What it listens on. */
  readonly host: string
  readonly port: number
  readonly publicHost: string | null
  /** Hex id of the server that should answer. */
  readonly srv: string
}

const DIAL_MS = 3000
const EVERY: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

export async function lookAtPort(place: Place): Promise<Check> {
  const { port, publicHost } = place
  const own = EVERY[place.host] ?? place.host
  const named = publicHost ?? own
  const why = await problemAt(named, place)
  if (why === null) return check('port', 'ok', `${named}:${port} is this server`)
  if (publicHost === null || (await problemAt(own, place)) !== null) {
    return check('port', 'bad', `${named}:${port} ${why}`)
  }
  return check(
    'port',
    'warning',
    `${own}:${port} is this server, but ${named}:${port} ${why} (from this machine: some routers do not let one reach itself)`,
  )
}

/** Whether a server that does not run could listen there now. */
export async function lookAtFreePort(name: string, host: string, port: number): Promise<Check> {
  const where = `${host}:${port}`
  try {
    const listener = await listen({ host, port, onConnection: (stream) => stream.destroy() })
    await listener.close()
    return check(name, 'ok', `${where} is free`)
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    // a unit may give the server the right to a low port
    return error instanceof Error && errnoOf(error.cause) === 'EACCES'
      ? check(name, 'warning', `${where} could not be tried: ${text}`)
      : check(name, 'bad', text)
  }
}

/** Null: the server answers there as itself. */
async function problemAt(host: string, { port, srv }: Place): Promise<string | null> {
  try {
    const stream = await dial({ host, port, timeoutMs: DIAL_MS })
    await probeServer(stream, { clock: systemClock, pin: fromHex(srv), timeoutMs: DIAL_MS })
    return null
  } catch (error) {
    if (codeOf(error) === 'E_SERVER_IDENTITY') return 'is another server'
    if (codeOf(error) === 'E_CLOSED') {
      return 'hangs up at once: it has no room for connections, or the address of this machine is banned (ban list)'
    }
    const text = error instanceof Error ? error.message : ''
    return codeOf(error) === 'E_CONNECT'
      ? `is not reached: ${text}`
      : `does not answer as this server: ${text}`
  }
}
