// What the operator sees when the server is up (TERMINAL 5.16). Pure: everything is passed in.
import { serverFingerprint } from '../../identity/fingerprint.ts'
import { formatServerUri } from '../../identity/uri.ts'
import type { Bytes } from '../../util/bytes.ts'
import type { ServerSettings } from './settings.ts'

export interface NetworkAddress {
  readonly address: string
  readonly family: string
  readonly internal: boolean
}

export interface Standing {
  readonly settings: ServerSettings
  readonly srv: Bytes
  /** The one in use; settings.port may be 0. */
  readonly port: number
  readonly version: string
  readonly pid: number
  readonly nodeVersion: string
  readonly startMs: number
  readonly addresses: readonly NetworkAddress[]
}

const EVERY_ADDRESS = ['0.0.0.0', '::']

/** The address that goes into the invite, and whether it is only a guess. */
export function publicAddress({ settings, addresses }: Pick<Standing, 'settings' | 'addresses'>): {
  readonly host: string
  readonly guessed: boolean
} {
  if (settings.publicHost !== null) return { host: settings.publicHost, guessed: false }
  if (!EVERY_ADDRESS.includes(settings.host)) return { host: settings.host, guessed: false }
  const reachable = addresses.filter(({ address, internal }) => !internal && !isLinkLocal(address))
  const found =
    reachable.find(({ family }) => family === 'IPv4') ??
    (settings.host === '::' ? reachable[0] : undefined)
  return { host: found?.address ?? 'localhost', guessed: true }
}

function isLinkLocal(address: string): boolean {
  return /^(169\.254\.|fe[89ab][0-9a-f]:)/i.test(address)
}

/** What of it an invite needs. */
export type Reach = Pick<Standing, 'settings' | 'srv' | 'port' | 'addresses'>

export function inviteOf(standing: Reach): string {
  return formatServerUri({
    host: publicAddress(standing).host,
    port: standing.port,
    srv: standing.srv,
  })
}

const REGISTRATION: Readonly<Record<ServerSettings['registration'], string>> = {
  open: 'Everybody may register',
  invite: 'Registering by invite only',
  closed: 'Nobody may register',
}

export function banner(standing: Standing, qr: readonly string[] | null): string[] {
  const { settings, srv, port, version, pid, nodeVersion, startMs } = standing
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  const lines = [
    `securechat-server ${version}   pid ${pid}   node ${nodeVersion}   ready in ${(startMs / 1000).toFixed(2)} s`,
    `Listening   ${host}:${port}`,
    `Data        ${settings.data}`,
    `Keys        ${settings.keys}  (back this folder up)`,
    `Identity    ${serverFingerprint(srv)}`,
    `Invite      ${inviteOf(standing)}`,
  ]
  if (publicAddress(standing).guessed) {
    lines.push('            (for clients elsewhere: --public-host with the name they can reach)')
  }
  lines.push(
    `${REGISTRATION[settings.registration]}   up to ${settings.maxClients} clients   log level ${settings.logLevel}`,
  )
  if (qr !== null) lines.push('', ...qr.map((row) => `    ${row}`))
  lines.push(
    '',
    'Ctrl-C stops gracefully (clients are told and reconnect). This server cannot',
    'read messages; the log never contains names, texts or file names.',
    '',
  )
  return lines
}
