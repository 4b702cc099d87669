// What an operator can set: one row per setting, read alike from a flag, a variable and the config file. The rows of the
// relay itself come from server/config.ts; those of the program around it stand here. Knows no source.
import { resolve } from 'node:path'

import {
  parseServerConfig,
  rangeOf,
  SERVER_OPTIONS,
  type ServerConfig,
} from '../../server/config.ts'
import { LIVE_SETTINGS } from '../../server/live-settings.ts'
import { MAILBOX_LIMITS } from '../../storage/box-table.ts'
import { LOG_LEVELS, type LogLevel } from '../log.ts'
import { hostName, publicHostName } from './host-name.ts'

const MiB = 2 ** 20
const GiB = 2 ** 30

/** What keeps the data. One so far: files in the data folder (NeDB collections and plain files), for one process. */
export const STORAGE_ENGINES = ['embedded'] as const
export type StorageEngine = (typeof STORAGE_ENGINES)[number]

export interface ProgramSettings {
  readonly host: string
  readonly port: number
  /** Goes into the invite; null: guessed from the network interfaces. */
  readonly publicHost: string | null
  /** On 127.0.0.1; 0: none. */
  readonly metricsPort: number
  readonly data: string
  readonly keys: string
  /** Holds the launch password; null: asked on the terminal when there is one. */
  readonly launchPasswordFile: string | null
  /** The same from an open descriptor. */
  readonly launchPasswordFd: number | null
  /** Of one account. */
  readonly fileQuotaBytes: number
  /** Of all accounts together; 0: as much as the disk takes. */
  readonly fileTotalBytes: number
  /** Of one device. */
  readonly mailboxQuotaBytes: number
  /** Of all devices together. */
  readonly mailTotalBytes: number
  /** Of all accounts together; 0: as much as the disk takes. */
  readonly historyTotalBytes: number
  readonly freeBytes: number
  readonly storage: StorageEngine
  readonly logLevel: LogLevel
  readonly logAddresses: boolean
  /** For setup alone. */
  readonly systemd: 'no' | 'yes'
}

export interface ServerSettings extends ProgramSettings, ServerConfig {}

export interface Setting<T> {
  /** --max-clients, SECURECHAT_MAX_CLIENTS and maxClients in the file. */
  readonly flag: string
  /** What --help shows for the value; null: a switch. */
  readonly placeholder: string | null
  readonly help: string
  /** Completes "... takes ". */
  readonly takes: string
  /** `base` is where a relative path starts. Undefined: not a value of this setting. */
  read(text: string, base: string): T | undefined
}

type ProgramRows = {
  readonly [K in keyof ProgramSettings]: Setting<NonNullable<ProgramSettings[K]>>
}

export const PROGRAM_SETTINGS: ProgramRows = {
  host: {
    flag: 'host',
    placeholder: 'HOST',
    help: 'address to listen on; 0.0.0.0: every IPv4 address of this machine, ::  also IPv6',
    takes: 'a host name or an address',
    read: hostName,
  },
  port: {
    flag: 'port',
    placeholder: 'PORT',
    help: 'TCP port; 0 takes a free one',
    takes: 'a whole number from 0 to 65535',
    read: (text) => whole(text, 65535),
  },
  publicHost: {
    flag: 'public-host',
    placeholder: 'HOST',
    help: 'name or address under which clients find this server; goes into the invite',
    takes: 'a host name or an address, without a port',
    read: publicHostName,
  },
  metricsPort: {
    flag: 'metrics-port',
    placeholder: 'PORT',
    help: 'Prometheus metrics (/metrics) and /health, on 127.0.0.1 only; 0: none',
    takes: 'a whole number from 0 to 65535',
    read: (text) => whole(text, 65535),
  },
  data: {
    flag: 'data',
    placeholder: 'DIR',
    help: 'accounts, waiting messages and files; for one server at a time',
    takes: 'the path of a folder',
    read: folder,
  },
  keys: {
    flag: 'keys',
    placeholder: 'DIR',
    help: 'the identity of this server; back it up',
    takes: 'the path of a folder',
    read: folder,
  },
  launchPasswordFile: {
    flag: 'launch-password-file',
    placeholder: 'FILE',
    help: 'its first line is the launch password, if one protects the keys',
    takes: 'the path of a file',
    read: folder,
  },
  launchPasswordFd: {
    flag: 'launch-password-fd',
    placeholder: 'N',
    help: 'the same from an open descriptor',
    takes: 'the number of an open descriptor',
    read: (text) => whole(text, 1024),
  },
  fileQuotaBytes: bytes(
    'file-quota-bytes',
    'bytes; files of one account that wait for their receivers',
  ),
  fileTotalBytes: bytes(
    'file-total-bytes',
    'bytes; files of all accounts together; 0: as much as the disk takes',
  ),
  mailboxQuotaBytes: bytes(
    'mailbox-quota-bytes',
    'bytes; messages that wait for one device; nobody else fills more than a quarter',
    4 * MiB,
    16 * GiB,
  ),
  mailTotalBytes: bytes(
    'mail-total-bytes',
    'bytes; messages that wait for all devices together, in memory as well; nobody fills more than a sixteenth',
    64 * MiB,
    1024 * GiB,
  ),
  historyTotalBytes: bytes(
    'history-total-bytes',
    'bytes; histories of all accounts together; 0: as much as the disk takes',
  ),
  freeBytes: bytes('free-bytes', 'bytes of disk left alone: below, no files are taken'),
  storage: {
    flag: 'storage',
    placeholder: STORAGE_ENGINES.join('|'),
    help: 'what keeps the data: files in the data folder; there is no other engine yet',
    takes: 'embedded, the one engine there is',
    read: (text) => STORAGE_ENGINES.find((engine) => engine === text),
  },
  logLevel: {
    flag: 'log-level',
    placeholder: LOG_LEVELS.join('|'),
    help: 'how much to log',
    takes: orList(LOG_LEVELS),
    read: (text) => LOG_LEVELS.find((level) => level === text),
  },
  logAddresses: {
    flag: 'log-addresses',
    placeholder: null,
    help: "log clients' full network addresses, not only their networks",
    takes: 'true or false',
    read: (text) =>
      ({ true: true, yes: true, '1': true, false: false, no: false, '0': false })[text],
  },
  systemd: {
    flag: 'systemd',
    placeholder: 'no|yes',
    help: 'for setup: whether to write a systemd unit beside the settings',
    takes: 'no or yes',
    read: (text) => (text === 'no' || text === 'yes' ? text : undefined),
  },
}

