// Settings of this start: flag before variable before config file before default. Reads and decides only: a wrong word
// anywhere ends the program before anything was changed.
import { join, resolve } from 'node:path'

import { parseServerConfig } from '../../server/config.ts'
import { errnoOf } from '../../storage/durable.ts'
import { fail } from '../../util/errors.ts'
import { commandOf } from './operator/options.ts'
import {
  PROGRAM_SETTINGS,
  type ProgramSettings,
  RELAY_NAMES,
  type ServerSettings,
  type Setting,
  SETTINGS,
} from './settings.ts'
import { readCommandLine, readConfigFile, readEnvironment, type Source } from './sources.ts'

/** Beside the keys. */
export const CONFIG_NAME = 'server.config.json'

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly defaults: ServerSettings
  /** Throws Node's own error. */
  readFile(path: string): string
}

export interface ServerCommand {
  readonly run: 'serve' | 'help' | 'version' | 'print-config' | 'operate'
  readonly settings: ServerSettings
  /** The settings file that was read; null: none. */
  readonly config: string | null
  /** Of `operate`; empty else. */
  readonly words: readonly string[]
  readonly options: ReadonlyMap<string, string>
}

/**
 * @throws E_USAGE for the command line
 * @throws E_CONFIG for a variable or the config file
 */
export function parseServerArgs(argv: readonly string[], around: Surroundings): ServerCommand {
  const { env, cwd, defaults } = around
  const line = readCommandLine(argv, cwd)
  const { words, options } = line
  const about = { settings: defaults, config: null, words, options }
  if (line.switches.has('help')) return { ...about, run: 'help' }
  if (line.switches.has('version')) return { ...about, run: 'version' }
  if (words.length > 0)
    commandOf(words, options) // a wrong one is named before anything is read
  else if (options.size > 0) {
    const flag = [...options.keys()].join(' --')
    fail('E_USAGE', `--${flag} belongs to a command. --help lists what there is.`)
  }

  const sources: Source[] = [line, readEnvironment(env, cwd)]
  const named = line.config ?? env['SECURECHAT_CONFIG'] ?? ''
  const config = named === '' ? ownConfig(around) : resolve(cwd, named)
  if (config !== null) sources.push(readConfigFile(config, (path) => around.readFile(path)))
  const settings = choose(sources, defaults)
  const run = words.length > 0 ? 'operate' : 'serve'
  return {
    ...{ settings, config, words, options },
    run: line.switches.has('print-config') ? 'print-config' : run,
  }
}

/** What `securechat-server setup` wrote into the default folder of keys, if it ever ran there. */
function ownConfig(around: Surroundings): string | null {
  const path = join(around.defaults.keys, CONFIG_NAME)
  try {
    around.readFile(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null
  }
  return path
}

function choose(sources: readonly Source[], defaults: ServerSettings): ServerSettings {
  const relay: Record<string, string> = {}
  for (const name of RELAY_NAMES) {
    const text = first(sources, name, SETTINGS.get(name))?.text
    if (text !== undefined) relay[name] = text
  }
  function of<K extends keyof ProgramSettings>(name: K): ProgramSettings[K] {
    const setting: Setting<NonNullable<ProgramSettings[K]>> = PROGRAM_SETTINGS[name]
    return first(sources, name, setting)?.value ?? defaults[name]
  }
  return {
    host: of('host'),
    port: of('port'),
    publicHost: of('publicHost'),
    metricsPort: of('metricsPort'),
    data: of('data'),
    keys: of('keys'),
    launchPasswordFile: of('launchPasswordFile'),
    launchPasswordFd: of('launchPasswordFd'),
    fileQuotaBytes: of('fileQuotaBytes'),
    fileTotalBytes: of('fileTotalBytes'),
    mailboxQuotaBytes: of('mailboxQuotaBytes'),
    mailTotalBytes: of('mailTotalBytes'),
    historyTotalBytes: of('historyTotalBytes'),
    freeBytes: of('freeBytes'),
    storage: of('storage'),
    logLevel: of('logLevel'),
    logAddresses: of('logAddresses'),
    systemd: of('systemd'),
    ...parseServerConfig(relay),
  }
}

/**
 * The value of the first source that has one. Those that it overrides are read too: a mistake in the file should not wait
 * for the day on which the flag goes.
 */
function first<T>(
  sources: readonly Source[],
  name: string,
  setting: Setting<T> | undefined,
): { readonly text: string; readonly value: T } | undefined {
  const found = sources.flatMap(({ code, base, values }) => {
    const given = values.get(name)
    if (given === undefined || setting === undefined) return []
    const value = setting.read(given.text, base)
    if (value !== undefined) return [{ text: given.text, value }]
    return fail(code, `${given.place} takes ${setting.takes}, not "${given.text}".`)
  })
  return found[0]
}
