// Settings of this start: flag before variable before config file before default. Reads and decides only: a wrong word
// anywhere ends the program before anything was changed - but for commands of the operator, who may want to look at a server
// that runs well because of what is wrong in its file.
import { join, resolve } from 'node:path'

import { parseServerConfig } from '../../server/config.ts'
import { errnoOf } from '../../storage/durable.ts'
import { fail, SecureChatError } from '../../util/errors.ts'
import { commandOf } from './operator/options.ts'
import {
  PROGRAM_SETTINGS,
  type ProgramSettings,
  RELAY_NAMES,
  type ServerSettings,
  type Setting,
  SETTINGS,
} from './settings.ts'
import {
  type Complain,
  readCommandLine,
  readConfigFile,
  readEnvironment,
  type Source,
  strangeVariables,
} from './sources.ts'

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
  /** E_CONFIG for variables and the config file; the settings then are what the rest says. Only of `operate`. */
  readonly wrong: readonly SecureChatError[]
  /** Sentences about variables that nobody reads. */
  readonly warnings: readonly string[]
  /** False: it stands in a file that could not be read, so the folders are those of another server perhaps. */
  readonly isPlaceKnown: boolean
}

/**
 * @throws E_USAGE for the command line
 * @throws E_CONFIG for a variable or the config file, but for `operate`
 */
export function parseServerArgs(argv: readonly string[], around: Surroundings): ServerCommand {
  const { env, cwd, defaults } = around
  const line = readCommandLine(argv, cwd)
  const { words, options } = line
  const about = {
    ...{ settings: defaults, config: null, words, options },
    ...{ wrong: [], warnings: [], isPlaceKnown: true },
  }
  if (line.switches.has('help') || words[0] === 'help') return { ...about, run: 'help' }
  if (line.switches.has('version') || words[0] === 'version') return { ...about, run: 'version' }
  if (words.length > 0)
    commandOf(words, options) // a wrong one is named before anything is read
  else if (options.size > 0) {
    const flag = [...options.keys()].join(' --')
    fail('E_USAGE', `--${flag} belongs to a command.`)
  }

  const run = line.switches.has('print-config')
    ? 'print-config'
    : words.length > 0
      ? 'operate'
      : 'serve'
  const wrong: SecureChatError[] = []
  const complain: Complain = (code, message, cause) => {
    if (run !== 'operate' || code === 'E_USAGE') fail(code, message, cause)
    wrong.push(new SecureChatError(code, message, { cause }))
  }
  const sources: Source[] = [line, readEnvironment(env, cwd)]
  const named = line.config ?? env['SECURECHAT_CONFIG'] ?? ''
  const config = named === '' ? ownConfig(around) : resolve(cwd, named)
  const file =
    config === null ? null : readConfigFile(config, (path) => around.readFile(path), complain)
  const isPlaceKnown =
    named === '' || file !== null || sources.some(({ values }) => values.has('data'))
  if (file !== null) sources.push(file)
  const settings = choose(sources, defaults, complain)
  const warnings = strangeVariables(env)
  return { run, settings, config, words, options, wrong, warnings, isPlaceKnown }
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

function choose(
  sources: readonly Source[],
  defaults: ServerSettings,
  complain: Complain,
): ServerSettings {
  const relay: Record<string, string> = {}
  for (const name of RELAY_NAMES) {
    const text = first(sources, name, SETTINGS.get(name), complain)?.text
    if (text !== undefined) relay[name] = text
  }
  function of<K extends keyof ProgramSettings>(name: K): ProgramSettings[K] {
    const setting: Setting<NonNullable<ProgramSettings[K]>> = PROGRAM_SETTINGS[name]
    return first(sources, name, setting, complain)?.value ?? defaults[name]
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
  complain: Complain,
): { readonly text: string; readonly value: T } | undefined {
  const found = sources.flatMap(({ code, base, values }) => {
    const given = values.get(name)
    if (given === undefined || setting === undefined) return []
    const value = setting.read(given.text, base)
    if (value !== undefined) return [{ text: given.text, value }]
    complain(code, `${given.place} takes ${setting.takes}, not "${given.text}".`)
    return []
  })
  return found[0]
}