function bytes(
  flag: string,
  help: string,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): Setting<number> {
  const read = (text: string): number | undefined => {
    const value = whole(text, max)
    return value === undefined || value < min ? undefined : value
  }
  const range = min === 0 ? '' : ` from ${min} to ${max}`
  return { flag, placeholder: 'N', help, takes: `a whole number${range}`, read }
}

function whole(text: string, max: number): number | undefined {
  return /^\d{1,16}$/.test(text) && Number(text) <= max ? Number(text) : undefined
}

function folder(text: string, base: string): string | undefined {
  return text === '' || text.includes('\0') ? undefined : resolve(base, text)
}

function orList(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`
}

function relayRow(name: keyof ServerConfig): Setting<ServerConfig[typeof name]> {
  const option = SERVER_OPTIONS[name]
  const number = option.kind === 'number'
  const isTime = number && option.unit === 'ms'
  return {
    flag: name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    placeholder: number ? (isTime ? 'TIME' : 'N') : option.values.join('|'),
    help: number
      ? `${isTime ? 'ms or a span like 30d' : option.unit}; ${option.about}`
      : option.about,
    takes: number ? rangeOf(option) : orList(option.values),
    read: (text) => {
      try {
        return parseServerConfig({ [name]: text })[name]
      } catch {
        return undefined
      }
    },
  }
}

export const RELAY_NAMES: readonly (keyof ServerConfig)[] = Object.keys(
  SERVER_OPTIONS,
) as (keyof ServerConfig)[]

/** Every setting by its name in the config file. */
export const SETTINGS: ReadonlyMap<string, Setting<unknown>> = new Map<string, Setting<unknown>>([
  ...Object.entries(PROGRAM_SETTINGS),
  ...RELAY_NAMES.map((name) => [name, relayRow(name)] as const),
])

/** Whether a running server takes a new value at SIGHUP; the others need a restart. */
export function isReloadable(name: string): boolean {
  return LIVE_SETTINGS.has(name) || name === 'logLevel' || name === 'publicHost'
}

export function defaultSettings(home: {
  readonly keys: string
  readonly data: string
}): ServerSettings {
  return {
    host: '0.0.0.0',
    port: 7700,
    publicHost: null,
    metricsPort: 0,
    // A client of the same home keeps its folders beside it.
    data: resolve(home.data, 'server'),
    keys: home.keys,
    launchPasswordFile: null,
    launchPasswordFd: null,
    fileQuotaBytes: 4 * GiB,
    fileTotalBytes: 0,
    mailboxQuotaBytes: MAILBOX_LIMITS.boxBytes,
    mailTotalBytes: MAILBOX_LIMITS.totalBytes,
    historyTotalBytes: 0,
    freeBytes: GiB / 2,
    storage: 'embedded',
    logLevel: 'info',
    logAddresses: false,
    systemd: 'no',
    ...parseServerConfig(),
  }
}
