// The systemd unit of a server that was just set up: systemd.exec(5), systemd.service(5). Written beside its settings, for root
// to copy: setup itself needs no root and changes nothing of the system. MemoryDenyWriteExecute is missing because Node.js
// compiles while it runs.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'

import { fail } from '../../util/errors.ts'
import { inert } from '../sanitise.ts'
import type { ServerSettings } from '../server/settings.ts'

export const UNIT_NAME = 'securechat.service'
const CREDENTIAL_FILE = '/etc/securechat/launch-password'
/** Below, ports are of root alone, without CAP_NET_BIND_SERVICE. */
export const LOW_PORTS = 1024
const VERIFY_MS = 10_000

export interface UnitFacts {
  readonly settings: Pick<ServerSettings, 'keys' | 'data' | 'port' | 'launchPasswordFile'>
  readonly user: string
  readonly node: string
  readonly program: string
  readonly config: string
  readonly hasLaunchPassword: boolean
}

/** Where root keeps the launch password for systemd. */
export function credentialFile({ launchPasswordFile }: UnitFacts['settings']): string {
  return launchPasswordFile ?? CREDENTIAL_FILE
}

/** As in bin/securechat-server, which says why. */
const NODE_FLAGS = [
  '--initial-old-space-size=128',
  '--max-semi-space-size=4',
  '--no-concurrent-marking',
] as const

/** @throws E_CONFIG for a path that no line of a unit can hold */
export function unitText(facts: UnitFacts): string {
  const { settings, user, node, program, config } = facts
  const paths = writable(settings)
  for (const path of [...paths, credentialFile(settings), node, program, config]) {
    if (/\p{Cc}/u.test(path)) {
      fail('E_CONFIG', 'A path with control characters cannot stand in a systemd unit.')
    }
  }
  const near = (folder: string): boolean =>
    [...paths, node, program, config].some((path) => path.startsWith(`${folder}/`))
  const isAtHome = ['/home', '/root', '/run/user'].some(near)
  const capabilities = settings.port > 0 && settings.port < LOW_PORTS ? 'CAP_NET_BIND_SERVICE' : ''
  const words = [node, ...NODE_FLAGS, program, '--config', config]
  const rows = [
    '[Unit]',
    'Description=SecureChat server',
    'Wants=network-online.target',
    'After=network-online.target',
    '',
    '[Service]',
    `User=${user}`,
    ...(facts.hasLaunchPassword
      ? [`LoadCredential=launch-password:${specifier(credentialFile(settings))}`]
      : []),
    `ExecStart=${words.map(word).join(' ')}`,
    'ExecReload=/bin/kill -HUP $MAINPID',
    'Restart=on-failure',
    'RestartSec=5',
    '# wrong options, damaged or unreadable files, a wrong launch password: another start cures none of them',
    'RestartPreventExitStatus=2 65 66 77 78',
    '# clients get ten seconds to have their last requests answered',
    'TimeoutStopSec=30',
    'LimitNOFILE=65536',
    'LimitCORE=0',
    'UMask=0077',
    `AmbientCapabilities=${capabilities}`,
    `CapabilityBoundingSet=${capabilities}`,
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    `ReadWritePaths=${paths.map((path) => quoted(specifier(path))).join(' ')}`,
    `ProtectHome=${isAtHome ? 'read-only' : 'yes'}`,
    `PrivateTmp=${near('/tmp') || near('/var/tmp') ? 'no' : 'yes'}`,
    'PrivateDevices=yes',
    'ProtectClock=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'ProtectProc=invisible',
    'RemoveIPC=yes',
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    'SystemCallArchitectures=native',
    'SystemCallFilter=@system-service',
    'SystemCallErrorNumber=EPERM',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ]
  return `${rows.join('\n')}\n`
}

/** What systemd says against a unit; empty: nothing, or there is no systemd here. */
export function verifyUnit(path: string): string {
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', path], {
    encoding: 'utf8',
    timeout: VERIFY_MS,
  })
  return status === null || status === 0 ? '' : stderr.split('\n').map(inert).join('\n').trim()
}

/** Backups are written by the server itself, so the folder around keys and data, where it is theirs alone. */
function writable({ keys, data }: UnitFacts['settings']): string[] {
  const home = dirname(keys)
  const isOwn = keys === join(home, 'keys') && data === join(home, 'data', 'server')
  return isOwn && home !== '/' ? [home] : [keys, data]
}

/** Of a command line: quotes, escapes, no variables. */
function word(text: string): string {
  return quoted(specifier(text.replaceAll('$', '$$$$')))
}

function specifier(text: string): string {
  return text.replaceAll('%', '%%')
}

function quoted(text: string): string {
  if (/^[\w@%+=:,./$-]+$/.test(text)) return text
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
